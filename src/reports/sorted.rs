//! Pages in another order than the newest first. Every page looks at all that the filters let through, within a
//! budget, and keeps the best of it: nothing is sorted on disk, and memory holds one page.

use super::ReportError;
use super::page::{Budget, Page, wrong_cursor};
use crate::domain::ids::TimeId;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// Records looked at for one page.
const MOST_RECORDS: usize = 200_000;
/// Time spent on one page.
const MOST_TIME: Duration = Duration::from_millis(1500);

/// What one page in an order may cost.
pub fn budget() -> Budget {
    Budget::new(MOST_RECORDS, MOST_TIME)
}

/// An order of a list of records. What a record has not (money, a payout) stands last in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// By time, newest first: the default, and the only one that is not looked for.
    Newest,
    /// By time.
    Oldest,
    /// By revenue, highest first (activities).
    HighestRevenue,
    /// By revenue (activities).
    LowestRevenue,
    /// By payout, highest first (activities).
    HighestPayout,
    /// By payout (activities).
    LowestPayout,
    /// By the number of attempts, most first (postbacks).
    MostAttempts,
    /// By the number of attempts (postbacks).
    FewestAttempts,
}

impl Order {
    /// Whether the highest value stands first.
    pub fn is_descending(self) -> bool {
        matches!(
            self,
            Self::Newest | Self::HighestRevenue | Self::HighestPayout | Self::MostAttempts
        )
    }

    /// The order that a list was asked for, when it is not the one it is kept in; `has` are those it knows.
    pub fn asked(order: Option<Self>, has: &[Self]) -> Result<Option<Self>, ReportError> {
        match order {
            None | Some(Self::Newest) => Ok(None),
            Some(order) if has.contains(&order) => Ok(Some(order)),
            Some(_) => Err(ReportError::invalid(
                "order",
                "unknown_order_of_list",
                "this list cannot be sorted by that",
            )),
        }
    }
}

/// Where a record stands in an order: those without a value last, then by value, then the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    has_none: bool,
    value: Decimal,
    id: Reverse<TimeId>,
}

impl Rank {
    fn parse(cursor: &str) -> Result<Self, ReportError> {
        let parsed = cursor.split_once('~').and_then(|(value, id)| {
            Some(Self {
                has_none: value.is_empty(),
                value: if value.is_empty() {
                    Decimal::ZERO
                } else {
                    value.parse().ok()?
                },
                id: Reverse(id.parse().ok()?),
            })
        });
        parsed.ok_or_else(wrong_cursor)
    }

    fn cursor(&self) -> String {
        let value = if self.has_none {
            String::new()
        } else {
            self.value.to_string()
        };
        format!("{value}~{}", self.id.0)
    }
}

/// The best of what was offered, up to a page.
pub struct Best<T> {
    order: Order,
    limit: usize,
    after: Option<Rank>,
    kept: BTreeMap<Rank, T>,
    had_more: bool,
}

impl<T> Best<T> {
    /// A page of `limit` in an order, after the one that `cursor` ends.
    pub fn new(order: Order, limit: usize, cursor: Option<&str>) -> Result<Self, ReportError> {
        Ok(Self {
            order,
            limit,
            after: cursor.map(Rank::parse).transpose()?,
            kept: BTreeMap::new(),
            had_more: false,
        })
    }

    /// Keeps a record when it is among the best. `value` is what the order is by.
    pub fn offer(&mut self, id: TimeId, value: Option<Decimal>, item: impl FnOnce() -> T) {
        let signed = value.map(|value| if self.order.is_descending() { -value } else { value });
        let rank = Rank {
            has_none: signed.is_none(),
            value: signed.unwrap_or_default(),
            id: Reverse(id),
        };
        if self.after.is_some_and(|after| rank <= after) {
            return;
        }
        let is_full = self.kept.len() >= self.limit;
        if is_full && self.kept.last_key_value().is_some_and(|(worst, _)| rank > *worst) {
            self.had_more = true;
            return;
        }
        self.kept.insert(rank, item());
        if self.kept.len() > self.limit {
            self.kept.pop_last();
            self.had_more = true;
        }
    }

    /// The page; `is_partial` when not everything could be looked at.
    pub fn page(self, is_partial: bool) -> Page<T> {
        let last = self.kept.last_key_value().map(|(rank, _)| rank.cursor());
        Page {
            next_cursor: last.filter(|_| self.had_more),
            items: self.kept.into_values().collect(),
            is_partial,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(order: Order, limit: usize, cursor: Option<&str>) -> Page<i64> {
        let mut best = Best::new(order, limit, cursor).unwrap();
        for (at, value) in [(1, Some(5)), (2, None), (3, Some(9)), (4, Some(5)), (5, Some(1))] {
            best.offer(TimeId::floor(at), value.map(Decimal::from), || at);
        }
        best.page(false)
    }

    #[test]
    fn pages_in_an_order_follow_each_other_without_gap_or_repetition() {
        for (order, all) in [
            (Order::HighestRevenue, [3, 4, 1, 5, 2]),
            (Order::LowestRevenue, [5, 4, 1, 3, 2]),
        ] {
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let page = page(order, 2, cursor.as_deref());
                found.extend(page.items);
                match page.next_cursor {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
            assert_eq!(found, all, "{order:?}");
        }
        assert_eq!(page(Order::HighestRevenue, 9, None).next_cursor, None);
    }

    #[test]
    fn strange_cursors_and_orders_of_other_lists_are_refused() {
        assert!(Best::<u8>::new(Order::Oldest, 1, Some("x")).is_err());
        assert!(Best::<u8>::new(Order::Oldest, 1, Some("1~x")).is_err());
        let has = [Order::Oldest];
        assert_eq!(Order::asked(Some(Order::Newest), &has).unwrap(), None);
        assert_eq!(
            Order::asked(Some(Order::Oldest), &has).unwrap(),
            Some(Order::Oldest)
        );
        assert!(Order::asked(Some(Order::MostAttempts), &has).is_err());
    }
}
