//! Who may still try a password: failures are counted, successes are not.
//!
//! | what is counted | at once | then one every |
//! | --- | --- | --- |
//! | a known browser, for its account | 10 | 30 s |
//! | an account from one network (/24, /48) | 10 | 60 s |
//! | an account from everywhere | 100 | 10 s |
//! | an address (IPv6: /64) | 20 | 6 s |
//! | a network (/24, /48) | 60 | 2 s |
//! | a larger network (/16, /32) | 600 | 200 ms |
//!
//! A browser that signed in before is counted by itself, so that nobody else's failures keep its owner out; all
//! others meet every other row. A try counts as a failure while it is under way, and is given back when it was none:
//! a hundred at once are no way around. A refused try counts nowhere, and larger networks are asked first, so one
//! network can only remember so many of its parts here. When the table is full all the same, those without a row of
//! their own share one.

use super::AdminError;
use super::lock::Lock;
use crate::domain::network::{neighbourhood, network_of};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Instant;

/// Rows remembered at once.
const MOST_ROWS: usize = 50_000;
/// Between two sweeps of a full table, milliseconds.
const SWEEP_EVERY_MS: i64 = 1_000;

/// Who tries.
#[derive(Debug, Clone, Copy)]
pub struct Try<'a> {
    /// Where from.
    pub from: IpAddr,
    /// The sign-in name, as it was given.
    pub login: Option<&'a str>,
    /// The browser, if it is known to the account.
    pub browser: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Row {
    Browser(u64, u64),
    Pair(u64, IpAddr),
    Account(u64),
    Address(IpAddr),
    Network(IpAddr),
    Region(IpAddr),
    Crowd,
}

impl Row {
    /// How many at once, and milliseconds until the next.
    fn allowance(self) -> (i64, i64) {
        match self {
            Self::Browser(..) => (10, 30_000),
            Self::Pair(..) => (10, 60_000),
            Self::Account(_) => (100, 10_000),
            Self::Address(_) => (20, 6_000),
            Self::Network(_) => (60, 2_000),
            Self::Region(_) => (600, 200),
            Self::Crowd => (20, 1_000),
        }
    }

    fn lock(self) -> Lock {
        match self {
            Self::Browser(..) => Lock::Browser,
            Self::Pair(..) | Self::Address(_) | Self::Network(_) | Self::Region(_) => Lock::Network,
            Self::Account(_) => Lock::Account,
            Self::Crowd => Lock::Crowd,
        }
    }
}

/// A try under way: a failure, unless it is given back.
#[derive(Debug)]
#[must_use]
pub struct Ticket(Vec<Row>);

/// Until when each row is used up (the theoretical arrival time of GCRA), in milliseconds.
#[derive(Debug, Default)]
struct Table {
    rows: HashMap<Row, i64>,
    swept_at_ms: i64,
}

impl Table {
    fn begin(&mut self, rows: &[Row], most: usize, now_ms: i64) -> Result<Ticket, (Lock, i64)> {
        let is_known = matches!(rows, [Row::Browser(..), ..]);
        if !is_known && self.rows.len() + rows.len() > most && now_ms - self.swept_at_ms >= SWEEP_EVERY_MS {
            self.rows.retain(|_, until_ms| *until_ms > now_ms);
            self.swept_at_ms = now_ms;
        }
        let has_room = is_known
            || self.rows.len() + rows.len() <= most
            || rows.iter().all(|row| self.rows.contains_key(row));
        let rows = if has_room { rows } else { &[Row::Crowd] };
        for row in rows {
            let (burst, every_ms) = row.allowance();
            let used_ms = self
                .rows
                .get(row)
                .map_or(0, |until_ms| (until_ms - now_ms).max(0));
            if used_ms + every_ms > burst * every_ms {
                return Err((row.lock(), used_ms + every_ms - burst * every_ms));
            }
        }
        for row in rows {
            let until_ms = self.rows.entry(*row).or_insert(now_ms);
            *until_ms = (*until_ms).max(now_ms) + row.allowance().1;
        }
        Ok(Ticket(rows.to_vec()))
    }

    fn give_back(&mut self, ticket: &Ticket, now_ms: i64) {
        for row in &ticket.0 {
            if let Some(until_ms) = self.rows.get_mut(row) {
                *until_ms -= row.allowance().1;
                if *until_ms <= now_ms {
                    self.rows.remove(row);
                }
            }
        }
    }

    /// Forgets what was counted against an account, and the networks that it was counted in.
    fn forget(&mut self, account: u64) {
        let networks: Vec<IpAddr> = (self.rows.keys())
            .filter_map(|row| match row {
                Row::Pair(of, network) if *of == account => Some(*network),
                _ => None,
            })
            .collect();
        self.rows.retain(|row, _| match row {
            Row::Browser(of, _) | Row::Pair(of, _) | Row::Account(of) => *of != account,
            Row::Address(ip) | Row::Network(ip) => !networks.contains(&neighbourhood(*ip)),
            Row::Region(_) | Row::Crowd => true,
        });
    }
}

/// Counts failures.
#[derive(Debug)]
pub struct Failures {
    table: Mutex<Table>,
    hashes: RandomState,
    began: Instant,
    most: usize,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            table: Mutex::default(),
            hashes: RandomState::new(),
            began: Instant::now(),
            most: MOST_ROWS,
        }
    }
}

impl Failures {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn account(&self, login: &str) -> u64 {
        self.hashes.hash_one(login.trim().to_lowercase())
    }

    fn rows(&self, who: &Try<'_>) -> Vec<Row> {
        let account = who.login.map(|login| self.account(login));
        if let (Some(account), Some(browser)) = (account, who.browser) {
            return vec![Row::Browser(account, self.hashes.hash_one(browser))];
        }
        let neighbourhood = neighbourhood(who.from);
        let mut rows = vec![
            Row::Region(network_of(who.from, 16, 32)),
            Row::Network(neighbourhood),
            Row::Address(network_of(who.from, 32, 64)),
        ];
        rows.extend(account.map(|account| Row::Pair(account, neighbourhood)));
        rows.extend(account.map(Row::Account));
        rows
    }

    /// Counts a try as a failure until [`Failures::give_back`]; known and unknown accounts alike.
    ///
    /// # Errors
    /// [`AdminError::LockedOut`]: it is one too many, and counts nowhere.
    pub fn begin(&self, who: &Try<'_>) -> Result<Ticket, AdminError> {
        let rows = self.rows(who);
        let begun = self.table.lock().begin(&rows, self.most, self.now_ms());
        begun.map_err(|(lock, wait_ms)| AdminError::LockedOut {
            lock,
            retry_after_s: u64::try_from(wait_ms).unwrap_or(0).div_ceil(1000).max(1),
        })
    }

    /// Counts a failure of an address with a secret that belongs to no account.
    ///
    /// # Errors
    /// [`AdminError::Throttled`]: it was one too many.
    pub fn failed(&self, from: IpAddr) -> Result<(), AdminError> {
        let who = Try {
            from,
            login: None,
            browser: None,
        };
        match self.begin(&who) {
            Ok(_) => Ok(()),
            Err(AdminError::LockedOut { retry_after_s, .. }) => Err(AdminError::Throttled { retry_after_s }),
            Err(other) => Err(other),
        }
    }

    /// The try was no failure.
    pub fn give_back(&self, ticket: &Ticket) {
        self.table.lock().give_back(ticket, self.now_ms());
    }

    /// Lets an account be tried again from everywhere.
    pub fn unlock(&self, login: &str) {
        let account = self.account(login);
        self.table.lock().forget(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = "hanako@example.jp";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn newcomer(from: IpAddr) -> Try<'static> {
        Try {
            from,
            login: Some(OWNER),
            browser: None,
        }
    }

    /// Tries of an hour, one a second, by the table's own clock; how many were let through.
    fn hour(failures: &Failures, who: impl Fn(i64) -> Try<'static>) -> usize {
        let mut table = failures.table.lock();
        let let_through = (0..3600).filter(|second| {
            let rows = failures.rows(&who(*second));
            table.begin(&rows, failures.most, second * 1000).is_ok()
        });
        let_through.count()
    }

    #[test]
    fn of_one_network_few_failures_are_let_through_and_others_notice_nothing() {
        let failures = Failures::default();
        let spread = |second: i64| newcomer(IpAddr::from([192, 0, 2, (second % 250) as u8]));
        assert_eq!(hour(&failures, spread), 10 + 59);
        for (from, browser, expected) in [
            ("198.51.100.7", None, true),
            ("192.0.2.9", None, false),
            ("192.0.2.9", Some("own"), true),
        ] {
            let who = Try {
                browser,
                ..newcomer(ip(from))
            };
            let rows = failures.rows(&who);
            let begun = failures.table.lock().begin(&rows, MOST_ROWS, 3_600_000 - 1000);
            assert_eq!(begun.is_ok(), expected, "{from} {browser:?}");
        }
    }

    #[test]
    fn a_known_browser_is_let_in_whatever_others_do_and_only_its_own_failures_count() {
        let failures = Failures::default();
        let crowd = |second: i64| {
            let bytes = u32::try_from(second).unwrap().to_be_bytes();
            newcomer(IpAddr::from([100, bytes[2], bytes[3], 1]))
        };
        assert!(hour(&failures, crowd) <= 100 + 360);
        let own = |browser| Try {
            browser: Some(browser),
            ..newcomer(ip("100.0.1.1"))
        };
        let mut table = failures.table.lock();
        let mut tries = |browser, count: usize, now_ms| {
            let rows = failures.rows(&own(browser));
            (0..count)
                .filter(|_| table.begin(&rows, failures.most, now_ms).is_ok())
                .count()
        };
        assert_eq!(tries("office", 30, 3_600_000), 10);
        assert_eq!(tries("home", 1, 3_600_000), 1);
        assert_eq!(tries("office", 5, 3_630_000), 1);
    }

    #[test]
    fn successes_and_refused_tries_count_nowhere() {
        let failures = Failures::default();
        for _ in 0..500 {
            let ticket = failures.begin(&newcomer(ip("192.0.2.1"))).unwrap();
            failures.give_back(&ticket);
        }
        assert!(failures.table.lock().rows.is_empty());
        let kept: Vec<_> = (0..500)
            .map(|_| failures.begin(&newcomer(ip("192.0.2.1"))))
            .collect();
        assert_eq!(kept.iter().filter(|begun| begun.is_ok()).count(), 10);
        for ticket in kept.iter().flatten() {
            failures.give_back(ticket);
        }
        assert!(failures.begin(&newcomer(ip("192.0.2.1"))).is_ok());
    }

    #[test]
    fn one_network_of_ipv6_takes_few_rows() {
        let failures = Failures::default();
        for n in 0..100_000_u128 {
            let address = (0x2001_0db8_0001_u128 << 80) | (n << 64) | n;
            let who = Try {
                login: None,
                ..newcomer(IpAddr::V6(address.into()))
            };
            drop(failures.begin(&who));
        }
        let rows = failures.table.lock().rows.len();
        assert!(rows < 200, "{rows}");
    }

    #[test]
    fn a_full_table_leaves_newcomers_one_row_and_known_browsers_theirs() {
        let failures = Failures {
            most: 100,
            ..Failures::default()
        };
        for n in 0..200_u8 {
            drop(failures.begin(&newcomer(IpAddr::from([n, 1, 1, 1]))));
        }
        let before = failures.table.lock().rows.len();
        assert!(before <= 101, "{before}");
        let refused = failures.begin(&newcomer(ip("203.0.113.1"))).unwrap_err();
        assert_eq!(refused.code(), "locked_crowd");
        let own = Try {
            browser: Some("own"),
            ..newcomer(ip("203.0.113.1"))
        };
        assert!(failures.begin(&own).is_ok());
        failures.unlock(OWNER);
        assert!(failures.begin(&newcomer(ip("203.0.113.1"))).is_ok());
    }

    #[test]
    fn unlocking_forgets_an_account_and_where_it_was_tried() {
        let failures = Failures::default();
        let both = |login| {
            (0..30)
                .filter(|_| {
                    let who = Try {
                        login: Some(login),
                        ..newcomer(ip("192.0.2.1"))
                    };
                    failures.begin(&who).is_ok()
                })
                .count()
        };
        assert_eq!((both(OWNER), both("taro")), (10, 10));
        failures.unlock(" Hanako@Example.JP ");
        assert_eq!((both(OWNER), both("taro")), (10, 0));
    }
}
