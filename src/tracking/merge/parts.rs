//! What of a store is merged, and how much it was. Pure.

use crate::domain::ids::{ActivityId, PostbackId, SessionId, TimeId};
use crate::store::{Db, PeriodKind, keys};
use serde::{Deserialize, Serialize};

/// What became of the records of another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Clicks and impressions that were not here.
    pub sessions: u64,
    /// Activities that were not here.
    pub activities: u64,
    /// Activities that were not here, and whose like was counted here meanwhile.
    pub duplicates: u64,
    /// Records that were changed there last.
    pub changes: u64,
    /// Conversions that were changed there and, later, here.
    pub overtaken: u64,
    /// Postbacks that were sent there, or failed, and are not sent here.
    pub postbacks_sent: u64,
    /// Postbacks that waited there and are queued here.
    pub postbacks_queued: u64,
    /// Postbacks that waited there and tell nothing that is so here.
    pub postbacks_left: u64,
    /// Devices of apps that were not here, or were seen there last.
    pub visitors: u64,
    /// Erasures that were carried out there and are here.
    pub erasures: u64,
    /// Settings and statements that operators made or changed there and that are not the same here.
    pub left: u64,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.activities += other.activities;
        self.duplicates += other.duplicates;
        self.changes += other.changes;
        self.overtaken += other.overtaken;
        self.postbacks_sent += other.postbacks_sent;
        self.postbacks_queued += other.postbacks_queued;
        self.postbacks_left += other.postbacks_left;
        self.visitors += other.visitors;
        self.erasures += other.erasures;
        self.left += other.left;
    }
}

/// What is merged of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A click or impression.
    Session(SessionId),
    /// An activity.
    Activity(ActivityId),
    /// A postback, waiting or settled.
    Postback(PostbackId),
    /// Something else.
    Other,
}

impl Part {
    /// Whether it comes before what refers to it.
    pub fn is_of_first_turn(self) -> bool {
        matches!(self, Self::Session(_) | Self::Activity(_))
    }

    /// What it is called where only its last state counts.
    pub fn name(self) -> Option<(u8, TimeId)> {
        match self {
            Self::Session(id) => Some((b's', id.0)),
            Self::Activity(id) => Some((b'a', id.0)),
            Self::Postback(id) => Some((b'p', id.0)),
            Self::Other => None,
        }
    }
}

/// Which part a key is about; `None`: of nothing that is merged. Counters are counted anew, some indexes are written with
/// their record, and what is handed on, logs and values of the instance are each server's own.
pub fn part(db: Db, key: &[u8]) -> Option<Part> {
    let first = key.first()?;
    match db {
        Db::Period(PeriodKind::Sessions, _) => keys::parse_session(key).map(Part::Session),
        Db::Period(PeriodKind::Activities, _) => match keys::parse_activity(key) {
            Some(id) => Some(Part::Activity(id)),
            None => (*first == b'v').then_some(Part::Other),
        },
        Db::Period(PeriodKind::Postbacks, _) => {
            Some(keys::parse_postback(key).map_or(Part::Other, Part::Postback))
        }
        Db::Hot => match first {
            b'w' => keys::parse_waiting(key).map(Part::Postback),
            b'n' => keys::is_erased_now(key).then_some(Part::Other),
            // Logins and proof links of operators.
            b'c' => {
                let (kind, _) = keys::parse_config(key)?;
                (!matches!(kind, b'g' | b'f')).then_some(Part::Other)
            }
            b'u' | b'a' | b'v' | b'd' | b'i' | b'g' | b'e' | b'm' | b'h' | b'r' => Some(Part::Other),
            _ => None,
        },
    }
}
