//! How the instance is, read for [`crate::domain::alert`].

use super::Reach;
use crate::delivery::{LaneState, LaneView};
use crate::domain::alert::{Facts, LaneFact, LaneStanding, Tally};
use crate::domain::postback::LaneKey;
use crate::domain::rule::RuleScope;
use crate::domain::stats::{Bucket, Dimension};
use crate::recorder::Recorder;
use crate::store::catalog::Catalog;
use crate::store::{Db, StoreError, codec, keys};
use std::collections::HashMap;
use std::ops::ControlFlow;

const HOUR_MS: i64 = 3_600_000;
/// The last hour is counted at most this often, milliseconds.
const HOUR_EVERY_MS: i64 = 30_000;
/// The day before it, which is more to read, at most this often, milliseconds.
const DAY_EVERY_MS: i64 = 15 * 60_000;

/// Facts that are not read anew each time.
#[derive(Default)]
pub(super) struct Gauges {
    last_hour: Option<(i64, Tally)>,
    day_before: Option<(i64, Tally)>,
    /// Partners by destination, of the catalog of this revision.
    partners: Option<(u64, HashMap<LaneKey, Vec<String>>)>,
}

impl Gauges {
    pub(super) fn read(&mut self, reach: &Reach) -> Facts {
        let (recorder, now_ms) = (&reach.recorder, reach.recorder.clock().now_ms());
        let hour_ms = now_ms - HOUR_MS;
        let last_hour = tally(
            &mut self.last_hour,
            recorder,
            now_ms,
            HOUR_EVERY_MS,
            hour_ms,
            now_ms,
        );
        let day_before = tally(
            &mut self.day_before,
            recorder,
            now_ms,
            DAY_EVERY_MS,
            hour_ms - 24 * HOUR_MS,
            hour_ms,
        );
        Facts {
            lanes: self.lanes(reach),
            oldest_due_age_s: reach.delivery.oldest_due_age_ms() / 1000,
            disk_free_mb: recorder.reader().health().free_bytes >> 20,
            disk_needed_mb: u64::from(reach.config.store.min_free_mb),
            last_hour,
            day_before,
        }
    }

    fn lanes(&mut self, reach: &Reach) -> Vec<LaneFact> {
        let catalog = reach.recorder.catalog();
        let partners = match &mut self.partners {
            Some((revision, partners)) if *revision == catalog.revision => partners,
            stale => &mut stale.insert((catalog.revision, partners_by_lane(&catalog))).1,
        };
        let mut refusing = reach.delivery.refusing();
        let mut lanes: Vec<LaneFact> = reach
            .delivery
            .snapshot()
            .lanes
            .iter()
            .map(|view| LaneFact {
                standing: standing(view, refusing.remove(&view.lane)),
                lane: view.lane.to_string(),
                partners: partners.get(&view.lane).cloned().unwrap_or_default(),
                waiting: view.waiting,
            })
            .collect();
        // A destination that nothing waits for is forgotten by the scheduler after a while.
        lanes.extend(refusing.into_iter().map(|(lane, status)| LaneFact {
            lane: lane.to_string(),
            partners: partners.get(&lane).cloned().unwrap_or_default(),
            standing: LaneStanding::Refusing(status),
            waiting: 0,
        }));
        lanes
    }
}

fn standing(view: &LaneView, refusing: Option<u16>) -> LaneStanding {
    match (view.state, refusing) {
        (LaneState::Open, _) => LaneStanding::Unreachable,
        (LaneState::Failing, _) if view.failures_in_row > 0 => LaneStanding::Unreachable,
        (_, Some(status)) => LaneStanding::Refusing(status),
        (LaneState::Healthy, None) => LaneStanding::Well,
        (LaneState::New | LaneState::Failing | LaneState::Paused, None) => LaneStanding::Unknown,
    }
}

fn partners_by_lane(catalog: &Catalog) -> HashMap<LaneKey, Vec<String>> {
    let mut found: HashMap<LaneKey, Vec<String>> = HashMap::new();
    for rule in catalog.rules.values() {
        let RuleScope::Partner { partner, .. } = &rule.rule.scope else {
            continue;
        };
        let Some(partner) = catalog.partners.get(partner) else {
            continue;
        };
        for lane in rule
            .text
            .entries
            .iter()
            .filter_map(|entry| LaneKey::of(entry.url.source()))
        {
            let names = found.entry(lane).or_default();
            if !names.contains(&partner.name) {
                names.push(partner.name.clone());
            }
        }
    }
    found
}

/// Conversions of a stretch of time, by quarter hours; what was read is used for `every_ms`.
fn tally(
    known: &mut Option<(i64, Tally)>,
    recorder: &Recorder,
    now_ms: i64,
    every_ms: i64,
    from_ms: i64,
    to_ms: i64,
) -> Tally {
    if let Some((at_ms, tally)) = known
        && (0..every_ms).contains(&(now_ms - *at_ms))
    {
        return *tally;
    }
    let tally = count(recorder, from_ms, to_ms).unwrap_or_else(|error| {
        tracing::warn!(code = error.code(), %error, "refused conversions could not be counted for alerts");
        known.map(|(_, tally)| tally).unwrap_or_default()
    });
    *known = Some((now_ms, tally));
    tally
}

fn count(recorder: &Recorder, from_ms: i64, to_ms: i64) -> Result<Tally, StoreError> {
    let (from, to) = (Bucket::of(from_ms), Bucket(Bucket::of(to_ms).0.saturating_add(1)));
    let mut tally = Tally::default();
    let mut unreadable = None;
    recorder
        .reader()
        .scan(Db::Hot, &keys::stats(from, to), false, |key, value| {
            if keys::parse_stat(key).is_some_and(|stat| stat.dimension == Dimension::All) {
                match codec::decode_counters(value, Db::Hot, key) {
                    Ok(counters) => {
                        tally.accepted += counters.conversions;
                        tally.refused += counters.refused;
                    }
                    Err(error) => unreadable = Some(error),
                }
            }
            ControlFlow::Continue(())
        })?;
    unreadable.map_or(Ok(tally), Err)
}
