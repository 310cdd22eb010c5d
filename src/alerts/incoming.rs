//! What came in, read from the counters: for alerts when nothing does any more, and for summaries.

use crate::domain::alert::summary::{Figures, SummaryPeriod};
use crate::domain::alert::{SilenceFact, Silent};
use crate::domain::ids::{PostbackId, TimeId};
use crate::domain::stats::{Bucket, Counters, StatKey};
use crate::recorder::Recorder;
use crate::store::{Db, KeyRange, Record, StoreError, keys};
use std::collections::HashMap;
use std::ops::ControlFlow;

const HOUR_MS: i64 = 3_600_000;
const WEEK_MS: i64 = 7 * 24 * HOUR_MS;
/// Counters are read at most this often, milliseconds.
const EVERY_MS: i64 = 5 * 60_000;
/// How long the server runs before it speaks of silence, milliseconds: what it slept through is none.
const AWAKE_MS: i64 = HOUR_MS;
/// Offers that are watched one by one.
const MOST_OFFERS: usize = 200;
/// Failed postbacks that are counted for one period.
const MOST_FAILED: usize = 100_000;

/// What was read last.
#[derive(Default)]
pub(super) struct Incoming {
    began_ms: Option<i64>,
    known: Option<(i64, Vec<SilenceFact>)>,
}

impl Incoming {
    /// What came in lately, as far as the settings watch it; `None`: the server has not run for long enough.
    pub(super) fn read(&mut self, recorder: &Recorder, now_ms: i64) -> Option<Vec<SilenceFact>> {
        let began_ms = *self.began_ms.get_or_insert(now_ms);
        let wanted = recorder.catalog().settings.alerts.silence;
        if wanted.clicks_h == 0 && wanted.conversions_h == 0 {
            self.known = None;
            return Some(Vec::new());
        }
        if now_ms - began_ms < AWAKE_MS {
            return None;
        }
        if let Some((at_ms, facts)) = &self.known
            && (0..EVERY_MS).contains(&(now_ms - at_ms))
        {
            return Some(facts.clone());
        }
        let facts = silences(recorder, now_ms).unwrap_or_else(|error| {
            tracing::warn!(code = error.code(), %error, "what came in could not be counted for alerts");
            self.known.take().map(|(_, facts)| facts).unwrap_or_default()
        });
        self.known = Some((now_ms, facts.clone()));
        Some(facts)
    }
}

/// What the settings watch, in all and of each offer that runs.
///
/// # Errors
/// The counters cannot be read.
fn silences(recorder: &Recorder, now_ms: i64) -> Result<Vec<SilenceFact>, StoreError> {
    let catalog = recorder.catalog();
    let wanted = catalog.settings.alerts.silence;
    let mut facts = Vec::new();
    for (what, hours) in [
        (Silent::Clicks, wanted.clicks_h),
        (Silent::Conversions, wanted.conversions_h),
    ] {
        if hours == 0 {
            continue;
        }
        let of = |counters: &Counters| match what {
            Silent::Clicks => counters.clicks,
            Silent::Conversions => counters.conversions + counters.installs,
        };
        let mut weeks: Vec<HashMap<String, i64>> = Vec::new();
        for week in 0..3 {
            let to_ms = now_ms - week * WEEK_MS;
            weeks.push(by_offer(recorder, to_ms - i64::from(hours) * HOUR_MS, to_ms, of)?);
        }
        let fact = |offer: &str, name: &str| {
            let count = |week: usize| weeks.get(week).and_then(|week| week.get(offer)).copied();
            SilenceFact {
                what,
                offer: offer.to_owned(),
                name: name.to_owned(),
                hours,
                now: count(0).unwrap_or_default(),
                usual: [count(1).unwrap_or_default(), count(2).unwrap_or_default()],
            }
        };
        facts.push(fact("", ""));
        if wanted.by_offer {
            let running = catalog.offers.values().filter(|offer| !offer.is_stopped(now_ms));
            facts.extend(
                running
                    .take(MOST_OFFERS)
                    .map(|offer| fact(offer.id.as_str(), &offer.name)),
            );
        }
    }
    Ok(facts)
}

/// Counts of each offer; of all under the empty id.
fn by_offer(
    recorder: &Recorder,
    from_ms: i64,
    to_ms: i64,
    of: impl Fn(&Counters) -> i64,
) -> Result<HashMap<String, i64>, StoreError> {
    let mut found: HashMap<String, i64> = HashMap::new();
    each(recorder, from_ms, to_ms, |at, counters| {
        let count = of(&counters);
        *found.entry(String::new()).or_default() += count;
        if let Some(offer) = &at.offer {
            *found.entry(offer.as_str().to_owned()).or_default() += count;
        }
    })?;
    Ok(found)
}

/// Shows every row of counters of a time that counts everything of its kind, tests left out.
fn each(
    recorder: &Recorder,
    from_ms: i64,
    to_ms: i64,
    mut add: impl FnMut(StatKey, Counters),
) -> Result<(), StoreError> {
    let (from, to) = (
        Bucket::of(from_ms),
        Bucket(Bucket::of(to_ms - 1).0.saturating_add(1)),
    );
    let mut unreadable = None;
    recorder
        .reader()
        .scan(Db::Hot, &keys::stats(from, to), false, |key, value| {
            if keys::stat_cut(key) == Some(b'a')
                && let Some(at) = keys::parse_stat(key)
            {
                match Counters::decode(value, Db::Hot, key) {
                    Ok(counters) => add(at, counters),
                    Err(error) => unreadable = Some(error),
                }
            }
            ControlFlow::Continue(())
        })?;
    unreadable.map_or(Ok(()), Err)
}

/// The figures of a period and of the one before it.
///
/// # Errors
/// The counters cannot be read.
pub(super) fn figures(recorder: &Recorder, period: &SummaryPeriod) -> Result<[Figures; 2], StoreError> {
    let of = |from_ms, to_ms| -> Result<Figures, StoreError> {
        let mut counters = Counters::default();
        each(recorder, from_ms, to_ms, |_, row| counters.merge(&row))?;
        Ok(Figures {
            counters,
            failed: failed(recorder, from_ms, to_ms)?,
        })
    };
    Ok([
        of(period.from_ms, period.to_ms)?,
        of(period.before_ms, period.from_ms)?,
    ])
}

/// Postbacks that were made in a time and stand as failed.
fn failed(recorder: &Recorder, from_ms: i64, to_ms: i64) -> Result<usize, StoreError> {
    let at = |ms| keys::failed(PostbackId(TimeId::floor(ms))).1;
    let mut count = 0;
    let range = KeyRange::new(at(from_ms), at(to_ms));
    recorder.reader().scan(Db::Hot, &range, false, |_, _| {
        count += 1;
        if count < MOST_FAILED {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(count)
}
