//! Which names below a link are known: campaign, adgroup and creative as clicks bring them, at most so many
//! combinations a link. Beyond the bound the levels of the URL are named `unknown`, so that strangers who make up
//! names fill neither the reports nor the store. What the URL said stays with the session as a parameter.
//!
//! The map lives beside the catalog and is read at every click, so it is in memory. New combinations are
//! written by the housekeeper ([`save`]) and read again at a start ([`LinkNames::load`]).
//!
//! 2026-11-21: a new combination costs a click no key of its commit. After a crash the combinations of the last
//! seconds are unknown and are taken again with their next click: the bound holds but for those.

use crate::domain::duplicates;
use crate::domain::ids::LinkToken;
use crate::domain::link::Link;
use crate::domain::session::Session;
use crate::recorder::{RecordError, Recorder};
use crate::store::catalog::Catalog;
use crate::store::{Db, Reader, StoreError, keys};
use crate::telemetry;
use parking_lot::RwLock;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// What a level is called whose name is not taken.
const UNKNOWN: &str = "unknown";
const LEVELS: [&str; 3] = ["campaign", "adgroup", "creative"];
/// Keys written by one job.
const MOST: usize = 5_000;

#[derive(Debug, Default)]
struct Table {
    known: HashMap<LinkToken, HashSet<u64>>,
    /// Known and not stored yet.
    fresh: Vec<(LinkToken, u64)>,
}

/// The combinations of every link.
#[derive(Debug)]
pub struct LinkNames {
    table: RwLock<Table>,
    most: usize,
}

impl LinkNames {
    /// Nothing known; at most `most` combinations a link.
    pub fn new(most: usize) -> Self {
        Self {
            table: RwLock::default(),
            most,
        }
    }

    /// What is stored of the links that there are.
    pub fn load(most: usize, reader: &Reader, catalog: &Catalog) -> Result<Self, StoreError> {
        let mut table = Table::default();
        reader.scan_prefix(Db::Hot, &keys::link_name_prefix(), false, |key, _| {
            if let Some((link, hash)) = keys::parse_link_name(key)
                && catalog.links.contains_key(&link)
            {
                table.known.entry(link).or_default().insert(hash);
            }
            ControlFlow::Continue(())
        })?;
        Ok(Self {
            table: RwLock::new(table),
            most,
        })
    }

    /// Combinations known of a link.
    pub fn count(&self, link: &LinkToken) -> usize {
        self.table.read().known.get(link).map_or(0, HashSet::len)
    }

    /// How many may be known of a link.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Takes the names of an engagement, or, when the link has as many as it may, renames the levels that came
    /// with the URL.
    pub fn admit(&self, link: &Link, session: &mut Session) {
        let own = [&link.campaign, &link.adgroup, &link.creative];
        let is_own = |level: usize| own[level].as_deref().is_some_and(|name| !name.is_empty());
        let of_url: Vec<usize> = (0..session.names.len().saturating_sub(1).min(LEVELS.len()))
            .filter(|level| !is_own(*level))
            .collect();
        if of_url.is_empty() || self.knows(link, session) {
            return;
        }
        for level in of_url {
            let name = std::mem::replace(&mut session.names[level + 1], UNKNOWN.to_owned());
            if name != UNKNOWN {
                session.parameters.push((LEVELS[level].to_owned(), name));
            }
        }
        telemetry::link_name_refused();
    }

    fn knows(&self, link: &Link, session: &Session) -> bool {
        let hash = hash(&session.names[1..]);
        let is_known = |table: &Table| {
            table
                .known
                .get(&link.token)
                .is_some_and(|names| names.contains(&hash))
        };
        if is_known(&self.table.read()) {
            return true;
        }
        let mut table = self.table.write();
        let names = table.known.entry(link.token.clone()).or_default();
        if names.contains(&hash) {
            return true;
        }
        if names.len() >= self.most {
            return false;
        }
        names.insert(hash);
        table.fresh.push((link.token.clone(), hash));
        true
    }

    fn take_fresh(&self) -> Vec<(LinkToken, u64)> {
        let mut table = self.table.write();
        let from = table.fresh.len().saturating_sub(MOST);
        table.fresh.split_off(from)
    }
}

fn hash(names: &[String]) -> u64 {
    let parts: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    let mut first = [0; 8];
    first.copy_from_slice(&duplicates::hash(&parts)[..8]);
    u64::from_be_bytes(first)
}

/// Writes what is known and not stored; what cannot be written waits for the next time.
pub fn save(names: &LinkNames, recorder: &Recorder) -> Result<(), RecordError> {
    loop {
        let fresh = names.take_fresh();
        if fresh.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = fresh
            .iter()
            .map(|(link, hash)| keys::link_name(link, *hash))
            .collect();
        let written = recorder.run_blocking(move |group| {
            keys.into_iter().for_each(|key| group.put(key, Vec::new()));
        });
        if let Err(error) = written {
            names.table.write().fresh.extend(fresh);
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::ActivityKind;
    use crate::domain::template::sample::sample_activity;

    fn link(campaign: Option<&str>) -> Link {
        let link =
            serde_json::json!({"token": "abcdef", "offer": "offer1", "network": "Net", "campaign": campaign});
        serde_json::from_value(link).unwrap()
    }

    fn session(names: &[&str]) -> Session {
        let sample = sample_activity(ActivityKind::Click).unwrap();
        let mut session = *sample.activity.session.unwrap();
        session.names = names.iter().map(|name| (*name).to_owned()).collect();
        session.parameters.clear();
        session
    }

    #[test]
    fn names_beyond_the_bound_are_unknown() {
        let (names, link) = (LinkNames::new(2), link(None));
        let admitted = |of: &[&str]| {
            let mut session = session(of);
            names.admit(&link, &mut session);
            (session.tracker_name(), session.parameters)
        };
        for known in [
            ["Net", "a"].as_slice(),
            &["Net", "a", "b"],
            &["Net", "a"],
            &["Net"],
        ] {
            assert_eq!(admitted(known), (known.join("::"), vec![]));
        }
        let (name, parameters) = admitted(&["Net", "c", "unknown", "d"]);
        assert_eq!(name, "Net::unknown::unknown::unknown");
        assert_eq!(
            parameters,
            [("campaign".into(), "c".into()), ("creative".into(), "d".into())]
        );
        assert_eq!(
            admitted(&["Net", "a", "b"]).0,
            "Net::a::b",
            "what is known stays known"
        );
        assert_eq!((names.count(&link.token), names.take_fresh().len()), (2, 2));
        assert!(names.take_fresh().is_empty());
    }

    #[test]
    fn names_of_the_link_itself_need_no_room() {
        let (names, link) = (LinkNames::new(0), link(Some("spring")));
        let mut fixed = session(&["Net", "spring"]);
        names.admit(&link, &mut fixed);
        assert_eq!(fixed.tracker_name(), "Net::spring");
        let mut below = session(&["Net", "spring", "x"]);
        names.admit(&link, &mut below);
        assert_eq!(below.tracker_name(), "Net::spring::unknown");
    }
}
