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
mod cost;
mod endpoint;
mod event;
mod facts;
mod forget;
mod recredit;
mod reply;
mod request;
mod session;
mod uninstall;
mod visitors;

pub use endpoint::Endpoint;
pub use reply::{Reply, too_many_erasures};
pub use request::{AppRequest, reftag_of};
pub(super) use visitors::remove as remove_visitor;

use case::{Case, fill, investigate};
use reply::{Failure, credit_json, no_room};

use crate::domain::activity::{Activity, Verdict};
use crate::domain::duplicates::{self, Remembered};
use crate::domain::session::Geo;
use crate::domain::stats::{Bucket, Counters, Dimension, Environment, StatKey};
use crate::domain::visitor::Visitor;
use crate::recorder::Group;
use crate::store::{StoreError, codec, keys};
use crate::tracking::link_names::LinkNames;
use crate::tracking::query::FieldError;
use crate::tracking::record_conversion::{self, Caller, Idempotency};
use crate::tracking::visitors::Visitors;
use crate::tracking::{engagement, queueing};
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 3_600_000;
/// Candidates that are kept on an activity at most, the strongest.
const MOST_KEPT: usize = 100;

/// A decision either comes to a reply or fails with a reason.
type Decided = Result<Result<Reply, Failure>, StoreError>;

/// What is known around the request.
#[derive(Debug, Clone)]
pub struct Around {
    /// Who calls.
    pub caller: Caller,
    /// The device's address, where known.
    pub ip: Option<IpAddr>,
    /// Keyed hash of it; 0 when unknown.
    pub ip_hash: u64,
    /// Where it is.
    pub geo: Geo,
    /// How many devices are known.
    pub visitors: Arc<Visitors>,
    /// Which names below a link are known.
    pub link_names: Arc<LinkNames>,
}

impl Around {
    /// The same, when a server speaks for the device: what the connection says of its agent is not the device's.
    fn without_agent(&self) -> Self {
        let mut around = self.clone();
        around.caller.user_agent.clear();
        around
    }
}

/// Decides and records a request. `None`: the idempotency key was used with another body.
pub fn record(
    endpoint: Endpoint,
    request: &AppRequest,
    around: &Around,
    idempotency: Option<&Idempotency>,
    group: &mut Group<'_>,
) -> Result<Option<Reply>, StoreError> {
    if let Some(idempotency) = idempotency {
        let at = keys::idempotency(&idempotency.key);
        if let Some(record) = group.get(at.0, &at.1)? {
            let entry = codec::decode_idempotency(&record, at.0, &at.1)?;
            let known = Remembered {
                request: entry.body_hash,
                expires_at_ms: entry.expires_at_ms,
            };
            match duplicates::judge_idempotency(Some(&known), &idempotency.request, group.now_ms()) {
                duplicates::Idempotency::New => {}
                duplicates::Idempotency::Conflict => return Ok(None),
                duplicates::Idempotency::Same => {
                    let body = serde_json::from_str(&entry.answer).unwrap_or(Value::Null);
                    return Ok(Some(Reply {
                        status: entry.status,
                        body,
                    }));
                }
            }
        }
    }
    let reply = match decide(endpoint, request, around, group)? {
        Ok(reply) => reply,
        Err(failure) => refuse(endpoint, request, around, &failure, group)?,
    };
    // What is answered 503 is to be sent again, under the same key.
    if let Some(idempotency) = idempotency.filter(|_| reply.status != 503) {
        let entry = codec::Idempotency {
            expires_at_ms: group.now_ms() + duplicates::IDEMPOTENCY_TTL_MS,
            body_hash: idempotency.request,
            status: reply.status,
            answer: reply.body.to_string(),
        };
        group.put(
            keys::idempotency(&idempotency.key),
            codec::encode_idempotency(&entry)?,
        );
    }
    Ok(Some(reply))
}

/// Keeps a request that could not be read, with what of it could, and gives the answer.
pub fn record_unreadable(
    endpoint: Endpoint,
    error: &FieldError,
    request: &AppRequest,
    around: &Around,
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
    refuse(endpoint, request, around, &Failure::field(text, error), group)
}

fn refuse(
    endpoint: Endpoint,
    request: &AppRequest,
    around: &Around,
    failure: &Failure,
    group: &mut Group<'_>,
) -> Result<Reply, StoreError> {
    if !failure.is_kept {
        return Ok(failure.reply(endpoint, &request.app_token, None));
    }
    let catalog = group.catalog().clone();
    let offer = catalog.offers.get(request.app_token.as_str()).cloned();
    let mut activity = record_conversion::blank(&around.caller, group);
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
    fill(&mut activity, request, around, offer.as_deref());
    record_conversion::keep(&mut activity, offer.as_deref(), group)?;
    Ok(failure.reply(endpoint, &request.app_token, Some(activity.id)))
}

fn decide(endpoint: Endpoint, request: &AppRequest, around: &Around, group: &mut Group<'_>) -> Decided {
    let record: fn(&Case<'_>, &mut Group<'_>) -> Decided = match endpoint {
        Endpoint::Session => session::record,
        Endpoint::Event => event::record,
        Endpoint::AdRevenue => event::record_ad_revenue,
        Endpoint::Forget => forget::record,
        Endpoint::Uninstall => uninstall::record,
        Endpoint::Attribution => session::read_attribution,
        Endpoint::Claim => claim::record,
        // It names no app and no device, only the engagement's `cost_id`.
        Endpoint::Cost => return cost::record(request, around, group),
    };
    let is_spoken_for = request.is_s2s || matches!(endpoint, Endpoint::Claim | Endpoint::Uninstall);
    let without_agent = is_spoken_for.then(|| around.without_agent());
    let around = without_agent.as_ref().unwrap_or(around);
    match investigate(endpoint, request, around, group)? {
        Ok(case) => record(&case, group),
        Err(failure) => Ok(Err(failure)),
    }
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
    let activity = queueing::record(activity, group)?;
    if let Some(visitor) = visitor {
        group.put(
            keys::activity_by_visitor(visitor.adid.index_hash(), activity.id),
            Vec::new(),
        );
    }
    Ok(activity)
}

/// Adds to the rows of an activity, in its environment.
fn count(activity: &Activity, counters: &Counters, group: &mut Group<'_>) {
    let dimensions = match &activity.session {
        Some(session) => engagement::dimensions(session).to_vec(),
        None => vec![Dimension::All],
    };
    for dimension in dimensions {
        let key = StatKey {
            bucket: Bucket::of(activity.id.at_ms()),
            environment: Environment::of(activity.is_test),
            offer: activity.offer.clone(),
            link: activity.session.as_ref().map(|session| session.link.clone()),
            event: activity.event.clone(),
            dimension,
        };
        group.count(key, counters.clone());
    }
}
