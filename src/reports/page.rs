//! Lists: pages with an opaque cursor, newest first, and a budget for each page.

use super::ReportError;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Items of a page unless the caller says otherwise.
pub const DEFAULT_LIMIT: u16 = 50;
/// Most items of a page.
pub const MAX_LIMIT: u16 = 200;
/// Records looked at for one page.
pub const MOST_RECORDS: usize = 20_000;
/// Time spent on one page.
pub const MOST_TIME: Duration = Duration::from_millis(200);

/// One page of a list.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// Give it as `cursor` for the next page; `null` at the end.
    pub next_cursor: Option<String>,
    /// The search stopped early to stay quick: there may be more matches behind the cursor although this
    /// page is not full.
    pub is_partial: bool,
}

/// How many items a caller wants.
pub fn limit(asked: Option<u16>) -> Result<usize, ReportError> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(usize::from(limit));
    }
    Err(ReportError::invalid(
        "limit",
        "out_of_range",
        format!("use a number from 1 to {MAX_LIMIT}"),
    ))
}

/// Filters of lists of configuration objects.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConfigQuery {
    /// Items of a page, 1 to 200 (50).
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only those whose name or id holds this.
    pub q: Option<String>,
    /// Only those of this offer (links, rules).
    pub offer: Option<String>,
    /// Only those of this partner (links, rules).
    pub partner: Option<String>,
}

impl ConfigQuery {
    /// The word that is searched; empty without one.
    pub fn word(&self) -> &str {
        self.q.as_deref().unwrap_or_default()
    }

    /// The page that is asked for.
    pub fn page<T>(&self, all: impl Iterator<Item = Ordered<T>>) -> Result<Page<T>, ReportError> {
        of_memory(all.collect(), limit(self.limit)?, self.cursor.as_deref())
    }
}

/// An object of a list that lives in memory, with what it is ordered by.
#[derive(Debug)]
pub struct Ordered<T> {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Tells objects of one time apart.
    pub id: String,
    /// The object.
    pub item: T,
}

/// Cuts a page out of a list in memory.
pub fn of_memory<T>(
    mut all: Vec<Ordered<T>>,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<T>, ReportError> {
    let after = cursor.map(parse_cursor).transpose()?;
    all.sort_by(|a, b| (b.at_ms, &b.id).cmp(&(a.at_ms, &a.id)));
    let mut rest = all
        .into_iter()
        .filter(|o| after.as_ref().is_none_or(|(ms, id)| (o.at_ms, &o.id) < (*ms, id)))
        .peekable();
    let mut items = Vec::with_capacity(limit.min(64));
    let mut last = None;
    while items.len() < limit
        && let Some(next) = rest.next()
    {
        last = Some(format!("{}.{}", next.at_ms, next.id));
        items.push(next.item);
    }
    let next_cursor = if rest.peek().is_some() { last } else { None };
    Ok(Page {
        items,
        next_cursor,
        is_partial: false,
    })
}

fn parse_cursor(text: &str) -> Result<(i64, String), ReportError> {
    let parsed = text
        .split_once('.')
        .and_then(|(ms, id)| Some((ms.parse().ok()?, id.to_owned())));
    parsed.ok_or_else(wrong_cursor)
}

/// The error for a cursor that is none of ours.
pub fn wrong_cursor() -> ReportError {
    ReportError::invalid(
        "cursor",
        "invalid_cursor",
        "give next_cursor of the page before, or leave it out for the first page",
    )
}

/// What one page may cost.
#[derive(Debug)]
pub struct Budget {
    left: usize,
    until: Instant,
}

impl Budget {
    /// That of a page.
    pub fn of_page() -> Self {
        Self::new(MOST_RECORDS, MOST_TIME)
    }

    /// Another one.
    pub fn new(records: usize, time: Duration) -> Self {
        Self {
            left: records,
            until: Instant::now() + time,
        }
    }

    /// Counts one record; `false` when nothing is left. The clock is looked at now and then.
    pub fn spend(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        if self.left.is_multiple_of(64) && Instant::now() >= self.until {
            self.left = 0;
        }
        true
    }

    /// Whether nothing is left.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }
}

/// Whether a text holds a search word, letter case aside.
pub fn holds(text: &str, word: &str) -> bool {
    text.to_lowercase().contains(&word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Ordered<u8>> {
        let o = |at_ms, id: &str, item| Ordered {
            at_ms,
            id: id.into(),
            item,
        };
        vec![o(1, "a", 1), o(3, "c", 4), o(2, "b", 2), o(2, "bb", 3)]
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        let first = of_memory(all(), 2, None).unwrap();
        assert_eq!(first.items, [4, 3]);
        let second = of_memory(all(), 2, first.next_cursor.as_deref()).unwrap();
        assert_eq!(second.items, [2, 1]);
        assert_eq!(second.next_cursor, None);
        assert!(of_memory(all(), 2, Some("x")).is_err());
    }

    #[test]
    fn limits_and_budgets() {
        assert_eq!(limit(None).unwrap(), 50);
        assert!(limit(Some(0)).is_err() && limit(Some(201)).is_err());
        let mut budget = Budget::new(3, Duration::from_secs(60));
        assert_eq!((0..5).filter(|_| budget.spend()).count(), 3);
    }
}
