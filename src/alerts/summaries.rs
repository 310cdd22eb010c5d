//! The summary of a day or a week: which was sent last is kept, so that a restart neither repeats nor forgets one.

use super::Reach;
use super::incoming::figures;
use crate::domain::account::{Settings, SummaryEvery};
use crate::domain::alert::summary::{self, SummaryPeriod};
use crate::domain::alert::text::Message;
use crate::recorder::{RecordError, Recorder};
use crate::store::{JsonRecord, keys};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Name of what is kept.
const KEPT_AS: &str = "summary";
/// It is looked at most this often whether one is due, milliseconds.
const EVERY_MS: i64 = 20_000;

/// The period that was summed up last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Last {
    every: SummaryEvery,
    to_ms: i64,
}

impl JsonRecord for Last {}

/// When it was last looked.
#[derive(Default)]
pub(super) struct Summaries {
    looked_at_ms: i64,
}

impl Summaries {
    /// The summary that is due now, once. One that was just asked for begins with the period that runs.
    pub(super) fn due(&mut self, reach: &Reach, settings: &Settings, now_ms: i64) -> Option<Message> {
        let every = settings.alerts.summary.every;
        if every == SummaryEvery::Off || (0..EVERY_MS).contains(&(now_ms - self.looked_at_ms)) {
            return None;
        }
        self.looked_at_ms = now_ms;
        let period = newest(settings, now_ms)?;
        let before: Option<Last> = match reach.recorder.reader().load(&keys::instance(KEPT_AS)) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "which summary was sent last cannot be read");
                return None;
            }
        };
        let is_same = |last: &Last| last.every == every;
        let last = before.filter(is_same);
        if last.is_some_and(|last| last.to_ms >= period.to_ms) {
            return None;
        }
        let message = match last {
            Some(_) => Some(write(reach, settings, &period)?),
            None => None,
        };
        let kept = Last {
            every,
            to_ms: period.to_ms,
        };
        if let Err(error) = keep(&reach.recorder, kept) {
            tracing::warn!(code = error.code(), %error, "a summary waits until it can be kept that it was sent");
            return None;
        }
        message
    }
}

fn newest(settings: &Settings, now_ms: i64) -> Option<SummaryPeriod> {
    let zone = TimeZone::get(&settings.time_zone).unwrap_or(TimeZone::UTC);
    let wanted = settings.alerts.summary;
    summary::newest(
        wanted.every,
        i8::try_from(wanted.hour).unwrap_or(0),
        now_ms,
        &zone,
    )
}

/// The summary of the last whole day, or of the last week where that is what is sent.
pub(super) fn now(reach: &Reach, settings: &Settings) -> Option<Message> {
    let mut asked = settings.clone();
    if asked.alerts.summary.every == SummaryEvery::Off {
        asked.alerts.summary.every = SummaryEvery::Daily;
    }
    asked.alerts.summary.hour = 0;
    let period = newest(&asked, reach.recorder.clock().now_ms())?;
    write(reach, &asked, &period)
}

fn write(reach: &Reach, settings: &Settings, period: &SummaryPeriod) -> Option<Message> {
    match figures(&reach.recorder, period) {
        Ok([of_period, before]) => Some(summary::message(
            period,
            &of_period,
            &before,
            super::language(settings),
            reach.base(settings).as_deref(),
        )),
        Err(error) => {
            tracing::warn!(code = error.code(), %error, "the figures of a summary cannot be read");
            None
        }
    }
}

fn keep(recorder: &Recorder, last: Last) -> Result<(), RecordError> {
    if recorder.is_down() {
        return Err(RecordError::Busy);
    }
    recorder
        .try_run_blocking(move |group| group.save(keys::instance(KEPT_AS), &last))?
        .map_err(|error| RecordError::from(&error))
}
