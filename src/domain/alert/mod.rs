//! When the operator is told that something is wrong, and when that it is over. Pure: facts and a time go in,
//! notices come out; who is told, and how, is `alerts`.
//!
//! | kind | is so while | said after |
//! | --- | --- | --- |
//! | `partner_failing` | a destination cannot be reached (its breaker is open, or its failures stand), or answered at least three postbacks in a row with something else than 2xx | [`AlertPolicy::partner_after_ms`] |
//! | `queue_old` | a postback whose destination may be called now waits longer than 60 s (over: below 15 s) | one minute |
//! | `disk_low` | less is free than one and a half times what intake needs (over: above twice that) | at once |
//! | `refusals_high` | in the last hour at least ten conversions were refused, they are at least three in ten, and at least three times the share of the day before (over: below two in ten) | at once |
//!
//! One that has been said is not said again while it stands. It is over when the opposite has been so for
//! [`AlertPolicy::settle_ms`], which is said once. The same one is not said again until
//! [`AlertPolicy::quiet_ms`] after it was last said, so that something that flaps does not fill a mailbox.
//!
//! 2026-11-21: a destination that nobody has heard of since the start neither fails nor is well. An alert
//! about it stands through a restart and ends with the first answer, not with the restart.

pub mod text;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Waiting that makes the queue old, seconds.
const QUEUE_OLD_S: i64 = 60;
/// Waiting with which it is well again, seconds.
const QUEUE_WELL_S: i64 = 15;
/// How long the queue has to be old, milliseconds.
const QUEUE_AFTER_MS: i64 = 60_000;
/// Refused conversions of an hour below which nothing is said.
const FEWEST_REFUSED: i64 = 10;
/// An alert of which nothing can be known any more is dropped after this, milliseconds.
const FORGET_MS: i64 = 24 * 3_600_000;
/// Alerts that are followed at once; beyond, further destinations are not taken up.
const MOST_FOLLOWED: usize = 500;

/// What is wrong.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A destination is not reached, or refuses what it is sent.
    PartnerFailing,
    /// Postbacks that could be sent wait.
    QueueOld,
    /// The disk is nearly full.
    DiskLow,
    /// Conversions are refused more than usual.
    RefusalsHigh,
}

impl AlertKind {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::PartnerFailing => "partner_failing",
            Self::QueueOld => "queue_old",
            Self::DiskLow => "disk_low",
            Self::RefusalsHigh => "refusals_high",
        }
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

/// How a destination stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneStanding {
    /// It took what it was last sent.
    Well,
    /// Not heard of yet, or not clear.
    Unknown,
    /// It cannot be reached.
    Unreachable,
    /// It answers, but with something else than 2xx: the last status.
    Refusing(u16),
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneFact {
    /// `scheme://host:port`.
    pub lane: String,
    /// Names of the partners whose rules call it; empty for the advertiser's own servers.
    pub partners: Vec<String>,
    /// How it stands.
    pub standing: LaneStanding,
    /// Postbacks that wait for it.
    pub waiting: usize,
}

/// Conversions of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// That count.
    pub accepted: i64,
    /// Refused, duplicates not included.
    pub refused: i64,
}

/// How the instance is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Every destination that is known.
    pub lanes: Vec<LaneFact>,
    /// How long the longest neglected postback waits whose destination may be called now, seconds.
    pub oldest_due_age_s: i64,
    /// Free on the disk, MiB.
    pub disk_free_mb: u64,
    /// What intake needs of it, MiB.
    pub disk_needed_mb: u64,
    /// Conversions of the last hour.
    pub last_hour: Tally,
    /// Conversions of the 24 hours before that.
    pub day_before: Tally,
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
            AlertKind::DiskLow | AlertKind::RefusalsHigh => 0,
        }
    }
}

/// What a notice says besides its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Of a destination.
    Lane {
        /// Names of its partners.
        partners: Vec<String>,
        /// Postbacks that wait.
        waiting: usize,
        /// The status it answers with; `None`: it is not reached.
        status: Option<u16>,
    },
    /// Of the queue: the longest wait, seconds.
    Queue {
        /// Seconds.
        age_s: i64,
    },
    /// Of the disk.
    Disk {
        /// Free, MiB.
        free_mb: u64,
        /// Intake stops below, MiB.
        needed_mb: u64,
    },
    /// Of refusals in the last hour.
    Refusals {
        /// Refused.
        refused: i64,
        /// All.
        total: i64,
    },
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
    judgements.insert(single(AlertKind::QueueOld), judge_queue(facts.oldest_due_age_s));
    judgements.insert(
        single(AlertKind::DiskLow),
        judge_disk(facts.disk_free_mb, facts.disk_needed_mb),
    );
    judgements.insert(
        single(AlertKind::RefusalsHigh),
        judge_refusals(facts.last_hour, facts.day_before),
    );
    judgements
}

fn judge_lane(lane: &LaneFact) -> Judgement {
    let wrong = |status| {
        Judgement::Wrong(Detail::Lane {
            partners: lane.partners.clone(),
            waiting: lane.waiting,
            status,
        })
    };
    match lane.standing {
        LaneStanding::Well => Judgement::Well,
        LaneStanding::Unknown => Judgement::Unclear,
        LaneStanding::Unreachable => wrong(None),
        LaneStanding::Refusing(status) => wrong(Some(status)),
    }
}

fn judge_queue(age_s: i64) -> Judgement {
    match age_s {
        age_s if age_s > QUEUE_OLD_S => Judgement::Wrong(Detail::Queue { age_s }),
        age_s if age_s < QUEUE_WELL_S => Judgement::Well,
        _ => Judgement::Unclear,
    }
}

fn judge_disk(free_mb: u64, needed_mb: u64) -> Judgement {
    if free_mb < needed_mb + needed_mb / 2 {
        Judgement::Wrong(Detail::Disk { free_mb, needed_mb })
    } else if free_mb > needed_mb * 2 {
        Judgement::Well
    } else {
        Judgement::Unclear
    }
}

fn judge_refusals(hour: Tally, day: Tally) -> Judgement {
    let (refused, total) = (hour.refused, hour.refused + hour.accepted);
    let day_total = day.refused + day.accepted;
    // Shares are compared crosswise, so that nothing is divided.
    let is_thrice_usual = refused * day_total >= 3 * day.refused * total;
    if refused >= FEWEST_REFUSED && refused * 10 >= total * 3 && is_thrice_usual {
        Judgement::Wrong(Detail::Refusals { refused, total })
    } else if refused < FEWEST_REFUSED || refused * 10 < total * 2 {
        Judgement::Well
    } else {
        Judgement::Unclear
    }
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
