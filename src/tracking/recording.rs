//! From a decided activity to its record, of a site as of an app: whether it is another's repeat, the bound of what
//! nobody vouches for, its status and payout, the key by which its own repeats are known, its approval when that comes
//! by itself, its count, its record and its postbacks. All of it within one group.
//!
//! **The bound.** A tag cannot prove who it is, so what one click can earn by itself in a day is bounded; what is above
//! a bound waits for the operator. An ordinary click costs one short look at the index of its activities. Only from
//! the bound on is each further sale remembered under a hash of its number, so that no flood of repeats hides how many
//! there were.

use crate::domain::activity::{Activity, ConversionStatus, RefusalReason, StatusChange, Verdict};
use crate::domain::duplicates::{self, Conversion, DuplicateKey, First, Hash};
use crate::domain::ids::{ActivityId, EventToken, PostbackId, SessionId};
use crate::domain::money::Money;
use crate::domain::note;
use crate::domain::offer::{Approval, DuplicatePolicy, Event, Payout};
use crate::domain::plan::{self, Plan};
use crate::domain::postback::{FailReason, Postback, PostbackState};
use crate::domain::session::Session;
use crate::domain::stats::{Bucket, Counters, Dimension, Environment, StatKey};
use crate::domain::template::Context;
use crate::live::LiveEvent;
use crate::recorder::Group;
use crate::store::catalog::Catalog;
use crate::store::codec::Duplicate;
use crate::store::{Db, Key, KeyRange, StoreError, keys};
use crate::telemetry;
use std::sync::Arc;

/// Parameter of a test click that names the one rule that its click and conversions may fire: trying out a set-up
/// must not reach a partner.
pub const ONLY_RULE: &str = "yamabiko_only_rule";

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Sales are refused beyond so many times the bound.
const REFUSED_BEYOND: u32 = 10;

/// Whether a conversion was counted before.
pub(super) enum Claim {
    /// It was not; the key is written with it, where there is one.
    Free(Option<DuplicateKey>),
    /// It was.
    Taken {
        /// As which activity.
        of: ActivityId,
        /// What they have in common.
        reason: RefusalReason,
    },
}

/// Looks up what makes a conversion the same as another.
pub(super) fn claim(
    policy: &DuplicatePolicy,
    conversion: &Conversion<'_>,
    group: &Group<'_>,
) -> Result<Claim, StoreError> {
    let now_ms = group.now_ms();
    let Some(key) = duplicates::key(policy, conversion, now_ms) else {
        return Ok(Claim::Free(None));
    };
    let first = holder(&key.hash, group)?;
    if let Verdict::Duplicate { of, reason } = duplicates::decide(&key, first, now_ms) {
        return Ok(Claim::Taken { of, reason });
    }
    if let Some(of) = same_sale(&key, conversion, group)? {
        let reason = RefusalReason::DuplicateSession;
        return Ok(Claim::Taken { of, reason });
    }
    Ok(Claim::Free(Some(key)))
}

/// The sale of a moment ago that this one is again, the one with an order number and the other without: a page and a
/// server that report the same order.
fn same_sale(
    key: &DuplicateKey,
    conversion: &Conversion<'_>,
    group: &Group<'_>,
) -> Result<Option<ActivityId>, StoreError> {
    let Some(sale) = &key.sale else {
        return Ok(None);
    };
    let first = holder(sale, group)?.filter(|first| group.now_ms() < first.at_ms + duplicates::SAME_SALE_MS);
    let Some(first) = first else {
        return Ok(None);
    };
    let first: Option<Activity> = group.load(&keys::activity(first.activity))?;
    let is_numbered = |uid: &str| !uid.trim().is_empty();
    Ok(first
        .filter(|first| {
            let numbered = first.input.uids.first().is_some_and(|uid| is_numbered(uid));
            numbered != is_numbered(conversion.uid1)
        })
        .map(|first| first.id))
}

fn holder(hash: &Hash, group: &Group<'_>) -> Result<Option<First>, StoreError> {
    let at = keys::duplicate(hash);
    let Some(first) = group.load(&at)? else {
        return Ok(None);
    };
    Ok(Some(First {
        activity: first.activity,
        at_ms: first.at_ms,
    }))
}

/// How a sale stands to the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// It counts as any other.
    Within,
    /// It waits for the operator.
    Over,
    /// It is refused.
    FarOver,
}

/// Takes a place for a sale that is not refused. `most` sales of a UTC day count by themselves.
pub(super) fn bound(
    session: SessionId,
    event: &Event,
    sale: &Activity,
    most: u32,
    group: &mut Group<'_>,
) -> Result<Bound, StoreError> {
    let by_amount = event
        .unproven_amount
        .map_or(Bound::Within, |most| by_amount(most, sale.money));
    if by_amount == Bound::FarOver {
        return Ok(by_amount);
    }
    let by_number = by_number(session, &event.token, sale.id, most, group)?;
    Ok(if by_number == Bound::Within {
        by_amount
    } else {
        by_number
    })
}

/// An amount of another currency cannot be compared, so somebody has to look at it.
fn by_amount(most: Money, sale: Option<Money>) -> Bound {
    match sale {
        None => Bound::Within,
        Some(sale) if sale.currency != most.currency => Bound::Over,
        Some(sale) if sale.amount <= most.amount => Bound::Within,
        Some(sale) if sale.amount <= most.amount.saturating_mul(REFUSED_BEYOND.into()) => Bound::Over,
        Some(_) => Bound::FarOver,
    }
}

fn by_number(
    session: SessionId,
    event: &EventToken,
    sale: ActivityId,
    most: u32,
    group: &mut Group<'_>,
) -> Result<Bound, StoreError> {
    let now_ms = group.now_ms();
    let day = now_ms.div_euclid(DAY_MS);
    let prefix = keys::activities_of_session_prefix(session);
    let midnight = [prefix.as_slice(), &ActivityId::new(day * DAY_MS, 0).to_key()].concat();
    let today = KeyRange::prefix(&prefix).after(&midnight);
    let first = group.scan(Db::activities(now_ms), today, most as usize)?;
    if first.len() < most as usize {
        return Ok(Bound::Within);
    }
    let mut counted = 0;
    for id in first
        .iter()
        .filter_map(|(key, _)| keys::parse_activity_index(key))
    {
        let activity = group.load(&keys::activity(id))?;
        let is_sale =
            activity.is_some_and(|a| a.verdict == Verdict::Accepted && a.event.as_ref() == Some(event));
        counted += u32::from(is_sale);
    }
    let places = most.saturating_mul(REFUSED_BEYOND).saturating_sub(counted);
    let place = |n: u32| keys::duplicate(&duplicates::unproven_sale_hash(session, event, day, n));
    // Places are taken in their order: the first free one is found by halving.
    let (mut low, mut high) = (0, places);
    while low < high {
        let middle = low + (high - low) / 2;
        if group.has(&place(middle))? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if low == places {
        return Ok(Bound::FarOver);
    }
    let taken = Duplicate {
        activity: sale,
        at_ms: now_ms,
        expires_at_ms: (day + 1) * DAY_MS,
    };
    group.save(place(low), &taken)?;
    Ok(if counted + low < most {
        Bound::Within
    } else {
        Bound::Over
    })
}

/// The status that a conversion has by itself.
pub(super) fn status_by_policy(approval: Approval) -> ConversionStatus {
    match approval {
        Approval::Automatic => ConversionStatus::Approved,
        Approval::AfterDays { .. } | Approval::Manual => ConversionStatus::Pending,
    }
}

/// How a conversion that is pending comes to be approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Approving {
    /// As its event or the offer says, by itself where that gives days.
    ByPolicy,
    /// By an operator only.
    ByOperator,
}

/// Settles status and payout of a conversion that counts, and counts it; the record is written next.
pub(super) fn accept(
    activity: &mut Activity,
    approval: Approval,
    (status, approving): (ConversionStatus, Approving),
    key: Option<DuplicateKey>,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    let now_ms = group.now_ms();
    activity.status = Some(status);
    activity.history.push(StatusChange {
        at_ms: now_ms,
        status,
        by: "automatic".into(),
    });
    activity.payout = payout(activity, group.catalog());
    if let Some(key) = key {
        let first = Duplicate {
            activity: activity.id,
            at_ms: now_ms,
            expires_at_ms: key.expires_at_ms,
        };
        group.save(keys::duplicate(&key.hash), &first)?;
        if let Some(sale) = key.sale.filter(|sale| *sale != key.hash) {
            let first = Duplicate {
                expires_at_ms: now_ms + duplicates::SAME_SALE_MS,
                ..first
            };
            group.save(keys::duplicate(&sale), &first)?;
        }
    }
    if let (ConversionStatus::Pending, Approval::AfterDays { days }, Approving::ByPolicy) =
        (status, approval, approving)
    {
        let due_ms = now_ms + i64::from(days) * DAY_MS;
        group.mark(keys::approval(due_ms, activity.id));
    }
    let mut counters = Counters::default();
    counters.add_conversion(status, activity.money, activity.payout);
    counters.unfilled = i64::from(note::has_unfilled(&activity.input.fields));
    count(activity, &counters, group);
    Ok(())
}

/// Counts what was odd about a sale that counts.
pub(super) fn tell_notes(activity: &Activity, group: &mut Group<'_>) {
    let codes: Vec<_> = note::notes(&activity.input.fields)
        .map(|note| note.code)
        .collect();
    if !codes.is_empty() {
        group.on_durable(Box::new(move |recorded| {
            if recorded.is_ok() {
                codes.iter().for_each(|code| telemetry::noted(code.as_str()));
            }
        }));
    }
}

/// What the credited partner is owed for the activity: the partner's own payout for the event, its payout
/// for all events of the offer, else the event's. For an install the partner's own for installs, else the offer's.
pub fn payout(activity: &Activity, catalog: &Catalog) -> Option<Money> {
    let offer = catalog.offers.get(activity.offer.as_ref()?)?;
    let partner = catalog
        .partners
        .get(activity.session.as_ref()?.partner.as_ref()?)?;
    let event = activity.event.as_ref();
    let is_arrival = activity.kind.is_arrival();
    let own = |named: bool| {
        let mut payouts = partner.payouts.iter();
        payouts.find(|p| {
            if p.offer != offer.id || p.installs != is_arrival {
                return false;
            }
            if named {
                p.event.is_some() && p.event.as_ref() == event
            } else {
                p.event.is_none()
            }
        })
    };
    let payout: Payout = match own(true).or_else(|| own(false)) {
        Some(own) => own.payout,
        None if is_arrival => offer.installs.payout?,
        None => offer.events.iter().find(|e| Some(&e.token) == event)?.payout?,
    };
    payout.of(activity.money)
}

/// Adds to every row of an activity.
pub(super) fn count(activity: &Activity, counters: &Counters, group: &mut Group<'_>) {
    let dimensions = match &activity.session {
        Some(session) => dimensions(session).to_vec(),
        None => vec![Dimension::All],
    };
    for dimension in dimensions {
        group.count(row(activity, dimension), counters.clone());
    }
}

/// Counts an activity that does not count, by its reason.
pub(super) fn count_refusal(activity: &Activity, reason: RefusalReason, group: &mut Group<'_>) {
    let mut counters = Counters::default();
    counters.add_refusal(reason);
    group.count(row(activity, Dimension::All), counters);
    if !activity.is_test {
        group.on_durable(Box::new(move |recorded| {
            if recorded.is_ok() {
                telemetry::refusal(reason.code());
            }
        }));
    }
}

fn row(activity: &Activity, dimension: Dimension) -> StatKey {
    StatKey {
        bucket: Bucket::of(activity.id.at_ms()),
        environment: Environment::of(activity.is_test),
        offer: activity.offer.clone(),
        link: activity.session.as_ref().map(|session| session.link.clone()),
        event: activity.event.clone(),
        dimension,
    }
}

/// The rows that a session and its conversions are counted in.
pub(super) fn dimensions(session: &Session) -> [Dimension; 4] {
    let device = format!("{}/{}", session.device.os_name, session.device.device_type);
    [
        Dimension::All,
        Dimension::Country(session.geo.country.clone()),
        Dimension::Device(device),
        Dimension::Campaign(session.names.get(1..).unwrap_or_default().join("::")),
    ]
}

/// The configuration objects that an activity names, as they are now.
pub fn context<'a>(activity: &Activity, catalog: &'a Catalog, now_ms: i64) -> Context<'a> {
    let session = activity.session.as_deref();
    Context {
        offer: activity
            .offer
            .as_ref()
            .and_then(|id| catalog.offers.get(id))
            .map(Arc::as_ref),
        partner: session
            .and_then(|s| catalog.partners.get(s.partner.as_ref()?))
            .map(Arc::as_ref),
        link: session
            .and_then(|s| catalog.links.get(&s.link))
            .map(|entry| &entry.link),
        now_ms,
        zone: &catalog.settings.time_zone,
        rates: &catalog.settings.rates,
    }
}

/// Renders what every rule makes of an activity. Without an offer in the catalog there are no rules.
pub fn plan(activity: &Activity, catalog: &Catalog, now_ms: i64) -> Plan {
    plan_as(activity, catalog, now_ms, &mut || {
        (PostbackId::new(now_ms, rand::random()), rand::random())
    })
}

/// The same with ids of the caller's choice, and `{random}` to go with them.
pub fn plan_as(
    activity: &Activity,
    catalog: &Catalog,
    now_ms: i64,
    make_id: &mut dyn FnMut() -> (PostbackId, u64),
) -> Plan {
    let context = context(activity, catalog, now_ms);
    let Some(offer) = context.offer else {
        return Plan::default();
    };
    let rules = catalog.rules_for(&offer.id, context.partner.map(|p| &p.id));
    let test_click = activity.session.as_deref().filter(|s| s.flags.is_test);
    let only = test_click.and_then(|session| session.parameter(ONLY_RULE));
    let rules = rules.iter().map(Arc::as_ref);
    let rules = rules.filter(|compiled| only.is_none_or(|id| compiled.rule.id.as_str() == id));
    plan::plan(activity, &context, rules, make_id)
}

/// Stores a planned postback: waiting and to be sent, or failed at once when it cannot be rendered.
pub fn queue(mut postback: Postback, group: &mut Group<'_>) -> Result<(), StoreError> {
    if !postback.state.is_settled() && !group.rooms().held().take(&postback) {
        postback.state = PostbackState::Failed {
            at_ms: group.now_ms(),
            reason: FailReason::HeldQueueFull,
        };
    }
    match postback.state {
        PostbackState::Failed { reason, .. } => {
            group.save(keys::failed(postback.id), &reason)?;
            group.save(keys::postback(postback.id), &postback)?;
            group.note_postback(postback.id.at_ms(), postback.id, 0);
            group.tell(LiveEvent::Postback(Arc::new(postback)));
            Ok(())
        }
        _ => group.queue(postback),
    }
}

/// Plans the activity's postbacks, notes what each rule said on the activity, and stores all of it. Gives the
/// activity as it is recorded.
pub fn record(activity: Activity, group: &mut Group<'_>) -> Result<Arc<Activity>, StoreError> {
    record_held(activity, 0, group)
}

/// The same; the postbacks are due after `hold_ms`.
pub fn record_held(
    mut activity: Activity,
    hold_ms: i64,
    group: &mut Group<'_>,
) -> Result<Arc<Activity>, StoreError> {
    let plan = plan(&activity, &group.catalog().clone(), group.now_ms());
    activity.rules = plan.outcomes;
    group.save(keys::activity(activity.id), &activity)?;
    index(&activity, group);
    for mut postback in plan.postbacks {
        if let PostbackState::Waiting { due_at_ms } = &mut postback.state {
            *due_at_ms += hold_ms;
        }
        queue(postback, group)?;
    }
    let activity = Arc::new(activity);
    group.tell(LiveEvent::Activity(activity.clone()));
    Ok(activity)
}

/// Lets the activity be found by its session and by its order numbers.
pub fn index(activity: &Activity, group: &mut Group<'_>) {
    if let Some(session) = &activity.session {
        group.mark(keys::activity_by_session(session.id, activity.id));
    }
    for key in orders(activity) {
        group.mark(key);
    }
}

/// Keys under which the activity is found by its order numbers, and by a session id that led to no session.
pub fn orders(activity: &Activity) -> impl Iterator<Item = Key<()>> {
    let uids = activity.input.uids.iter().map(String::as_str);
    uids.filter(|uid| !uid.is_empty())
        .chain(activity.unresolved_sid())
        .map(|text| keys::activity_by_order(duplicates::order_hash(text), activity.id))
}

#[cfg(test)]
#[path = "recording_tests.rs"]
mod tests;
