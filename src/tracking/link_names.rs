//! Which names below a link are known: campaign, adgroup and creative as clicks bring them, at most so many
//! combinations a link. Beyond the bound the levels of the URL are named `unknown`, so that strangers who make up
//! names fill neither the reports nor the store. What the URL said stays with the session as a parameter.
//!
//! The map lives beside the catalog and is read at every click, so it is in memory. New combinations are
//! written by the housekeeper ([`save`]) and read again at a start ([`LinkNames::load`]).
//!
//! 2026-11-21: a new combination costs a click no key of its commit. After a crash the combinations of the last
//! seconds are unknown and are taken again with their next click: the bound holds but for those.
//!
//! 2026-11-22: names of a link that was removed are removed by the housekeeper too ([`tidy`]), since there may be
//! too many for the commit of the removal. Until then the link stays in the map; a start finds it again.

use crate::domain::duplicates;
use crate::domain::ids::LinkToken;
use crate::domain::link::Link;
use crate::domain::session::Session;
use crate::recorder::{RecordError, Recorder};
use crate::store::catalog::Catalog;
use crate::store::{Db, KeyRange, Reader, StoreError, keys};
use crate::telemetry;
use foldhash::quality::RandomState;
use foldhash::{HashMap, HashSet};
use parking_lot::RwLock;
use std::hash::BuildHasher;
use std::ops::ControlFlow;

/// What a level is called whose name is not taken.
const UNKNOWN: &str = "unknown";
const LEVELS: [&str; 3] = ["campaign", "adgroup", "creative"];
/// Keys written by one job.
const MOST: usize = 5_000;
/// Keys removed by one job.
const MOST_REMOVED: usize = 1_000;

#[derive(Debug, Default)]
struct Table {
    known: HashMap<LinkToken, HashSet<u64>>,
    /// Known and not stored yet.
    fresh: Vec<(LinkToken, u64)>,
    /// Links with names that are known, by a hash of this process: the stored one takes ten times as long. Emptied when
    /// it is full, or a link is forgotten.
    seen: HashSet<u64>,
}

/// Most of `Table::seen`.
const MOST_SEEN: usize = 16_384;

/// The combinations of every link.
#[derive(Debug)]
pub struct LinkNames {
    table: RwLock<Table>,
    most: usize,
    hasher: RandomState,
}

impl LinkNames {
    /// Nothing known; at most `most` combinations a link.
    pub fn new(most: usize) -> Self {
        Self {
            table: RwLock::default(),
            most,
            hasher: RandomState::default(),
        }
    }

    /// What is stored of the links that there are; of those that were removed only that there is something.
    pub fn load(most: usize, reader: &Reader, catalog: &Catalog) -> Result<Self, StoreError> {
        let mut table = Table::default();
        reader.scan_prefix(Db::Hot, &keys::link_name_prefix(), false, |key, _| {
            if let Some((link, hash)) = keys::parse_link_name(key) {
                let is_there = catalog.links.contains_key(&link);
                let names = table.known.entry(link).or_default();
                if is_there {
                    names.insert(hash);
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(Self {
            table: RwLock::new(table),
            most,
            hasher: RandomState::default(),
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
        let quick = self.hasher.hash_one((&link.token, &session.names[1..]));
        if self.table.read().seen.contains(&quick) {
            return true;
        }
        let is_known = self.looks_up(link, session);
        if is_known {
            let seen = &mut self.table.write().seen;
            if seen.len() >= MOST_SEEN {
                seen.clear();
            }
            seen.insert(quick);
        }
        is_known
    }

    fn looks_up(&self, link: &Link, session: &Session) -> bool {
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

    /// Links with names that are not there any more.
    fn gone(&self, catalog: &Catalog) -> Vec<LinkToken> {
        let table = self.table.read();
        let gone = table
            .known
            .keys()
            .filter(|link| !catalog.links.contains_key(*link));
        gone.cloned().collect()
    }

    fn forget(&self, link: &LinkToken) {
        let mut table = self.table.write();
        table.known.remove(link);
        table.seen.clear();
        table.fresh.retain(|(of, _)| of != link);
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
            keys.into_iter().for_each(|key| group.mark(key));
        });
        if let Err(error) = written {
            names.table.write().fresh.extend(fresh);
            return Err(error);
        }
    }
}

/// Removes the names of links that are not there any more. A click that was under way when its link went may bring
/// one anew; the next time finds it.
pub fn tidy(names: &LinkNames, recorder: &Recorder) -> Result<(), RecordError> {
    for link in names.gone(&recorder.catalog()) {
        while remove_some(&link, recorder)? >= MOST_REMOVED {}
        // Made again under the same token meanwhile, it keeps what it has.
        if !recorder.catalog().links.contains_key(&link) {
            names.forget(&link);
        }
    }
    Ok(())
}

/// Removes stored names of a link, unless there is one of that token again. Tells how many.
fn remove_some(link: &LinkToken, recorder: &Recorder) -> Result<usize, RecordError> {
    let link = link.clone();
    let removed = recorder.try_run_blocking(move |group| {
        if group.catalog().links.contains_key(&link) {
            return Ok(0);
        }
        let range = KeyRange::prefix(&keys::link_names_prefix(&link));
        let found = group.scan(Db::Hot, range, MOST_REMOVED)?;
        let count = found.len();
        found
            .into_iter()
            .for_each(|(key, _)| group.remove((Db::Hot, key)));
        Ok(count)
    });
    removed?.map_err(|error: StoreError| RecordError::from(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::activity::ActivityKind;
    use crate::domain::template::sample::sample_activity;
    use crate::live::Live;
    use crate::recorder::{Group, RecorderOptions, RecorderThread, RoomBytes};
    use crate::store::catalog::{Change, ConfigKey, ConfigObject};
    use crate::store::{Store, StoreOptions};
    use std::time::Duration;

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

    struct Writer {
        recorder: Recorder,
        thread: Option<RecorderThread>,
        _dir: tempfile::TempDir,
    }

    impl Writer {
        fn start() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let (store, _) = Store::open(dir.path(), StoreOptions::default()).unwrap();
            let options = RecorderOptions {
                intake_queue: 8,
                spool: 1,
                rooms: RoomBytes::default(),
            };
            let (catalog, live) = (Catalog::default(), Live::default());
            let (recorder, thread) =
                Recorder::start(store.writer, store.reader, catalog, live, Clock::System, options).unwrap();
            Self {
                recorder,
                thread: Some(thread),
                _dir: dir,
            }
        }

        fn change(&self, changes: Vec<Change>) {
            let staged = self.recorder.run_blocking(move |group| {
                let next = group.catalog().apply(&[], &changes).unwrap();
                group.set_catalog(next);
                // A group that writes nothing leaves the catalog as it was.
                group.mark(keys::instance("changed"));
            });
            staged.unwrap();
        }

        fn stored(&self, link: &Link) -> usize {
            let prefix = keys::link_names_prefix(&link.token);
            let scan = move |group: &mut Group<'_>| {
                let range = KeyRange::prefix(&prefix);
                group.scan(Db::Hot, range, usize::MAX).map(|found| found.len())
            };
            self.recorder.run_blocking(scan).unwrap().unwrap()
        }
    }

    impl Drop for Writer {
        fn drop(&mut self) {
            self.thread.take().unwrap().stop();
        }
    }

    #[test]
    fn names_go_with_their_link_and_others_stay() {
        let writer = Writer::start();
        let (gone, mut stays) = (link(None), link(None));
        stays.token = "abcdefg".parse().unwrap();
        let offer = serde_json::json!({"id": "offer1", "name": "Shop", "events": []});
        let offer = ConfigObject::Offer(serde_json::from_value(offer).unwrap());
        let objects = [
            offer,
            ConfigObject::Link(gone.clone()),
            ConfigObject::Link(stays.clone()),
        ];
        writer.change(objects.into_iter().map(Change::Put).collect());

        let names = LinkNames::new(10_000);
        let many = MOST_REMOVED + 5;
        for n in 0..many {
            names.admit(&gone, &mut session(&["Net", &n.to_string()]));
        }
        names.admit(&stays, &mut session(&["Net", "x"]));
        save(&names, &writer.recorder).unwrap();
        tidy(&names, &writer.recorder).unwrap();
        assert_eq!((writer.stored(&gone), writer.stored(&stays)), (many, 1));

        writer.change(vec![Change::Remove(ConfigKey::Link(gone.token.clone()))]);
        // As after a start: of the removed link nothing is known but that something is stored.
        let reader = writer.recorder.reader();
        assert!(reader.wait_applied(reader.health().durable_seq, Duration::from_secs(10)));
        let again = LinkNames::load(10_000, reader, &writer.recorder.catalog()).unwrap();
        assert_eq!((again.count(&gone.token), again.count(&stays.token)), (0, 1));
        names.admit(&gone, &mut session(&["Net", "under way"]));
        tidy(&names, &writer.recorder).unwrap();
        save(&names, &writer.recorder).unwrap();
        assert_eq!((writer.stored(&gone), writer.stored(&stays)), (0, 1));
        assert_eq!((names.count(&gone.token), names.count(&stays.token)), (0, 1));
        assert_eq!(again.gone(&writer.recorder.catalog()), [gone.token]);
    }
}
