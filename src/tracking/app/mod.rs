//! App activities: what a device or a server reports of an app, judged and recorded.
//!
//! Runs on the recorder's thread within a group, so two installs of one device at the same instant are one
//! install and a session. Answers and error texts are those of the S2S API that clients are written for
//! (`error` is a text); `code`, `message`, `field` and `activity_id` stand beside it.
//!
//! What does not count is kept as a refused activity with its reason, except of a device that asked to be
//! forgotten: nothing is kept of it.
//!
//! 2026-11-21, where the sources contradict each other:
//!
//! * A missing or wrong token is 401, not 202: a caller must not take a refusal for a success.
//! * App sessions are 30 minutes apart by `created_at`; one that comes sooner or late is answered 200
//!   (`Session ignored`) and not recorded, since the app did nothing wrong.
//! * An event with the time of an earlier one and the same content is a repetition and answered `OK`; an
//!   earlier time is refused (`Bad event state`).

mod case;
mod claim;
pub(super) mod cost;
pub mod due;
mod endpoint;
pub mod erase_again;
mod event;
mod facts;
mod forget;
pub mod held;
mod partner;
pub(super) mod recredit;
mod reply;
mod request;
mod scope;
mod session;
mod uninstall;
mod visitors;

pub use endpoint::Endpoint;
pub use reply::{Reply, too_many_erasures, too_often};
pub use request::{AppRequest, RULES, reftag_of};
pub(super) use visitors::remove as remove_visitor;

use case::{Case, fill, investigate};
use reply::{Failure, Stop, credit_json, no_room};

use crate::domain::activity::{Activity, Verdict};
use crate::domain::ids::ActivityId;
use crate::domain::session::Geo;
use crate::domain::visitor::Visitor;
use crate::recorder::{Group, Recorder};
use crate::store::{StoreError, keys};
use crate::telemetry;
use crate::tracking::caller::Caller;
use crate::tracking::idempotency::{self, Idempotency};
use crate::tracking::link_names::LinkNames;
use crate::tracking::outcome::{Ended, Outcome, TrackingError};
use crate::tracking::query::FieldError;
use crate::tracking::remains::Remains;
use crate::tracking::visitor_count::VisitorCount;
use crate::tracking::{recording, refusals, trust};
use std::net::IpAddr;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 3_600_000;
/// Candidates that are kept on an activity at most, the strongest.
const MOST_KEPT: usize = 100;

/// A decision comes to a reply, or stops with a reason.
type Decided = Result<Reply, Stop>;

/// What is known context the request.
#[derive(Debug, Clone)]
pub struct AppContext {
    /// Who calls.
    pub caller: Caller,
    /// The device's address, where known.
    pub ip: Option<IpAddr>,
    /// Keyed hash of it; 0 when unknown.
    pub ip_hash: u64,
    /// Where it is.
    pub geo: Geo,
    /// How many sales of one click, event and day count without proof.
    pub unproven_sales: u32,
    /// How long an erasure waits that nobody proved, milliseconds.
    pub erasure_wait_ms: i64,
    /// How many devices are known.
    pub visitors: Arc<VisitorCount>,
    /// Which names below a link are known.
    pub link_names: Arc<LinkNames>,
}

impl AppContext {
    /// The same, when a server speaks for the device: what the connection says of its agent is not the device's.
    fn without_agent(&self) -> Self {
        let mut context = self.clone();
        context.caller.user_agent.clear();
        context
    }
}

/// Decides a request, records and counts it.
pub async fn take(
    endpoint: Endpoint,
    request: AppRequest,
    context: AppContext,
    idempotency: Option<Idempotency>,
    recorder: &Recorder,
) -> Result<Outcome<Reply>, TrackingError> {
    let decided =
        recorder.try_run(move |group| record(endpoint, &request, &context, idempotency.as_ref(), group));
    let outcome = decided.await??;
    if let Outcome::Decided(reply) = &outcome {
        telemetry::activity(endpoint.kind().as_str(), reply.ended().counted());
    }
    Ok(outcome)
}

/// Keeps a request that could not be read, or not be received whole, with what of it could, and gives the answer.
pub async fn take_unreadable(
    endpoint: Endpoint,
    fault: FieldError,
    remains: Remains,
    context: AppContext,
    recorder: &Recorder,
) -> Result<Reply, TrackingError> {
    let request = AppRequest::of_remains(remains);
    let keep = move |group: &mut Group<'_>| record_unreadable(endpoint, &fault, &request, &context, group);
    let reply = recorder.try_run(keep).await??;
    telemetry::activity(endpoint.kind().as_str(), Ended::Invalid.counted());
    Ok(reply)
}

/// Decides and records a request within a group.
pub fn record(
    endpoint: Endpoint,
    request: &AppRequest,
    context: &AppContext,
    idempotency: Option<&Idempotency>,
    group: &mut Group<'_>,
) -> Result<Outcome<Reply>, StoreError> {
    let scope = scope::of(endpoint, request, context, idempotency, group)?;
    idempotency::once(idempotency, scope.as_ref(), group, |group| {
        match decide(endpoint, request, context, group) {
            Ok(reply) => {
                if let Some(offer) = group.catalog().offers.get(request.app_token.as_str()).cloned() {
                    let of = ActivityId::new(group.now_ms(), 0);
                    refusals::remember_network(of, context.caller.ip, &offer, group)?;
                }
                Ok(reply)
            }
            Err(Stop::Failed(failure)) => refuse(endpoint, request, context, &failure, group),
            Err(Stop::Store(error)) => Err(error),
        }
    })
}

fn record_unreadable(
    endpoint: Endpoint,
    error: &FieldError,
    request: &AppRequest,
    context: &AppContext,
    group: &mut Group<'_>,
) -> Result<Reply, StoreError> {
    let text = match error.field.split('.').next().unwrap_or_default() {
        "app_token" => "Invalid app token",
        "event_token" => "Invalid event token",
        "revenue" | "amount" | "currency" | "ad_impressions_count" => "Invalid revenue",
        "callback_params" | "global_callback_params" => "Invalid callback parameters",
        "partner_params" | "global_partner_params" => "Invalid partner parameters",
        "created_at" | "created_at_unix" => "Bad event state",
        _ => "Invalid parameter",
    };
    refuse(endpoint, request, context, &Failure::field(text, error), group)
}

fn refuse(
    endpoint: Endpoint,
    request: &AppRequest,
    context: &AppContext,
    failure: &Failure,
    group: &mut Group<'_>,
) -> Result<Reply, StoreError> {
    if !failure.is_kept {
        return Ok(failure.reply(endpoint, &request.app_token, None));
    }
    let catalog = group.catalog().clone();
    let offer = catalog.offers.get(request.app_token.as_str()).cloned();
    let mut activity = context.caller.activity(group);
    activity.kind = endpoint.kind();
    activity.at_ms = request.at_ms.unwrap_or(activity.at_ms);
    activity.offer = offer.as_ref().map(|offer| offer.id.clone());
    activity.event = offer
        .as_ref()
        .filter(|_| !request.event_token.is_empty())
        .and_then(|offer| offer.event(Some(&request.event_token)))
        .map(|event| event.token.clone());
    activity.verdict = Verdict::Refused {
        reason: failure.reason,
    };
    activity.note = match &failure.field {
        Some(field) => format!("{field}: {}", failure.message),
        None => failure.text.to_owned(),
    };
    activity.is_test |= request.is_test;
    activity.money = request.money;
    fill(&mut activity, request, context, offer.as_deref());
    let is_proven = offer
        .as_deref()
        .is_some_and(|offer| trust::vouches(&offer.trust, endpoint.scope(), &context.caller, group.now_ms()));
    let id = activity.id;
    let is_kept = refusals::keep(activity, context.caller.sender(is_proven), group)?;
    Ok(failure.reply(endpoint, &request.app_token, is_kept.then_some(id)))
}

fn decide(endpoint: Endpoint, request: &AppRequest, context: &AppContext, group: &mut Group<'_>) -> Decided {
    let record: fn(&Case<'_>, &mut Group<'_>) -> Decided = match endpoint {
        Endpoint::Session => session::record,
        Endpoint::Event => event::record,
        Endpoint::AdRevenue => event::record_ad_revenue,
        Endpoint::Forget => forget::record,
        Endpoint::Uninstall => uninstall::record,
        Endpoint::Attribution => session::read_attribution,
        Endpoint::Claim => claim::record,
        // It names no app and no device, only the engagement's `cost_id`.
        Endpoint::Cost => return cost::record(request, context, group),
    };
    let is_spoken_for = request.is_s2s || matches!(endpoint, Endpoint::Claim | Endpoint::Uninstall);
    let without_agent = is_spoken_for.then(|| context.without_agent());
    let context = without_agent.as_ref().unwrap_or(context);
    record(&investigate(endpoint, request, context, group)?, group)
}

/// Stores an activity that counts, with its postbacks and the index by visitor.
fn finish(
    mut activity: Activity,
    visitor: Option<&Visitor>,
    group: &mut Group<'_>,
) -> Result<Arc<Activity>, StoreError> {
    if let Some(visitor) = visitor {
        facts::complete(&mut activity, visitor, group)?;
    }
    let activity = recording::record(activity, group)?;
    if let Some(visitor) = visitor {
        group.mark(keys::activity_by_visitor(visitor.adid.index_hash(), activity.id));
    }
    Ok(activity)
}
