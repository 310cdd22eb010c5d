//! What waits, looked at from time to time: how much for partners that are held, and what will be too old for its rule
//! within a day.
//!
//! * 2026-11-30: what waits for nothing but its turn is not counted as ending: a rule with a greatest age of a day would
//!   always have some. Counted is what waits for an hour or for a held partner.

use crate::domain::ids::{ActivityId, PartnerId};
use crate::domain::money::{Currency, Money};
use crate::domain::postback::{Origin, Postback};
use crate::recorder::{HeldQueue, Recorder};
use crate::store::catalog::Catalog;
use crate::store::{Db, Record, StoreError, keys};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

const HOUR_MS: i64 = 3_600_000;
/// Time before its end at which it is told.
const AHEAD_MS: i64 = 24 * HOUR_MS;
/// Records that are looked at, and for how long.
const MOST_RECORDS: usize = 500_000;
const MOST_TIME: Duration = Duration::from_secs(5);
/// Conversions of which the money is looked up.
const MOST_CONVERSIONS: usize = 20_000;

/// Postbacks that will be too old for their rule within a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// How many.
    pub postbacks: u64,
    /// The money of their conversions, by currency, each conversion once.
    pub money: Vec<Money>,
    /// When the first one is too old, unix milliseconds.
    pub first_at_ms: i64,
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// What waits for each partner that is held.
    pub held: Vec<HeldQueue>,
    /// What ends within a day; `None`: nothing.
    pub ending: Option<Ending>,
}

/// Looks at what waits, for the partners of these ids that are held, too, and with all of it paused or not. Without anything that could be of interest it looks at nothing.
///
/// # Errors
/// The store is down.
pub(super) fn survey(recorder: &Recorder, held: Vec<String>, is_paused: bool) -> Result<Survey, StoreError> {
    let (catalog, now_ms) = (recorder.catalog(), recorder.clock().now_ms());
    let mut held: BTreeMap<String, HeldQueue> = with_stopped(held, &catalog, now_ms);
    let has_ages = catalog.rules.values().any(|rule| rule.rule.max_age_h.is_some());
    if held.is_empty() && !has_ages {
        return Ok(Survey::default());
    }
    let mut looking = Looking {
        now_ms,
        is_paused,
        postbacks: 0,
        first_at_ms: i64::MAX,
        conversions: HashSet::new(),
    };
    let (begun, mut left) = (Instant::now(), MOST_RECORDS);
    let reader = recorder.reader();
    reader.scan_prefix(Db::Hot, &keys::waiting_prefix(), false, |key, value| {
        left -= 1;
        if left == 0 || begun.elapsed() > MOST_TIME {
            return ControlFlow::Break(());
        }
        if let Ok(postback) = Postback::decode(value, Db::Hot, key) {
            let queue = account(&postback, &catalog).map_or("", |id| id.as_str());
            let queue = held.get_mut(queue);
            looking.see(&postback, queue.is_some());
            if let Some(queue) = queue {
                queue.postbacks += 1;
                queue.bytes += value.len() as u64;
            }
        }
        ControlFlow::Continue(())
    })?;
    let ending = match looking.postbacks {
        0 => None,
        postbacks => Some(Ending {
            postbacks,
            money: money(recorder, &looking.conversions)?,
            first_at_ms: looking.first_at_ms,
        }),
    };
    Ok(Survey {
        held: held.into_values().collect(),
        ending,
    })
}

/// Whose hold counts for a postback: the partner that is told, else the one whose secrets are used.
fn account<'a>(postback: &'a Postback, catalog: &'a Catalog) -> Option<&'a PartnerId> {
    let of_rule = || match &postback.origin {
        Origin::Rule(id) | Origin::Test(id) => catalog.rule(id)?.secret_owner(),
        Origin::Link(_) => None,
    };
    postback.partner.as_ref().or_else(of_rule)
}

/// Partners that an operator stopped wait like those that are held.
fn with_stopped(held: Vec<String>, catalog: &Catalog, now_ms: i64) -> BTreeMap<String, HeldQueue> {
    let stopped = catalog.partners.values().filter(|partner| {
        let times = partner.held_times(now_ms);
        times.last().is_some_and(|(_, to_ms)| now_ms < *to_ms)
    });
    let names = held
        .into_iter()
        .chain(stopped.map(|partner| partner.id.as_str().to_owned()));
    names
        .map(|partner| {
            let queue = HeldQueue {
                partner: partner.clone(),
                postbacks: 0,
                bytes: 0,
            };
            (partner, queue)
        })
        .collect()
}

struct Looking {
    now_ms: i64,
    is_paused: bool,
    postbacks: u64,
    first_at_ms: i64,
    conversions: HashSet<ActivityId>,
}

impl Looking {
    fn see(&mut self, postback: &Postback, is_held: bool) {
        let Some(at_ms) = postback.expires_at_ms else {
            return;
        };
        let waits = is_held || self.is_paused || postback.accepted_at_ms() + HOUR_MS < self.now_ms;
        if postback.is_test || !waits || at_ms <= self.now_ms || at_ms > self.now_ms + AHEAD_MS {
            return;
        }
        self.postbacks += 1;
        self.first_at_ms = self.first_at_ms.min(at_ms);
        if self.conversions.len() < MOST_CONVERSIONS {
            self.conversions
                .insert(postback.order_key.unwrap_or(postback.activity));
        }
    }
}

fn money(recorder: &Recorder, conversions: &HashSet<ActivityId>) -> Result<Vec<Money>, StoreError> {
    let mut sums: BTreeMap<String, (Currency, Decimal)> = BTreeMap::new();
    for id in conversions {
        let activity = match recorder.reader().load(&keys::activity(*id)) {
            Err(error) if error.is_of_record() => None,
            loaded => loaded?,
        };
        if let Some(money) = activity.and_then(|activity| activity.money) {
            let sum = sums
                .entry(money.currency.as_str().to_owned())
                .or_insert((money.currency, Decimal::ZERO));
            sum.1 = sum.1.saturating_add(money.amount);
        }
    }
    let sums = sums.into_values();
    Ok(sums
        .map(|(currency, amount)| Money { amount, currency })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::testing::postback;
    use crate::domain::activity::ActivityKind;
    use crate::domain::template::sample::sample_activity;
    use crate::recorder::testing::Instance;

    const NOW: i64 = 1_795_000_000_000;

    #[test]
    fn what_waits_for_a_held_partner_is_counted_and_what_will_be_too_old_is_told_a_day_before() {
        let instance = Instance::start(NOW);
        let recorder = &instance.recorder;
        // Too old in an hour, in 23 hours (two of one conversion), in 25 hours, already, and never.
        let ends = [Some(1), Some(23), Some(23), Some(25), Some(-1), None];
        for (n, hours) in (1_u64..).zip(ends) {
            let mut waiting = postback(n, NOW, "http://a.example/x");
            waiting.expires_at_ms = hours.map(|hours| NOW + hours * HOUR_MS);
            let conversion = ActivityId::new(NOW, if n == 3 { 2 } else { n });
            waiting.order_key = Some(conversion);
            let mut activity = sample_activity(ActivityKind::Event).unwrap().activity;
            activity.id = conversion;
            activity.money = Money::parse("1000 JPY");
            recorder
                .try_run_blocking(move |group| {
                    group.save(keys::activity(activity.id), &activity)?;
                    group.queue(waiting)
                })
                .unwrap()
                .unwrap();
        }
        let seen = survey(recorder, vec!["partner1".into()], false).unwrap();
        assert_eq!((seen.held.len(), seen.held[0].postbacks), (1, 6));
        assert!(seen.held[0].bytes > 6 * 50);
        let ending = seen.ending.unwrap();
        assert_eq!((ending.postbacks, ending.first_at_ms), (3, NOW + HOUR_MS));
        let money: Vec<String> = ending.money.iter().map(Money::amount_text).collect();
        assert_eq!(money, ["2000"], "each conversion once");

        // Beyond the bound nothing more waits.
        let queues = recorder.rooms().held().clone();
        assert!(
            queues.take(&postback(7, NOW, "http://a.example/x")),
            "nothing is known yet"
        );
        queues.found(seen.held);
        assert!(queues.take(&postback(7, NOW, "http://a.example/x")));
        let mut full = queues.list();
        full[0].bytes = queues.most();
        queues.found(full);
        assert!(!queues.take(&postback(8, NOW, "http://a.example/x")));
        let mut others = postback(9, NOW, "http://a.example/x");
        others.partner = Some("partner2".parse().unwrap());
        assert!(queues.take(&others));

        assert_eq!(survey(recorder, Vec::new(), false).unwrap(), Survey::default());
    }
}
