//! When the operator is told that something is wrong, and when that it is over. Pure: facts and a time go in,
//! notices come out; who is told, and how, is `alerts`.
//!
//! | kind | is so while | said after |
//! | --- | --- | --- |
//! | `partner_failing` | a destination cannot be reached (its breaker is open, or its failures stand), or answered at least three postbacks in a row with something else than 2xx | [`AlertPolicy::partner_after_ms`] |
//! | `queue_old` | a postback whose destination may be called now waits longer than 60 s (over: below 15 s) | one minute |
//! | `disk_low` | less is free than one and a half times what intake needs (over: above twice that) | at once |
//! | `store_damaged` | records were lost in the last seven days, or a snapshot is damaged and cannot be made anew | at once |
//! | `backup_failing` | the scheduled backup failed, or the last one is older than two intervals | at once |
//! | `archive_failing` | nothing was archived for two minutes, the journal waits for half of what it may, another server took over | at once |
//! | `checks_failing` | in the last hour the check of ten conversions or more failed (token, signature, address) whose network or session had good ones within 30 days (over: of fewer than five) | at once |
//! | `raw_data_failing` | the stream cannot hand on its rows, or files cannot be written, for five minutes; the stream is a quarter of an hour behind, or an hour waits for an hour for its files | at once |
//! | `postbacks_overdue` | postbacks outlived their time to live while the server was off or its clock was wrong, and wait for the attempt that decides them | at once |
//! | `certificate_failing` | a certificate that is shown to visitors has a fifth of its life left or two weeks, whichever is less, or could not be got three times in a row | at once |
//! | `refusals_high` | in the last hour at least ten conversions were refused, they are at least three in ten, and at least three times the share of the day before (over: below two in ten) | at once |
//! | `no_clicks`, `no_conversions` | (off by default) none came in for the hours of the settings, in all or of an offer, and the same hours of each of the last two weeks had at least three (over: one came in) | at once |
//! | `held_queue_filling` | what waits for a partner that is held takes half of what it may (over: less than two fifths) | at once |
//! | `postbacks_ending` | waiting postbacks will be too old for their rule within a day, and then end without an attempt | at once |
//! | `sign_in_attack` | in the last hour at least fifty tries to sign in failed or were refused (over: below ten) | at once |
//!
//! One that has been said is not said again while it stands. It is over when the opposite has been so for
//! [`AlertPolicy::settle_ms`], which is said once. The same one is not said again until
//! [`AlertPolicy::quiet_ms`] after it was last said, so that something that flaps does not fill a mailbox.
//!
//! 2026-11-21: a destination that nobody has heard of since the start neither fails nor is well. An alert
//! about it stands through a restart and ends with the first answer, not with the restart.

mod detail;
mod facts;
mod judge;
mod silence;
pub mod summary;
pub mod text;

pub use self::detail::Detail;
pub use self::facts::{Facts, HeldFact, LaneFact, LaneStanding, Tally};
pub use self::silence::{SilenceFact, Silent};

use judge::{
    judge_checks, judge_disk, judge_ending, judge_held_queue, judge_lane, judge_logins, judge_overdue,
    judge_queue, judge_refusals, judge_told,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long the queue has to be old, milliseconds.
const QUEUE_AFTER_MS: i64 = 60_000;
/// An alert of which nothing can be known any more is dropped after this, milliseconds.
const FORGET_MS: i64 = 24 * 3_600_000;
/// Alerts that are followed at once; beyond, further destinations are not taken up.
const MOST_FOLLOWED: usize = 500;

/// What is wrong.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AlertKind {
    /// A destination is not reached, or refuses what it is sent.
    PartnerFailing,
    /// Postbacks that could be sent wait.
    QueueOld,
    /// The disk is nearly full.
    DiskLow,
    /// Conversions are refused more than usual.
    RefusalsHigh,
    /// The store lost records, or its snapshots are damaged.
    StoreDamaged,
    /// The scheduled backup fails, or is too old.
    BackupFailing,
    /// The archive off the machine is not written.
    ArchiveFailing,
    /// Postbacks outlived their time while nothing could be sent.
    PostbacksOverdue,
    /// The postbacks of a partner wait for an operator: its token is refused, a secret is missing.
    PartnerHeld,
    /// A certificate runs out and is not renewed, or cannot be got.
    CertificateFailing,
    /// Somebody tries passwords.
    SignInAttack,
    /// Checks of senders fail that had good conversions lately.
    ChecksFailing,
    /// No clicks come in any more.
    NoClicks,
    /// No conversions come in any more.
    NoConversions,
    /// Raw data is not handed on.
    RawDataFailing,
    /// Much waits for a partner that is held.
    HeldQueueFilling,
    /// Waiting postbacks will be too old for their rule within a day.
    PostbacksEnding,
}

impl AlertKind {
    /// Stable code.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Whether it is about nothing coming in: what is no longer watched (a setting, a stopped offer) is dropped.
    fn is_silence(self) -> bool {
        matches!(self, Self::NoClicks | Self::NoConversions)
    }
}

/// What an alert is about: its kind, and for destinations which (`scheme://host:port`; else empty).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertKey {
    /// What is wrong.
    pub kind: AlertKind,
    /// With what.
    pub subject: String,
}

/// How patient alerts are, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertPolicy {
    /// How long a destination has to fail.
    pub partner_after_ms: i64,
    /// How long all has to be well before it is over.
    pub settle_ms: i64,
    /// The least time between two beginnings of the same alert.
    pub quiet_ms: i64,
}

impl AlertPolicy {
    fn after_ms(&self, kind: AlertKind) -> i64 {
        match kind {
            AlertKind::PartnerFailing => self.partner_after_ms,
            AlertKind::QueueOld => QUEUE_AFTER_MS,
            AlertKind::DiskLow
            | AlertKind::RefusalsHigh
            | AlertKind::StoreDamaged
            | AlertKind::BackupFailing
            | AlertKind::RawDataFailing
            | AlertKind::ArchiveFailing
            | AlertKind::ChecksFailing
            | AlertKind::PostbacksOverdue
            | AlertKind::CertificateFailing
            | AlertKind::SignInAttack
            | AlertKind::NoClicks
            | AlertKind::NoConversions
            | AlertKind::HeldQueueFilling
            | AlertKind::PostbacksEnding
            | AlertKind::PartnerHeld => 0,
        }
    }
}

/// What the facts say of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is so.
    Wrong(Detail),
    /// The opposite is so.
    Well,
    /// Neither: what was said stands.
    Unclear,
}

/// What the facts say of each thing that an alert can be about.
pub fn judge(facts: &Facts) -> BTreeMap<AlertKey, Judgement> {
    let single = |kind| AlertKey {
        kind,
        subject: String::new(),
    };
    let mut judgements: BTreeMap<_, _> = facts
        .lanes
        .iter()
        .map(|lane| {
            let key = AlertKey {
                kind: AlertKind::PartnerFailing,
                subject: lane.lane.clone(),
            };
            (key, judge_lane(lane))
        })
        .collect();
    judgements.extend(facts.held.iter().map(|held| {
        let key = AlertKey {
            kind: AlertKind::PartnerHeld,
            subject: held.id.clone(),
        };
        let judgement = match &held.cause {
            Some(cause) => Judgement::Wrong(Detail::Held {
                partner: held.partner.clone(),
                cause: cause.clone(),
                detail: held.detail.clone(),
            }),
            None => Judgement::Well,
        };
        (key, judgement)
    }));
    judgements.insert(single(AlertKind::QueueOld), judge_queue(facts.oldest_due_age_s));
    judgements.insert(single(AlertKind::PostbacksOverdue), judge_overdue(facts.overdue));
    judgements.insert(
        single(AlertKind::DiskLow),
        judge_disk(facts.disk_free_mb, facts.disk_needed_mb),
    );
    judgements.insert(single(AlertKind::StoreDamaged), judge_told(&facts.store_damage));
    for (kind, told) in [
        (AlertKind::BackupFailing, &facts.backup_failure),
        (AlertKind::ArchiveFailing, &facts.archive_failure),
        (AlertKind::CertificateFailing, &facts.certificate_trouble),
    ] {
        judgements.insert(single(kind), judge_told(told));
    }
    judgements.insert(
        single(AlertKind::RawDataFailing),
        judge_told(&facts.raw_data_trouble),
    );
    judgements.insert(
        single(AlertKind::ChecksFailing),
        judge_checks(facts.failed_checks),
    );
    judgements.insert(
        single(AlertKind::RefusalsHigh),
        judge_refusals(facts.last_hour, facts.day_before),
    );
    judgements.insert(single(AlertKind::SignInAttack), judge_logins(facts.failed_logins));
    judgements.insert(
        single(AlertKind::HeldQueueFilling),
        judge_held_queue(&facts.held_queue),
    );
    judgements.insert(single(AlertKind::PostbacksEnding), judge_ending(&facts.ending));
    judgements.extend(
        silence::worth_saying(facts.silences.as_deref().unwrap_or_default())
            .into_iter()
            .map(SilenceFact::judge),
    );
    judgements
}

/// Something that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Followed {
    detail: Detail,
    /// Since when it is so, unix milliseconds.
    since_ms: i64,
    /// Since when the opposite is so, unix milliseconds.
    well_since_ms: Option<i64>,
    /// When it was last so or well, unix milliseconds.
    clear_at_ms: i64,
    /// Whether it was said and is not over.
    is_open: bool,
    /// When it was last said, unix milliseconds.
    said_at_ms: Option<i64>,
}

/// What the operator is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub key: AlertKey,
    /// Figures.
    pub detail: Detail,
    /// Since when, unix milliseconds.
    pub since_ms: i64,
    /// When it was over, unix milliseconds; `None`: it has begun.
    pub over_at_ms: Option<i64>,
}

/// Everything that is followed. It is kept over a restart, so that nothing is said twice or never ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Watch {
    followed: Vec<(AlertKey, Followed)>,
}

impl Watch {
    /// Takes in what the facts say now, and gives what there is to say.
    pub fn step(
        &mut self,
        now_ms: i64,
        judgements: &BTreeMap<AlertKey, Judgement>,
        policy: &AlertPolicy,
    ) -> Vec<Notice> {
        for (key, judgement) in judgements {
            self.take_in(now_ms, key, judgement);
        }
        let mut notices = Vec::new();
        self.followed.retain_mut(|(key, followed)| {
            notices.extend(followed.say(now_ms, key, policy));
            followed.is_kept(now_ms, policy)
        });
        notices
    }

    fn take_in(&mut self, now_ms: i64, key: &AlertKey, judgement: &Judgement) {
        let has_room = self.followed.len() < MOST_FOLLOWED;
        let known = self
            .followed
            .iter_mut()
            .find(|(k, _)| k == key)
            .map(|(_, followed)| followed);
        match (judgement, known) {
            (Judgement::Wrong(detail), Some(followed)) => followed.is_wrong(now_ms, detail),
            (Judgement::Wrong(detail), None) if has_room => {
                self.followed
                    .push((key.clone(), Followed::new(now_ms, detail.clone())));
            }
            (Judgement::Well, Some(followed)) => {
                followed.well_since_ms.get_or_insert(now_ms);
                followed.clear_at_ms = now_ms;
            }
            (Judgement::Wrong(_) | Judgement::Well | Judgement::Unclear, _) => {}
        }
    }

    /// Drops what is no longer watched: a setting was changed, an offer stopped.
    pub fn drop_unwatched(&mut self, watched: &[SilenceFact]) {
        self.followed
            .retain(|(key, _)| !key.kind.is_silence() || watched.iter().any(|fact| fact.key() == *key));
    }

    /// What was said and is not over: what, and since when (unix milliseconds).
    pub fn open(&self) -> impl Iterator<Item = (&AlertKey, &Detail, i64)> {
        self.followed
            .iter()
            .filter(|(_, followed)| followed.is_open)
            .map(|(key, followed)| (key, &followed.detail, followed.since_ms))
    }
}

impl Followed {
    fn new(now_ms: i64, detail: Detail) -> Self {
        Self {
            detail,
            since_ms: now_ms,
            well_since_ms: None,
            clear_at_ms: now_ms,
            is_open: false,
            said_at_ms: None,
        }
    }

    fn is_wrong(&mut self, now_ms: i64, detail: &Detail) {
        // What comes back after it was over, or before it was said, begins anew.
        if self.well_since_ms.take().is_some() && !self.is_open {
            self.since_ms = now_ms;
        }
        self.detail = detail.clone();
        self.clear_at_ms = now_ms;
    }

    fn say(&mut self, now_ms: i64, key: &AlertKey, policy: &AlertPolicy) -> Option<Notice> {
        let over_at_ms = match self.well_since_ms {
            Some(well_ms) if self.is_open && now_ms - well_ms >= policy.settle_ms => {
                self.is_open = false;
                Some(well_ms)
            }
            Some(_) => return None,
            None => {
                let is_long_enough = now_ms - self.since_ms >= policy.after_ms(key.kind);
                let is_quiet = self
                    .said_at_ms
                    .is_some_and(|said_ms| now_ms - said_ms < policy.quiet_ms);
                if self.is_open || !is_long_enough || is_quiet {
                    return None;
                }
                self.is_open = true;
                self.said_at_ms = Some(now_ms);
                None
            }
        };
        Some(Notice {
            key: key.clone(),
            detail: self.detail.clone(),
            since_ms: self.since_ms,
            over_at_ms,
        })
    }

    fn is_kept(&self, now_ms: i64, policy: &AlertPolicy) -> bool {
        let is_remembered = self
            .said_at_ms
            .is_some_and(|said_ms| now_ms - said_ms < policy.quiet_ms);
        let is_over = self.well_since_ms.is_some() && !self.is_open;
        now_ms - self.clear_at_ms < FORGET_MS && (!is_over || is_remembered)
    }
}

#[cfg(test)]
mod tests;
