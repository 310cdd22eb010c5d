//! Lists of records, newest first over all periods, with a cursor and a budget. The ids carry the time, so
//! the id of the last record looked at is the cursor.

use super::ReportError;
use super::page::{Budget, Page, wrong_cursor};
use crate::domain::activity::Activity;
use crate::domain::ids::TimeId;
use crate::domain::postback::Postback;
use crate::domain::session::Session;
use crate::store::{Db, Key, KeyRange, PeriodKind, RawKey, Reader, Record, StoreError, keys};
use std::ops::ControlFlow;

/// One kind of record that is listed by time.
#[derive(Clone, Copy)]
pub struct Family {
    kind: PeriodKind,
    between: fn(i64, i64) -> KeyRange,
    key: fn(TimeId) -> RawKey,
    parse: fn(&[u8]) -> Option<TimeId>,
}

/// Clicks and impressions.
pub const SESSIONS: Family = Family {
    kind: PeriodKind::Sessions,
    between: keys::sessions_between,
    key: |id| keys::session(crate::domain::ids::SessionId(id)).into(),
    parse: |key| keys::parse_session(key).map(|id| id.0),
};

/// Activities.
pub const ACTIVITIES: Family = Family {
    kind: PeriodKind::Activities,
    between: keys::activities_between,
    key: |id| keys::activity(crate::domain::ids::ActivityId(id)).into(),
    parse: |key| keys::parse_activity(key).map(|id| id.0),
};

/// Settled postbacks.
pub const POSTBACKS: Family = Family {
    kind: PeriodKind::Postbacks,
    between: keys::postbacks_between,
    key: |id| keys::postback(crate::domain::ids::PostbackId(id)).into(),
    parse: |key| keys::parse_postback(key).map(|id| id.0),
};

/// A record that is listed by time.
pub trait Listed: Record {
    /// Where it lies.
    const FAMILY: Family;
}

impl Listed for Session {
    const FAMILY: Family = SESSIONS;
}

impl Listed for Activity {
    const FAMILY: Family = ACTIVITIES;
}

impl Listed for Postback {
    const FAMILY: Family = POSTBACKS;
}

/// What part of the records is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// First millisecond.
    pub from_ms: i64,
    /// First millisecond that is not in it.
    pub to_ms: i64,
    /// Only records before this id: the cursor.
    pub before: Option<TimeId>,
}

impl Window {
    /// Everything, or what the caller named.
    pub fn new(from_ms: Option<i64>, to_ms: Option<i64>, cursor: Option<&str>) -> Result<Self, ReportError> {
        let before = cursor.map(str::parse).transpose().map_err(|_| wrong_cursor())?;
        let (from_ms, to_ms) = (from_ms.unwrap_or(0).max(0), to_ms.unwrap_or(i64::MAX));
        if from_ms >= to_ms {
            return Err(ReportError::invalid(
                "to_ms",
                "out_of_range",
                "to_ms must be later than from_ms",
            ));
        }
        Ok(Self {
            from_ms,
            to_ms,
            before,
        })
    }

    /// Whether a record is in it.
    pub fn holds(&self, id: TimeId) -> bool {
        id.at_ms() >= self.from_ms && id.at_ms() < self.to_ms && self.before.is_none_or(|before| id < before)
    }
}

/// What a scan came to.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// There is nothing more.
    Exhausted,
    /// The visitor had enough; the id is that of the last record looked at.
    Enough(TimeId),
    /// The budget ran out; the id is that of the last record looked at.
    OutOfBudget(TimeId),
}

impl End {
    /// Whether there was more than the budget allows.
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::OutOfBudget(_))
    }
}

/// Visits every record of a window, newest first, as far as the budget reaches; see [`newest_first`].
pub fn each<R: Listed>(
    reader: &Reader,
    window: Window,
    budget: &mut Budget,
    mut visit: impl FnMut(R),
) -> Result<End, StoreError> {
    newest_first(reader, R::FAMILY, window, budget, |_, db, key, value| {
        visit(R::decode(value, db, key)?);
        Ok(ControlFlow::Continue(()))
    })
}

/// Visits records newest first until the visitor breaks. A record that cannot be read is logged and left out:
/// one bad record must not hide all others.
pub fn newest_first(
    reader: &Reader,
    family: Family,
    window: Window,
    budget: &mut Budget,
    mut visit: impl FnMut(TimeId, Db, &[u8], &[u8]) -> Result<ControlFlow<()>, StoreError>,
) -> Result<End, StoreError> {
    let mut end = End::Exhausted;
    for period in reader.periods(family.kind).into_iter().rev() {
        let (from_ms, to_ms) = (
            window.from_ms.max(period.start_ms()),
            window.to_ms.min(period.end_ms()),
        );
        if from_ms >= to_ms
            || window
                .before
                .is_some_and(|before| before.at_ms() < period.start_ms())
        {
            continue;
        }
        let db = Db::Period(family.kind, period);
        let mut range = (family.between)(from_ms, to_ms);
        if let Some(before) = window.before {
            range = range.before(&(family.key)(before).1);
        }
        reader.scan(db, &range, true, |key, value| {
            let Some(id) = (family.parse)(key) else {
                return ControlFlow::Continue(());
            };
            let had_budget = budget.spend();
            if !had_budget {
                return ControlFlow::Break(());
            }
            end = End::OutOfBudget(id);
            match visit(id, db, key, value) {
                Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
                Ok(ControlFlow::Break(())) => {
                    end = End::Enough(id);
                    ControlFlow::Break(())
                }
                Err(error) => {
                    tracing::error!(code = error.code(), %error, "a record was left out of a list");
                    ControlFlow::Continue(())
                }
            }
        })?;
        match end {
            End::Enough(_) => return Ok(end),
            End::OutOfBudget(_) if budget.is_spent() => return Ok(end),
            End::OutOfBudget(_) | End::Exhausted => {}
        }
    }
    Ok(End::Exhausted)
}

/// One page of records that `pick` wants.
pub fn page<T>(
    reader: &Reader,
    family: Family,
    window: Window,
    limit: usize,
    mut pick: impl FnMut(Db, &[u8], &[u8]) -> Result<Option<T>, StoreError>,
) -> Result<Page<T>, ReportError> {
    let mut items = Vec::new();
    let mut budget = Budget::of_page();
    let end = newest_first(reader, family, window, &mut budget, |_, db, key, value| {
        items.extend(pick(db, key, value)?);
        Ok(if items.len() < limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
    })?;
    Ok(finish(items, &end))
}

fn finish<T>(items: Vec<T>, end: &End) -> Page<T> {
    let (next_cursor, is_partial) = match end {
        End::Exhausted => (None, false),
        End::Enough(id) => (Some(id.to_string()), false),
        End::OutOfBudget(id) => (Some(id.to_string()), true),
    };
    Page {
        items,
        next_cursor,
        is_partial,
    }
}

/// Records of the hot store that are keyed by a time id (waiting postbacks, the audit log), newest first.
pub fn newest_hot<T>(
    reader: &Reader,
    prefix: &[u8],
    parse: fn(&[u8]) -> Option<TimeId>,
    key: fn(TimeId) -> Key<T>,
    window: Window,
    budget: &mut Budget,
    mut visit: impl FnMut(TimeId, &[u8], &[u8]) -> Result<ControlFlow<()>, StoreError>,
) -> Result<End, StoreError> {
    let mut range = KeyRange::prefix(prefix);
    if let Some(before) = window.before {
        range = range.before(&key(before).1);
    }
    let mut end = End::Exhausted;
    reader.scan(Db::Hot, &range, true, |key, value| {
        let Some(id) = parse(key) else {
            return ControlFlow::Continue(());
        };
        if id.at_ms() < window.from_ms {
            end = End::Exhausted;
            return ControlFlow::Break(());
        }
        if !budget.spend() {
            return ControlFlow::Break(());
        }
        end = End::OutOfBudget(id);
        if !window.holds(id) {
            return ControlFlow::Continue(());
        }
        match visit(id, key, value) {
            Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
            Ok(ControlFlow::Break(())) => {
                end = End::Enough(id);
                ControlFlow::Break(())
            }
            Err(error) => {
                tracing::error!(code = error.code(), %error, "a record was left out of a list");
                ControlFlow::Continue(())
            }
        }
    })?;
    if matches!(end, End::OutOfBudget(_)) && !budget.is_spent() {
        end = End::Exhausted;
    }
    Ok(end)
}

/// One page out of two sources that are both newest first: `settled` and `waiting`, each with how its scan
/// ended. Nothing is shown that lies behind where one of the two stopped looking.
pub fn merge<T>(mut all: Vec<(TimeId, T)>, ends: [End; 2], limit: usize) -> Page<T> {
    let stopped = ends.iter().filter_map(|end| match end {
        End::Exhausted => None,
        End::Enough(id) | End::OutOfBudget(id) => Some(*id),
    });
    let horizon = stopped.max();
    let was_cut = ends.iter().any(|end| matches!(end, End::OutOfBudget(_)));
    all.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    all.dedup_by_key(|(id, _)| *id);
    if let Some(horizon) = horizon {
        all.retain(|(id, _)| *id >= horizon);
    }
    let more = all.len() > limit;
    all.truncate(limit);
    let last = all.last().map(|(id, _)| *id);
    let cursor = if more || (all.len() == limit && horizon.is_some()) {
        last
    } else {
        horizon
    };
    Page {
        is_partial: was_cut && !more && all.len() < limit,
        next_cursor: cursor.map(|id| id.to_string()),
        items: all.into_iter().map(|(_, item)| item).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: i64) -> TimeId {
        TimeId::floor(n)
    }

    #[test]
    fn two_sources_are_merged_up_to_where_both_were_read() {
        let all = vec![(id(9), 9), (id(5), 5), (id(8), 8), (id(3), 3)];
        let whole = merge(all.clone(), [End::Exhausted, End::Exhausted], 10);
        assert_eq!((whole.items, whole.next_cursor), (vec![9, 8, 5, 3], None));
        let cut = merge(all.clone(), [End::Exhausted, End::OutOfBudget(id(5))], 10);
        assert_eq!(
            (cut.items, cut.next_cursor, cut.is_partial),
            (vec![9, 8, 5], Some(id(5).to_string()), true)
        );
        let full = merge(all, [End::Exhausted, End::Enough(id(5))], 2);
        assert_eq!(
            (full.items, full.next_cursor, full.is_partial),
            (vec![9, 8], Some(id(8).to_string()), false)
        );
        let nothing = merge(
            Vec::<(TimeId, u8)>::new(),
            [End::OutOfBudget(id(4)), End::Exhausted],
            2,
        );
        assert_eq!(
            (nothing.next_cursor, nothing.is_partial),
            (Some(id(4).to_string()), true)
        );
    }

    #[test]
    fn windows_are_checked() {
        assert!(Window::new(Some(5), Some(5), None).is_err());
        assert!(Window::new(None, None, Some("x")).is_err());
        let window = Window::new(Some(5), Some(9), None).unwrap();
        assert!(window.holds(id(5)) && !window.holds(id(9)) && !window.holds(id(4)));
    }
}
