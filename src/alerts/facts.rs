//! How the instance is, read for [`crate::domain::alert`].

use super::Reach;
use super::incoming::Incoming;
use crate::certificates::CertificateStatus;
use crate::delivery::{LaneState, LaneView};
use crate::domain::alert::{Facts, HeldFact, LaneFact, LaneStanding, Tally};
use crate::domain::money::grouped;
use crate::domain::postback::LaneKey;
use crate::domain::rule::RuleScope;
use crate::domain::stats::{Bucket, Counters, Dimension};
use crate::recorder::Recorder;
use crate::store::catalog::Catalog;
use crate::store::{Db, Health, Loss, Record, StoreError, keys};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

const HOUR_MS: i64 = 3_600_000;
/// The last hour is counted at most this often, milliseconds.
const HOUR_EVERY_MS: i64 = 30_000;
/// The day before it, which is more to read, at most this often, milliseconds.
const DAY_EVERY_MS: i64 = 15 * 60_000;
/// How long a loss is told, milliseconds.
const LOSS_TOLD_MS: i64 = 7 * 24 * 3_600_000;

/// Facts that are not read anew each time.
#[derive(Default)]
pub(super) struct Gauges {
    last_hour: Option<(i64, Tally)>,
    day_before: Option<(i64, Tally)>,
    /// Partners that were held since the start.
    held: BTreeSet<String>,
    /// What came in.
    incoming: Incoming,
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
        let health = recorder.reader().health();
        let snapshot = reach.delivery.snapshot();
        Facts {
            overdue: snapshot.overdue,
            lanes: self.lanes(reach, &snapshot.lanes),
            oldest_due_age_s: reach.delivery.oldest_due_age_ms() / 1000,
            disk_free_mb: health.free_bytes >> 20,
            disk_needed_mb: u64::from(reach.config.now().store.min_free_mb),
            failed_checks: recorder.rooms().failures_of_hour(now_ms),
            last_hour,
            day_before,
            store_damage: store_damage(&health, now_ms),
            backup_failure: backup_failure(&health, now_ms),
            archive_failure: reach
                .archiving
                .as_ref()
                .and_then(|archiving| archiving.status().failure()),
            held: self.held(reach),
            held_queue: held_queue(reach),
            ending: ending(reach),
            raw_data_trouble: raw_data_trouble(reach),
            certificate_trouble: certificate_trouble(reach, now_ms),
            failed_logins: crate::telemetry::failed_logins(),
            silences: self.incoming.read(recorder, now_ms),
        }
    }

    /// Partners that are held, and those that were when it was last looked.
    fn held(&mut self, reach: &Reach) -> Vec<HeldFact> {
        let catalog = reach.recorder.catalog();
        let named = |id: &str| {
            let mut partners = catalog.partners.values();
            let partner = partners.find(|partner| partner.id.as_str() == id);
            partner.map_or_else(String::new, |partner| partner.name.clone())
        };
        let now = reach.holds.all();
        let over = self
            .held
            .iter()
            .filter(|id| !now.iter().any(|(held, _)| held == *id));
        let over = over.map(|id| HeldFact {
            id: id.clone(),
            partner: named(id),
            cause: None,
            detail: String::new(),
        });
        let mut facts: Vec<HeldFact> = over.collect();
        self.held.extend(now.iter().map(|(id, _)| id.clone()));
        facts.extend(now.into_iter().map(|(id, hold)| HeldFact {
            partner: named(&id),
            id,
            cause: Some(hold.cause.code().to_owned()),
            detail: hold.detail,
        }));
        facts
    }

    fn lanes(&mut self, reach: &Reach, views: &[LaneView]) -> Vec<LaneFact> {
        let catalog = reach.recorder.catalog();
        let partners = match &mut self.partners {
            Some((revision, partners)) if *revision == catalog.revision => partners,
            stale => &mut stale.insert((catalog.revision, partners_by_lane(&catalog))).1,
        };
        let mut refusing = reach.delivery.refusing();
        let mut lanes: Vec<LaneFact> = views
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

/// The longest queue of a partner that is held, with how full it is in percent.
fn held_queue(reach: &Reach) -> Option<(String, u64)> {
    let queues = reach.recorder.rooms().held();
    let longest = queues.list().into_iter().next()?;
    let catalog = reach.recorder.catalog();
    let mut partners = catalog.partners.values();
    let partner = partners.find(|partner| partner.id.as_str() == longest.partner);
    let name = partner.map_or_else(String::new, |partner| partner.name.clone());
    Some((name, longest.bytes.saturating_mul(100) / queues.most().max(1)))
}

/// What will be too old within a day, with its money.
fn ending(reach: &Reach) -> Option<(u64, String)> {
    let seen = reach.holds.seen();
    let ending = seen.ending.as_ref()?;
    let sums = ending.money.iter();
    let sums: Vec<String> = sums
        .map(|money| format!("{} {}", grouped(&money.amount_text()), money.currency))
        .collect();
    Some((ending.postbacks, sums.join(", ")))
}

/// What was lost lately, or is damaged.
fn store_damage(health: &Health, now_ms: i64) -> Option<String> {
    let is_new = |loss: &&Loss| now_ms.saturating_sub(loss.at_ms) < LOSS_TOLD_MS;
    if let Some(loss) = health.losses.iter().rev().find(is_new) {
        return Some(loss.message.clone());
    }
    let damaged: Vec<String> = health.damaged_snapshots.iter().map(ToString::to_string).collect();
    (!damaged.is_empty()).then(|| format!("the snapshots of {} are damaged", damaged.join(", ")))
}

/// Why there is no new backup.
fn backup_failure(health: &Health, now_ms: i64) -> Option<String> {
    let backups = health
        .backups
        .as_ref()
        .filter(|backups| backups.is_late(now_ms))?;
    Some(match &backups.failure {
        Some((_, why)) => why.clone(),
        None => format!("no backup was made in {} lately", backups.dir.display()),
    })
}

/// Why raw data is not handed on.
fn raw_data_trouble(reach: &Reach) -> Option<String> {
    let of_stream = reach.stream.as_ref().and_then(|stream| stream.trouble());
    of_stream.or_else(|| reach.export.as_ref().and_then(|export| export.trouble()))
}

/// The certificates that somebody should look at.
fn certificate_trouble(reach: &Reach, now_ms: i64) -> Option<String> {
    let all = reach.certificates.status(now_ms);
    let in_need: Vec<String> = all
        .iter()
        .filter(|certificate| certificate.is_in_need)
        .map(CertificateStatus::sentence)
        .collect();
    (!in_need.is_empty()).then(|| in_need.join("; "))
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
                match Counters::decode(value, Db::Hot, key) {
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
