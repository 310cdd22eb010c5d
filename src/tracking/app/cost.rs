//! The cost of an engagement, reported by its network under the `cost_id` that the engagement carried.

use super::partner::{self, invalid};
use super::{AppContext, AppRequest, DAY_MS, Decided, Failure, Reply, finish, recredit, request};
use crate::domain::activity::{Activity, ActivityKind, MatchType, RefusalReason};
use crate::domain::money::{Money, parse_amount, parse_sent_amount};
use crate::domain::partner::Partner;
use crate::domain::session::Session;
use crate::domain::stats::{Counters, Sums};
use crate::recorder::Group;
use crate::store::codec::CostReport;
use crate::store::{Db, KeyRange, Period, PeriodKind, StoreError, keys};
use crate::tracking::{engagement, matching, recording};
use serde_json::json;
use std::sync::Arc;

/// Accepted up to this long after the engagement.
const WITHIN_MS: i64 = 7 * DAY_MS;
/// Activities of an engagement that are looked through for its install.
const MOST_ACTIVITIES: usize = 100;
const TYPES: [&str; 4] = ["cpc", "cpi", "cpm", "cpe"];

/// What was reported.
struct Cost<'r> {
    id: &'r str,
    kind: &'r str,
    money: Money,
}

fn parse(request: &AppRequest) -> Result<Cost<'_>, Failure> {
    let need = |name: &str| {
        request
            .field(name)
            .ok_or_else(|| invalid(name, "Send cost_id, cost_type, cost_amount and cost_currency."))
    };
    let (id, kind) = (need("cost_id")?, need("cost_type")?);
    if !(12..=256).contains(&id.chars().count()) {
        return Err(invalid(
            "cost_id",
            "Send the cost_id of the engagement: 12 to 256 characters.",
        ));
    }
    if !TYPES.contains(&kind) {
        return Err(invalid("cost_type", "Send cpc, cpi, cpm or cpe, in lower case."));
    }
    if request.field("tag").is_some_and(|tag| tag.chars().count() > 128) {
        return Err(invalid("tag", "Send at most 128 characters."));
    }
    let amount = parse_sent_amount(need("cost_amount")?)
        .ok()
        .map(|sent| sent.amount)
        .filter(|amount| amount.normalize().scale() <= 5)
        .ok_or_else(|| invalid("cost_amount", "Send whole units with at most five decimals."))?;
    let currency = request::currency("cost_currency", need("cost_currency")?)
        .map_err(|error| invalid("cost_currency", &error.message))?;
    Ok(Cost {
        id,
        kind,
        money: Money { amount, currency },
    })
}

/// What was counted of the cost that the engagement itself carried: at the click or view, or at its install.
fn carried(session: &Session, group: &Group<'_>) -> Result<Sums, StoreError> {
    let of_install = engagement::cost(session, "cpi");
    if of_install != Sums::default() && has_install(session, group)? {
        return Ok(of_install);
    }
    Ok(engagement::own_cost(session))
}

/// Whether an install counts for the session; a claim may have moved it to another.
fn has_install(session: &Session, group: &Group<'_>) -> Result<bool, StoreError> {
    let prefix = keys::activities_of_session_prefix(session.id);
    let (first, last) = (
        Period::from_ms(session.at_ms()).0,
        Period::from_ms(group.now_ms()).0,
    );
    for month in first..=last {
        let db = Db::Period(PeriodKind::Activities, Period(month));
        for (key, _) in group.scan(db, KeyRange::prefix(&prefix), MOST_ACTIVITIES)? {
            let Some(id) = keys::parse_activity_index(&key) else {
                continue;
            };
            let is_install = group
                .load(&keys::activity(id))?
                .is_some_and(|activity| activity.kind == ActivityKind::Install);
            if is_install && recredit::last_update(id, group)?.is_none() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The partner whose engagement a report names.
pub(super) fn partner(request: &AppRequest, group: &Group<'_>) -> Result<Option<Arc<Partner>>, StoreError> {
    let Some(id) = request.field("cost_id") else {
        return Ok(None);
    };
    let session = matching::by_cost_id(id, group.now_ms(), WITHIN_MS, group)?;
    let partner = session.and_then(|session| session.partner);
    Ok(partner.and_then(|id| group.catalog().partners.get(&id).cloned()))
}

/// A second report of the same cost changes nothing; another amount replaces the first in the totals, and the first
/// one what the engagement itself said.
pub(super) fn record(request: &AppRequest, context: &AppContext, group: &mut Group<'_>) -> Decided {
    let cost = parse(request)?;
    let Some(session) = matching::by_cost_id(cost.id, group.now_ms(), WITHIN_MS, group)? else {
        return Err(Failure::new(404, "Engagement not found", RefusalReason::UnknownSession).into());
    };
    let catalog = group.catalog().clone();
    let partner = session.partner.as_ref().and_then(|id| catalog.partners.get(id));
    partner::authorize(partner.map(AsRef::as_ref), &context.caller, group.now_ms())?;
    let done = Reply::ok(json!({"status": "OK"}));
    let before = reported(&session, group)?;
    let is_known =
        |before: &Activity| told(before, "cost_type") == cost.kind && told_money(before) == Some(cost.money);
    if before.as_ref().is_some_and(is_known) {
        return Ok(done);
    }
    let activity = build(request, context, &session, group);
    take_in(&activity, &session, cost.money, before.as_ref(), group)?;
    finish(activity, None, group)?;
    Ok(done)
}

/// The newest report of what an engagement cost.
fn reported(session: &Session, group: &Group<'_>) -> Result<Option<Activity>, StoreError> {
    match group.load(&keys::cost_report(session.id))? {
        Some(report) => group.load(&keys::activity(report.activity)),
        None => Ok(None),
    }
}

/// Notes a report as the newest one, and counts it in the place of the one before.
fn take_in(
    activity: &Activity,
    session: &Session,
    money: Money,
    before: Option<&Activity>,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    let report = CostReport {
        activity: activity.id,
        at_ms: group.now_ms(),
        expires_at_ms: group.now_ms() + WITHIN_MS,
    };
    group.save(keys::cost_report(session.id), &report)?;
    let mut counters = Counters::default();
    counters.cost.add(money);
    let mut replaced = Counters::default();
    match before {
        Some(before) => told_money(before)
            .iter()
            .for_each(|money| replaced.cost.add(*money)),
        None => replaced.cost = carried(session, group)?,
    }
    counters.merge(&replaced.negated());
    recording::count(activity, &counters, group);
    Ok(())
}

/// The same for a report that another server took.
pub(in crate::tracking) fn take_over(activity: &Activity, group: &mut Group<'_>) -> Result<(), StoreError> {
    let (Some(session), Some(money)) = (activity.session.as_deref(), told_money(activity)) else {
        return Ok(());
    };
    let before = reported(session, group)?;
    take_in(activity, session, money, before.as_ref(), group)
}

fn build(request: &AppRequest, context: &AppContext, session: &Session, group: &Group<'_>) -> Activity {
    let mut activity = context.caller.activity(group);
    activity.kind = ActivityKind::CostUpdate;
    activity.offer = Some(session.offer.clone());
    activity.input.fields.clone_from(&request.fields);
    activity.is_test |= session.flags.is_test;
    activity.tuid = String::new();
    activity.match_type = Some(MatchType::Sid);
    activity.session = Some(Box::new(session.clone()));
    activity
}

fn told<'a>(activity: &'a Activity, name: &str) -> &'a str {
    activity
        .input
        .fields
        .iter()
        .find(|(n, _)| n == name)
        .map_or("", |(_, value)| value.as_str())
}

fn told_money(activity: &Activity) -> Option<Money> {
    let amount = parse_amount(told(activity, "cost_amount")).ok()?;
    let currency = told(activity, "cost_currency").trim().parse().ok()?;
    Some(Money { amount, currency })
}
