//! How long it takes from the click to the conversion: counted over the records of a time, within a budget.

use super::page::Budget;
use super::scan::{self, Window};
use super::{ReportError, View};
use crate::domain::activity::{Activity, ActivityKind, Verdict};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Records looked at for one report.
const MOST_RECORDS: usize = 500_000;
/// Time spent on one report.
const MOST_TIME: Duration = Duration::from_secs(3);

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Where the stretches end, exclusive; the last one is open.
const ENDS: [i64; 9] = [
    MINUTE,
    10 * MINUTE,
    HOUR,
    6 * HOUR,
    DAY,
    3 * DAY,
    7 * DAY,
    30 * DAY,
    i64::MAX,
];

/// What is looked at.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DelayQuery {
    /// Conversions received from this time on, unix milliseconds.
    pub from_ms: Option<i64>,
    /// Received before this time.
    pub to_ms: Option<i64>,
    /// Only of this offer.
    pub offer: Option<String>,
    /// Only credited to this partner.
    pub partner: Option<String>,
    /// Only credited to this link.
    pub link: Option<String>,
}

/// Conversions that came within a stretch of time after their click.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DelayRow {
    /// From so many milliseconds on.
    pub from_ms: i64,
    /// Up to so many, exclusive; `null` without an end.
    pub to_ms: Option<i64>,
    /// How many.
    pub conversions: u64,
}

/// Time from click to conversion.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Delays {
    /// Shortest first; every stretch, also the empty ones.
    pub rows: Vec<DelayRow>,
    /// Half of the conversions came sooner, milliseconds; `null` without one.
    pub median_ms: Option<i64>,
    /// Conversions with a click; tests, and conversions without a click, are left out.
    pub conversions: u64,
    /// There were too many to look at all: only the newest are counted.
    pub is_partial: bool,
}

/// Counts the conversions of a time by how long they took.
pub fn delays(view: &View, query: &DelayQuery) -> Result<Delays, ReportError> {
    let window = Window::new(query.from_ms, query.to_ms, None)?;
    let mut budget = Budget::new(MOST_RECORDS, MOST_TIME);
    let mut found: Vec<i64> = Vec::new();
    let end = scan::each(&view.reader, window, &mut budget, |activity: Activity| {
        if view.scope.sees_activity(&activity) {
            found.extend(delay(&activity, query));
        }
    })?;
    Ok(summary(found, end.is_cut()))
}

/// How long a conversion took, when it is one that is asked for.
fn delay(activity: &Activity, query: &DelayQuery) -> Option<i64> {
    let session = activity.session.as_deref()?;
    let is = |wanted: &Option<String>, own: Option<&str>| wanted.as_deref().is_none_or(|w| own == Some(w));
    let is_conversion = matches!(activity.kind, ActivityKind::Install | ActivityKind::Event)
        && activity.verdict == Verdict::Accepted
        && !activity.is_test;
    let is_asked = is(&query.offer, activity.offer.as_ref().map(|o| o.as_str()))
        && is(&query.partner, session.partner.as_ref().map(|p| p.as_str()))
        && is(&query.link, Some(session.link.as_str()));
    (is_conversion && is_asked).then(|| (activity.at_ms - session.id.at_ms()).max(0))
}

fn summary(mut found: Vec<i64>, is_partial: bool) -> Delays {
    found.sort_unstable();
    let mut from_ms = 0;
    let rows = ENDS
        .iter()
        .map(|&end| {
            let below = |limit: i64| found.partition_point(|delay| *delay < limit);
            let row = DelayRow {
                from_ms,
                to_ms: (end < i64::MAX).then_some(end),
                conversions: (below(end) - below(from_ms)) as u64,
            };
            from_ms = end;
            row
        })
        .collect();
    Delays {
        rows,
        median_ms: found.get(found.len() / 2).copied(),
        conversions: found.len() as u64,
        is_partial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_delay_is_in_one_stretch() {
        let all = vec![0, MINUTE - 1, MINUTE, HOUR, 3 * DAY, 400 * DAY];
        let found = summary(all, false);
        let counts: Vec<u64> = found.rows.iter().map(|r| r.conversions).collect();
        assert_eq!(counts, [2, 1, 0, 1, 0, 0, 1, 0, 1]);
        assert_eq!((found.conversions, found.median_ms), (6, Some(HOUR)));
        assert_eq!(found.rows[0].to_ms, Some(MINUTE));
        assert_eq!(found.rows[8].to_ms, None);
        assert_eq!(summary(vec![], false).median_ms, None);
    }
}
