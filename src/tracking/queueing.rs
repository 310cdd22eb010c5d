//! From a decided activity to its record and its postbacks, within one group.

use crate::domain::activity::Activity;
use crate::domain::duplicates;
use crate::domain::ids::PostbackId;
use crate::domain::money::Money;
use crate::domain::offer::Payout;
use crate::domain::plan::{self, Plan};
use crate::domain::postback::{FailReason, Postback, PostbackState};
use crate::domain::template::Context;
use crate::live::LiveEvent;
use crate::recorder::Group;
use crate::store::catalog::Catalog;
use crate::store::{Key, StoreError, keys};
use std::sync::Arc;

/// Parameter of a test click that names the one rule that its click and conversions may fire: trying out a set-up
/// must not reach a partner.
pub const ONLY_RULE: &str = "yamabiko_only_rule";

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
