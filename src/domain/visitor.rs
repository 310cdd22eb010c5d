//! The visitor of an app: one device with one app, and what attribution has to remember of it.
//!
//! Sandbox and production are kept apart: a device that was tested with is new in production. The credited
//! session is copied here whole, so that an event a year later still knows its PARA1.
//!
//! It must not know how it is stored or what a request looks like.
//!
//! 2026-11-27: what is dated before a reattribution is credited to the source before it ("later activity is credited
//! to the new source", reference 6.3), so the credits before stay with the visitor while something can still be
//! dated there. What is dated before the install is taken, since the device is known (5.3 refuses only devices
//! that are not), and credited to nobody; some minutes before count as the install where the engagement was earlier
//! still, for clocks that differ.

mod facts;
mod worth;

pub use self::facts::Facts;

use super::activity::{ActivityKind, MatchType};
use super::attribution::Windows;
use super::duplicates::{Hash, hash};
use super::hex::hex;
use super::ids::{ActivityId, EventToken, LinkToken, OfferId};
use super::session::Session;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Device ids that are remembered of one visitor at most.
pub const MOST_IDS: usize = 32;
/// Events of one second that are remembered here to recognise a repetition.
const MOST_SEEN: usize = 32;

/// Credits before the present one that are kept at most.
const MOST_EARLIER: usize = 4;
/// For how long one is kept at least, unless there are more: the age that an event may have (reference, 5.3).
const EARLIER_MS: i64 = 58 * 24 * 3_600_000;
/// How far clocks may differ that tell of an install and of what came after it.
const CLOCKS_MS: i64 = 5 * 60 * 1000;

/// Our id of a device with an app: 32 lower-case hexadecimal digits, made of the first device id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Adid(pub Hash);

impl Adid {
    /// The id of a device that is seen for the first time with this device id.
    pub fn of(offer: &OfferId, is_test: bool, name: &str, value: &str) -> Self {
        Self(hash(&[
            b"adid",
            offer.as_str().as_bytes(),
            &[u8::from(is_test)],
            name.as_bytes(),
            value.as_bytes(),
        ]))
    }

    /// What finds the visitor's activities.
    pub fn index_hash(self) -> u64 {
        first_eight(&self.0)
    }
}

impl fmt::Display for Adid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Adid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Adid {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(());
        }
        let value = u128::from_str_radix(text, 16).map_err(drop)?;
        Ok(Self(value.to_be_bytes()))
    }
}

/// Under which hash a visitor is found by one of its device ids.
pub fn device_hash(offer: &OfferId, is_test: bool, name: &str, value: &str) -> Hash {
    hash(&[
        b"device",
        offer.as_str().as_bytes(),
        &[u8::from(is_test)],
        name.as_bytes(),
        value.as_bytes(),
    ])
}

/// Under which hash a click or impression is found by a device id that it carried.
pub fn engagement_hash(offer: &OfferId, name: &str, value: &str) -> u64 {
    first_eight(&hash(&[
        b"engagement",
        offer.as_str().as_bytes(),
        name.as_bytes(),
        value.as_bytes(),
    ]))
}

/// Under which hash a click or impression is found by the cost id that it carried.
pub fn cost_hash(cost_id: &str) -> u64 {
    first_eight(&hash(&[b"cost", cost_id.as_bytes()]))
}

/// Under which hash a click or impression is found by address, system and model.
pub fn fingerprint(offer: &OfferId, ip_hash: u64, os_name: &str, model: &str) -> u64 {
    first_eight(&hash(&[
        b"fingerprint",
        offer.as_str().as_bytes(),
        &ip_hash.to_be_bytes(),
        os_name.to_ascii_lowercase().as_bytes(),
        model_family(os_name, model).as_bytes(),
    ]))
}

/// What browser and app both say of the model: on iOS browsers only tell the family (`iPhone`), apps the
/// model (`iPhone14,5`).
fn model_family(os_name: &str, model: &str) -> String {
    let model = model.trim().to_ascii_lowercase();
    if os_name.eq_ignore_ascii_case("ios") {
        model
            .trim_end_matches(|c: char| c.is_ascii_digit() || c == ',')
            .to_owned()
    } else {
        model
    }
}

fn first_eight(hash: &Hash) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first)
}

/// A link by token and full name, as they stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracker {
    /// Its token.
    pub token: LinkToken,
    /// Levels joined with `::`.
    pub name: String,
}

impl From<&Session> for Tracker {
    fn from(session: &Session) -> Self {
        Self {
            token: session.link.clone(),
            name: session.tracker_name(),
        }
    }
}

/// The newest events of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventMark {
    /// Which event.
    pub token: EventToken,
    /// Time of the newest one, unix milliseconds.
    pub at_ms: i64,
    /// What was said in the requests of that second, hashed; not of all of them when there were many
    /// ([`Visitor::is_crowded`]).
    pub seen: Vec<u64>,
}

/// How an event stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Not earlier than any of its kind.
    Next,
    /// The same was sent for the same moment.
    Repeated,
    /// Earlier than one already seen.
    TooLate,
}

/// What a temporary credit falls back to; kept beside the visitor while one is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// Until when the temporary credit holds, unix milliseconds.
    pub until_ms: i64,
    /// The session that has the credit from then on; `None`: organic.
    pub credit: Option<Box<Session>>,
    /// How it matched.
    pub match_type: MatchType,
}

/// The credited session, `None` being organic, and how it matched.
pub type Credited = (Option<Box<Session>>, MatchType);

impl Fallback {
    /// What a credit that was given at `at_ms` falls back to; `None`: it stays. `before` is the credit that it took
    /// the place of; where that was a temporary one, `earlier` is what that would have fallen back to.
    pub fn of(windows: &Windows, at_ms: i64, before: Credited, earlier: Option<Self>) -> Option<Self> {
        if windows.temporary_ms == 0 {
            return None;
        }
        let (credit, match_type) = match earlier {
            _ if windows.is_temporary_to_organic => (None, MatchType::Organic),
            Some(earlier) => (earlier.credit, earlier.match_type),
            None => before,
        };
        Some(Self {
            until_ms: at_ms.saturating_add(windows.temporary_ms),
            credit,
            match_type,
        })
    }
}

/// A credit that another took the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Until when it held, unix milliseconds; the next one holds from then on.
    pub until_ms: i64,
    /// The credited session; `None`: organic.
    pub credit: Option<Box<Session>>,
    /// How it matched.
    pub match_type: MatchType,
}

/// One device with one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// Its id.
    pub adid: Adid,
    /// The app.
    pub offer: OfferId,
    /// Sandbox.
    pub is_test: bool,
    /// Device ids by name, normalised; at most [`MOST_IDS`].
    pub ids: Vec<(String, String)>,
    /// First open, unix milliseconds.
    pub installed_at_ms: i64,
    /// The activity of kind `install`.
    pub install: ActivityId,
    /// Newest app session, unix milliseconds.
    pub last_session_at_ms: i64,
    /// What the newest app session was.
    pub last_session_kind: ActivityKind,
    /// App sessions since the present install.
    pub session_count: u32,
    /// App sessions since ever.
    pub lifetime_session_count: u32,
    /// Removed and not back yet: the time of the last app session before, unix milliseconds.
    pub uninstalled_at_ms: Option<i64>,
    /// Came back, unix milliseconds.
    pub reinstalled_at_ms: Option<i64>,
    /// Newest reattribution, unix milliseconds.
    pub reattributed_at_ms: Option<i64>,
    /// The activity of the newest reattribution.
    pub reattribution: Option<ActivityId>,
    /// The first credit; `None`: organic.
    pub first_tracker: Option<Tracker>,
    /// The credit before the newest reattribution.
    pub last_tracker: Option<Tracker>,
    /// The link that has the credit of the install now.
    pub install_link: Option<LinkToken>,
    /// The credited session; `None`: organic.
    pub credit: Option<Box<Session>>,
    /// How it matched.
    pub match_type: MatchType,
    /// Newest events, one entry a kind.
    pub events: Vec<EventMark>,
    /// Events that are counted once a device and were.
    pub unique_events: Vec<EventToken>,
    /// The credits before the present one, the oldest first; not all of them.
    pub earlier: Vec<Earlier>,
    /// The app session before the newest reattribution, unix milliseconds.
    pub before_reattribution_ms: Option<i64>,
    /// What the app said of the device last, by the names of `DEVICE_FACTS`.
    pub device: Vec<(String, String)>,
    /// Whether somebody who proved who they are told of it: such a device makes room last.
    pub is_proven: bool,
}

/// What an app says of the device in one request and may leave out in the next. Not where the device is, which
/// changes, nor what names its user.
const DEVICE_FACTS: [&str; 20] = [
    "os_name",
    "os_version",
    "device_type",
    "device_name",
    "device_model",
    "device_manufacturer",
    "hardware_name",
    "cpu_type",
    "api_level",
    "language",
    "timezone",
    "tracking_enabled",
    "tracking_limited",
    "att_status",
    "third_party_sharing_disabled",
    "sdk_version",
    "app_version",
    "app_version_raw",
    "app_version_short",
    "is_google_play_store_downloaded",
];
/// Longest value of a device fact that is remembered, bytes.
const LONGEST_FACT: usize = 100;

impl Visitor {
    /// Gives the credit back when a temporary one is over at `at_ms`. Doing it again changes nothing.
    pub fn fall_back(&mut self, fallback: Fallback, at_ms: i64) {
        let is_done = self
            .earlier
            .last()
            .is_some_and(|last| last.until_ms >= fallback.until_ms);
        if fallback.until_ms <= at_ms && !is_done {
            self.credit_from(fallback.until_ms, (fallback.credit, fallback.match_type));
        }
    }

    /// Moves the credit to another from `at_ms` on; gives the one before, which stays for what is dated earlier.
    pub fn credit_from(&mut self, at_ms: i64, credited: Credited) -> Credited {
        let before = (self.credit.take(), self.match_type);
        self.earlier
            .retain(|e| e.until_ms >= at_ms.saturating_sub(EARLIER_MS));
        if self.earlier.len() >= MOST_EARLIER {
            self.earlier.remove(0);
        }
        self.earlier.push(Earlier {
            until_ms: at_ms,
            credit: before.0.clone(),
            match_type: before.1,
        });
        (self.credit, self.match_type) = credited;
        before
    }

    /// Replaces the credit that was given at `at_ms`, and what it fell back to since.
    pub fn replace_credit(&mut self, at_ms: i64, credited: Credited) {
        self.earlier.retain(|e| e.until_ms <= at_ms);
        (self.credit, self.match_type) = credited;
    }

    /// The credit that the one given at `at_ms` took the place of; organic where it is not known.
    pub fn credit_before(&self, at_ms: i64) -> Credited {
        let before = self.earlier.iter().rev().find(|e| e.until_ms == at_ms);
        before.map_or((None, MatchType::Organic), |e| (e.credit.clone(), e.match_type))
    }

    /// Who has the credit of what happened at `at_ms`, and how it matched; `None`: nobody.
    pub fn credited_at(&self, at_ms: i64) -> (Option<&Session>, MatchType) {
        let earlier = self.earlier.iter().find(|e| at_ms < e.until_ms);
        let (credit, match_type) = earlier.map_or((self.credit.as_deref(), self.match_type), |e| {
            (e.credit.as_deref(), e.match_type)
        });
        if at_ms >= self.installed_at_ms {
            return (credit, match_type);
        }
        let is_near = at_ms >= self.installed_at_ms.saturating_sub(CLOCKS_MS);
        match credit.filter(|session| is_near && session.at_ms() <= at_ms) {
            Some(session) => (Some(session), match_type),
            None => (None, MatchType::Organic),
        }
    }

    /// When something was heard of it last: an app session or an event, unix milliseconds.
    pub fn last_seen_ms(&self) -> i64 {
        let events = self.events.iter().map(|mark| mark.at_ms).max();
        self.last_session_at_ms.max(events.unwrap_or(i64::MIN))
    }

    /// The link that has the credit now.
    pub fn tracker(&self) -> Option<Tracker> {
        self.credit.as_deref().map(Tracker::from)
    }

    /// Every id by which a click or impression can name it: those of the device, and the one that we gave it.
    pub fn named_by(&self) -> Vec<(String, String)> {
        let own = ("adid".to_owned(), self.adid.to_string());
        self.ids.iter().cloned().chain([own]).collect()
    }

    /// Remembers device ids that are new; tells which. A new value replaces the old one of its name.
    pub fn learn(&mut self, ids: &[(String, String)]) -> Vec<(String, String)> {
        let mut learnt = Vec::new();
        for (name, value) in ids {
            let has_room = self.ids.len() < MOST_IDS;
            match self.ids.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) if known == value => continue,
                Some((_, known)) => known.clone_from(value),
                None if has_room => self.ids.push((name.clone(), value.clone())),
                None => continue,
            }
            learnt.push((name.clone(), value.clone()));
        }
        learnt
    }

    /// Remembers what a request says of the device; tells whether something is new.
    pub fn learn_device(&mut self, fields: &[(String, String)]) -> bool {
        let mut is_new = false;
        for (name, value) in fields {
            let is_kept = DEVICE_FACTS.contains(&name.as_str());
            if !is_kept || value.is_empty() || value.len() > LONGEST_FACT {
                continue;
            }
            match self.device.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) if known == value => continue,
                Some((_, known)) => known.clone_from(value),
                None => self.device.push((name.clone(), value.clone())),
            }
            is_new = true;
        }
        is_new
    }

    /// How an event that was sent with the time `at_ms` and said `said` (a hash, of the time too) stands to those
    /// before it. Earlier ones of a kind are refused (reference, 5.3); a time in whole seconds, as
    /// `created_at_unix` is, says nothing of the order within its second.
    pub fn order(&self, token: &EventToken, at_ms: i64, said: u64) -> Order {
        let Some(mark) = self.mark_of(token) else {
            return Order::Next;
        };
        let is_same_second = second(at_ms) == second(mark.at_ms);
        let is_whole = at_ms.rem_euclid(1000) == 0;
        if at_ms < mark.at_ms && !(is_whole && is_same_second) {
            Order::TooLate
        } else if is_same_second && mark.seen.contains(&said) {
            Order::Repeated
        } else {
            Order::Next
        }
    }

    /// Whether so many events of the second of `at_ms` were seen that the visitor remembers no more of them.
    pub fn is_crowded(&self, token: &EventToken, at_ms: i64) -> bool {
        self.mark_of(token)
            .is_some_and(|mark| second(mark.at_ms) == second(at_ms) && mark.seen.len() >= MOST_SEEN)
    }

    fn mark_of(&self, token: &EventToken) -> Option<&EventMark> {
        self.events.iter().find(|mark| mark.token == *token)
    }

    /// Remembers an event. `said` is `None` for one that was sent without a time: it is never a repetition.
    pub fn mark(&mut self, token: &EventToken, at_ms: i64, said: Option<u64>) {
        match self.events.iter_mut().find(|mark| mark.token == *token) {
            Some(mark) if second(mark.at_ms) == second(at_ms) => {
                mark.at_ms = mark.at_ms.max(at_ms);
                let room = MOST_SEEN.saturating_sub(mark.seen.len());
                mark.seen.extend(said.into_iter().take(room));
            }
            Some(mark) if mark.at_ms > at_ms => {}
            Some(mark) => {
                mark.at_ms = at_ms;
                mark.seen = said.into_iter().collect();
            }
            None => self.events.push(EventMark {
                token: token.clone(),
                at_ms,
                seen: said.into_iter().collect(),
            }),
        }
    }

    /// What placeholders can show of it, by name. `last_session_at_ms` is the app session before the activity.
    pub fn facts(&self, last_session_at_ms: Option<i64>) -> Vec<(String, String)> {
        let mut facts = Facts::default();
        facts.add("adid", self.adid);
        for (name, value) in &self.ids {
            facts.add(name, value);
        }
        facts.time("installed_at", Some(self.installed_at_ms));
        facts.hour("installed_at_hour", Some(self.installed_at_ms));
        facts.add("session_count", self.session_count);
        facts.add("lifetime_session_count", self.lifetime_session_count);
        facts.time("last_session_time", last_session_at_ms);
        facts.add("is_reattributed", u8::from(self.reattributed_at_ms.is_some()));
        facts.time("reattributed_at", self.reattributed_at_ms);
        facts.hour("reattributed_at_hour", self.reattributed_at_ms);
        facts.time("uninstalled_at", self.uninstalled_at_ms);
        facts.time("reinstalled_at", self.reinstalled_at_ms);
        facts.tracker("first_tracker", self.first_tracker.as_ref());
        facts.tracker("last_tracker", self.last_tracker.as_ref());
        facts.0
    }
}

fn second(at_ms: i64) -> i64 {
    at_ms.div_euclid(1000)
}

#[cfg(test)]
mod tests;
