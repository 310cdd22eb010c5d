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

mod claim;
mod cost;
mod event;
mod forget;
mod request;
mod session;
mod uninstall;
mod visitors;

pub use request::{AppRequest, reftag_of};
pub(super) use visitors::remove as remove_visitor;

use crate::domain::activity::{Activity, ActivityKind, RefusalReason, Verdict};
use crate::domain::attribution::Rejection;
use crate::domain::duplicates::{self, Remembered};
use crate::domain::ids::ActivityId;
use crate::domain::offer::{IpPrivacy, Offer, RunState, TrustScope};
use crate::domain::session::{Geo, Session};
use crate::domain::stats::{Bucket, Counters, Dimension, Environment, StatKey};
use crate::domain::visitor::{Facts, Visitor};
use crate::recorder::Group;
use crate::store::{StoreError, codec, keys};
use crate::tracking::link_names::LinkNames;
use crate::tracking::query::{FieldError, cut};
use crate::tracking::record_conversion::{self, Caller, Idempotency};
use crate::tracking::trust::{self, Judgement};
use crate::tracking::visitors::Visitors;
use crate::tracking::{client, engagement, matching, queueing};
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::sync::Arc;

/// How far in the future a time may lie, for clocks that differ.
const FUTURE_SLACK_MS: i64 = 5 * 60 * 1000;
const DAY_MS: i64 = 24 * 3_600_000;
/// Candidates that are kept on an activity at most, the strongest.
const MOST_KEPT: usize = 100;

/// The endpoints of apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/session`.
    Session,
    /// `/event`.
    Event,
    /// `/ad_revenue`.
    AdRevenue,
    /// `/gdpr_forget_device`.
    Forget,
    /// `/uninstall`.
    Uninstall,
    /// `/attribution`.
    Attribution,
    /// `/claim`.
    Claim,
    /// `/cost`.
    Cost,
}

impl Endpoint {
    /// The word in error texts: `Event request failed (...)`.
    fn word(self) -> &'static str {
        match self {
            Self::Session => "Session",
            Self::Event => "Event",
            Self::AdRevenue => "Ad revenue",
            Self::Forget => "Forget device",
            Self::Uninstall => "Uninstall",
            Self::Attribution => "Attribution",
            Self::Claim => "Claim",
            Self::Cost => "Cost",
        }
    }

    /// What a token must be good for.
    fn scope(self) -> TrustScope {
        match self {
            Self::Session | Self::Uninstall | Self::Attribution => TrustScope::Sessions,
            Self::Event => TrustScope::Events,
            Self::AdRevenue => TrustScope::AdRevenue,
            Self::Forget => TrustScope::Gdpr,
            Self::Claim | Self::Cost => TrustScope::Claims,
        }
    }

    /// The kind of a refused activity.
    pub fn kind(self) -> ActivityKind {
        match self {
            Self::Session | Self::Attribution => ActivityKind::Session,
            Self::Event => ActivityKind::Event,
            Self::AdRevenue => ActivityKind::AdRevenue,
            Self::Forget => ActivityKind::GdprForgetDevice,
            Self::Uninstall => ActivityKind::Uninstall,
            Self::Claim => ActivityKind::InstallUpdate,
            Self::Cost => ActivityKind::CostUpdate,
        }
    }

    /// Whether `revenue` and `currency` are money here.
    fn has_money(self) -> bool {
        matches!(self, Self::Event | Self::AdRevenue)
    }

    /// How old an activity may be, days.
    fn most_days(self) -> i64 {
        match self {
            Self::AdRevenue => 28,
            _ => 58,
        }
    }
}

/// The answer to erasures that come faster than they are taken.
pub fn too_many_erasures(retry_after_s: u64) -> Reply {
    let body = json!({
        "error": format!("{} request failed (Too many requests)", Endpoint::Forget.word()),
        "code": "throttled",
        "message": format!("At most ten erasures a minute are taken; send this one again in {retry_after_s} seconds."),
        "field": null,
    });
    Reply { status: 429, body }
}

/// The answer to an install while as many devices are known as may be.
fn no_room() -> Reply {
    let body = json!({
        "error": format!("{} request failed (Try again)", Endpoint::Session.word()),
        "code": "busy",
        "message": "As many devices are known as may be; room is being made. Send the request again in a few seconds.",
        "field": null,
    });
    Reply { status: 503, body }
}

/// What the caller is told; the same idempotency key brings it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// A JSON object.
    pub body: Value,
}

impl Reply {
    fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }
}

/// Why a request is not carried out: status and text as the documented API has them.
#[derive(Debug, Clone)]
struct Failure {
    status: u16,
    text: &'static str,
    reason: RefusalReason,
    field: Option<String>,
    message: String,
    is_kept: bool,
}

impl Failure {
    fn new(status: u16, text: &'static str, reason: RefusalReason) -> Self {
        Self {
            status,
            text,
            reason,
            field: None,
            message: reason.remedy().to_owned(),
            is_kept: true,
        }
    }

    fn field(text: &'static str, error: &FieldError) -> Self {
        Self {
            field: Some(error.field.clone()),
            message: error.message.clone(),
            ..Self::new(400, text, RefusalReason::InvalidField)
        }
    }

    fn reply(&self, endpoint: Endpoint, app_token: &str, activity: Option<ActivityId>) -> Reply {
        let mut error = format!("{} request failed ({})", endpoint.word(), self.text);
        if endpoint == Endpoint::AdRevenue {
            error.push_str(&format!(" (app_token: {})", cut(app_token, 64)));
        }
        let mut body = Map::new();
        body.insert("error".into(), error.into());
        body.insert("code".into(), self.reason.code().into());
        body.insert("message".into(), self.message.clone().into());
        body.insert("field".into(), self.field.clone().into());
        if let Some(id) = activity {
            body.insert("activity_id".into(), id.to_string().into());
        }
        Reply {
            status: self.status,
            body: Value::Object(body),
        }
    }
}

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

/// A request with what was found out about it.
struct Case<'r> {
    endpoint: Endpoint,
    request: &'r AppRequest,
    around: &'r Around,
    offer: Arc<Offer>,
    /// When it happened, unix milliseconds.
    at_ms: i64,
    /// What a check that is only tried out would refuse.
    note: String,
    rejection: Option<Rejection>,
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

/// What came with the request, as every activity keeps it.
fn fill(activity: &mut Activity, request: &AppRequest, around: &Around, offer: Option<&Offer>) {
    activity.input.uids.clone_from(&request.uids);
    activity.input.custom.clone_from(&request.custom);
    activity.input.partner_custom.clone_from(&request.partner_custom);
    activity.input.fields.clone_from(&request.fields);
    activity.input.fields.extend(request.ids.iter().cloned());
    if !request.user_agent.is_empty() {
        activity.input.user_agent = cut(&request.user_agent, 512).to_owned();
    }
    if let (Some(ip), Some(offer)) = (around.ip, offer) {
        activity.input.ip = client::stored_ip(ip, offer.ip_privacy);
    }
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
    match investigate(endpoint, request, around, group)? {
        Ok(case) => record(&case, group),
        Err(failure) => Ok(Err(failure)),
    }
}

/// The first reason against the request: for which app, by whom, of which device, when.
fn investigate<'r>(
    endpoint: Endpoint,
    request: &'r AppRequest,
    around: &'r Around,
    group: &Group<'_>,
) -> Result<Result<Case<'r>, Failure>, StoreError> {
    use RefusalReason as R;
    let now_ms = group.now_ms();
    if request.app_token.parse::<crate::domain::ids::OfferId>().is_err() {
        return Ok(Err(Failure::new(400, "Invalid app token", R::WrongOffer)));
    }
    let Some(offer) = group.catalog().offers.get(request.app_token.as_str()).cloned() else {
        return Ok(Err(Failure::new(404, "App token not found", R::WrongOffer)));
    };
    let mut case = Case {
        endpoint,
        request,
        around,
        at_ms: request.at_ms.unwrap_or(now_ms),
        note: String::new(),
        rejection: device_rejection(&offer, request, around),
        offer,
    };
    // A claim is judged by the partner's policy, not the app's.
    if endpoint != Endpoint::Claim {
        match trust::judge(
            &case.offer.trust,
            endpoint.scope(),
            &around.caller.for_trust(),
            now_ms,
        ) {
            Judgement::Refused(reason) => return Ok(Err(unauthorized(reason))),
            Judgement::Noted(reason) => {
                if reason == R::BadSignature {
                    case.rejection = case.rejection.or(Some(Rejection::IncorrectSignature));
                }
                case.note = format!("would be refused once the check is enforced: {}", reason.code());
            }
            Judgement::Pass => {}
        }
    }
    if case.offer.state == RunState::Paused {
        return Ok(Err(Failure::new(403, "App is inactive", R::OfferPaused)));
    }
    if !request.names_a_device() {
        let message = match request.malformed.first() {
            Some(name) => format!("{name} has a wrong form, and no other device id was sent."),
            None => {
                "Send a device id (idfa, gps_adid, idfv, ...) or the adid of an earlier answer.".to_owned()
            }
        };
        let field = Some(
            request
                .malformed
                .first()
                .cloned()
                .unwrap_or_else(|| "idfa".into()),
        );
        let failure = Failure::new(400, "Bad event state", R::InvalidField);
        return Ok(Err(Failure {
            field,
            message,
            ..failure
        }));
    }
    if visitors::is_forgotten(&case, group)? && endpoint != Endpoint::Forget {
        let failure = Failure::new(451, "Device is opted out", R::ForgottenDevice);
        return Ok(Err(Failure {
            is_kept: false,
            ..failure
        }));
    }
    if case.at_ms > now_ms + FUTURE_SLACK_MS {
        return Ok(Err(Failure::new(400, "Bad event state", R::FutureTimestamp)));
    }
    if case.at_ms < now_ms - endpoint.most_days() * DAY_MS {
        return Ok(Err(Failure::new(400, "Bad event state", R::TooOld)));
    }
    case.at_ms = case.at_ms.min(now_ms);
    Ok(Ok(case))
}

fn unauthorized(reason: RefusalReason) -> Failure {
    Failure::new(401, "Failed to authorize request", reason)
}

/// What is wrong with the device as a whole.
fn device_rejection(offer: &Offer, request: &AppRequest, around: &Around) -> Option<Rejection> {
    let is_advertising = |name: &String| matches!(name.as_str(), "idfa" | "gps_adid" | "fire_adid" | "oaid");
    let is_anonymous = |ip: IpAddr| {
        offer
            .attribution
            .anonymous_networks
            .iter()
            .any(|net| net.contains(&ip))
    };
    if around.ip.is_some_and(is_anonymous) {
        Some(Rejection::AnonymousTraffic)
    } else if request.malformed.iter().any(is_advertising) {
        Some(Rejection::MalformedAdvertisingId)
    } else {
        None
    }
}

impl Case<'_> {
    /// Until when an engagement can have caused it: a time that was sent in whole seconds may be up to 999 ms
    /// earlier than the truth.
    fn matched_until_ms(&self, now_ms: i64) -> i64 {
        let is_whole = self.request.at_ms.is_some_and(|at_ms| at_ms % 1000 == 0);
        if is_whole {
            self.at_ms.saturating_add(999).min(now_ms).max(self.at_ms)
        } else {
            self.at_ms
        }
    }

    /// An activity of the request, not credited yet.
    fn activity(&self, kind: ActivityKind, group: &Group<'_>) -> Activity {
        let mut activity = record_conversion::blank(&self.around.caller, group);
        activity.kind = kind;
        activity.at_ms = self.at_ms;
        activity.offer = Some(self.offer.id.clone());
        activity.note.clone_from(&self.note);
        activity.is_test |= self.request.is_test;
        activity.tuid = String::new();
        fill(&mut activity, self.request, self.around, Some(&self.offer));
        activity
    }

    /// An activity of a known visitor, credited as the visitor is. `before_ms` is the app session before it.
    fn activity_of(
        &self,
        kind: ActivityKind,
        visitor: &Visitor,
        before_ms: Option<i64>,
        group: &Group<'_>,
    ) -> Activity {
        let mut activity = self.activity(kind, group);
        activity.tuid = visitor.adid.to_string();
        activity.session.clone_from(&visitor.credit);
        activity.match_type = Some(visitor.match_type);
        activity.is_test |= activity
            .session
            .as_ref()
            .is_some_and(|session| session.flags.is_test);
        activity.facts = visitor.facts(before_ms);
        self.add_place(&mut activity);
        activity
    }

    fn add_place(&self, activity: &mut Activity) {
        let mut facts = Facts(std::mem::take(&mut activity.facts));
        facts.add("is_s2s", u8::from(self.request.is_s2s));
        facts.add(
            "environment",
            if activity.is_test { "sandbox" } else { "production" },
        );
        let geo = &self.around.geo;
        for (name, value) in [
            ("country", &geo.country),
            ("country_subdivision", &geo.subdivision),
            ("city", &geo.city),
            ("postal_code", &geo.postal_code),
            ("isp", &geo.isp),
        ] {
            if !value.is_empty() && self.offer.ip_privacy != IpPrivacy::None {
                facts.add(name, value);
            }
        }
        activity.facts = facts.0;
    }

    /// The device as the matching sees it.
    fn subject(&self) -> matching::Subject<'_> {
        let request = self.request;
        let mut devices = Vec::new();
        let field = |name| request.field(name).unwrap_or_default().to_owned();
        let (os_name, model) = (field("os_name"), field("device_name"));
        if !os_name.is_empty() {
            devices.push((os_name, model));
        }
        if !request.user_agent.is_empty() {
            let device = client::agent(&request.user_agent).device;
            if !device.os_name.is_empty()
                && !devices.contains(&(device.os_name.clone(), device.device_name.clone()))
            {
                devices.push((device.os_name, device.device_name));
            }
        }
        let is_hashed = self.offer.ip_privacy != IpPrivacy::None;
        matching::Subject {
            ids: &request.ids,
            named: request.named,
            ip_hash: if is_hashed { self.around.ip_hash } else { 0 },
            devices,
        }
    }
}

/// Stores an activity that counts, with its postbacks and the index by visitor.
fn finish(
    activity: &mut Activity,
    visitor: Option<&Visitor>,
    group: &mut Group<'_>,
) -> Result<(), StoreError> {
    queueing::record(activity, group)?;
    if let Some(visitor) = visitor {
        group.put(
            keys::activity_by_visitor(visitor.adid.index_hash(), activity.id),
            Vec::new(),
        );
    }
    Ok(())
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

/// What an answer says of the credit; `null` for each part that there is not.
fn credit_json(session: Option<&Session>) -> Value {
    let level = |n: usize| session.and_then(|s| s.names.get(n)).cloned();
    json!({
        "tracker_token": session.map(|s| s.link.as_str()),
        "tracker_name": session.map_or_else(|| "Organic".to_owned(), Session::tracker_name),
        "network": level(0).unwrap_or_else(|| "Organic".to_owned()),
        "campaign": level(1),
        "adgroup": level(2),
        "creative": level(3),
        "click_label": session.map(|s| s.label.as_str()).filter(|label| !label.is_empty()),
    })
}
