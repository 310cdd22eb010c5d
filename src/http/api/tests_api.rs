//! Trying things out: a test click, a test conversion, a test send of a rule, and what the built-in receiver
//! has seen. Everything made here is labelled test and left out of totals.

use super::read;
use super::records::{ActivityDto, AttemptDto, SessionDto, activity_or_engagement, sees_activity, session};
use super::rules::with_context;
use super::save::{Note, note};
use crate::domain::activity::{Activity, ActivityKind};
use crate::domain::ids::{ActivityId, EventToken, LinkToken, PostbackId, RuleId, SessionId};
use crate::domain::plan::plan_test;
use crate::domain::postback::{Attempt, PostbackState, Request};
use crate::domain::session::EngagementKind;
use crate::domain::template::sample::sample_activity;
use crate::http::State;
use crate::http::auth::{Editor, Viewer};
use crate::http::echo::EchoArrival;
use crate::http::extract::{Json, Query};
use crate::http::problem::ApiError;
use crate::store::catalog::Catalog;
use crate::tracking::client::{ClientHeaders, IpHasher};
use crate::tracking::conversion::ConversionRequest;
use crate::tracking::destination;
use crate::tracking::engagement::{self, Recorded};
use crate::tracking::hit::{Around, Hit, Request as HitRequest, Visitor};
use crate::tracking::query::{FieldError, Fields};
use crate::tracking::record_conversion::{self, Answer, Caller, Outcome, Proof};
use crate::tracking::repeat::Seen;
use crate::tracking::session_values::ClickValues;
use actix_web::http::header::USER_AGENT;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        Self::Invalid {
            field: error.field,
            code: error.code,
            message: error.message,
        }
    }
}

/// What a test click carries.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestClick {
    /// Which link.
    pub link: LinkToken,
    /// Query as a partner would send it (`param1=TEST-1`).
    #[serde(default)]
    pub query: String,
}

/// Makes a click on a link, labelled test, as if the operator's browser had followed it.
#[utoipa::path(tag = "tests", responses((status = 201, body = SessionDto)))]
#[post("/test/click")]
pub async fn test_click(
    state: Data<State>,
    request: HttpRequest,
    editor: Editor,
    body: Json<TestClick>,
) -> Result<HttpResponse, ApiError> {
    if body.0.query.len() > 8192 {
        return Err(ApiError::invalid("query", "too_long", "use at most 8192 bytes"));
    }
    let catalog = state.recorder.catalog();
    let entry = catalog.links.get(&body.0.link);
    let entry =
        entry.ok_or_else(|| ApiError::invalid("link", "missing_reference", "there is no such link"))?;
    let user_agent = request
        .headers()
        .get(USER_AGENT)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let headers = ClientHeaders {
        user_agent: user_agent.to_owned(),
        ..ClientHeaders::default()
    };
    let hit = Hit::parse(&HitRequest {
        kind: EngagementKind::Click,
        is_head: false,
        query: body.0.query.trim_start_matches('?').as_bytes(),
        headers: &headers,
        ip: editor.0.caller.ip,
    });
    let now_ms = state.now_ms();
    // Tests are never matched by address, so the hash needs no key of the instance.
    let ip_hasher = IpHasher::new(&[0; 32]);
    let around = Around {
        link: &entry.link,
        offer: &entry.offer,
        partner: entry.partner.as_deref(),
        geo: &state.geo,
        ip_hasher: &ip_hasher,
    };
    let tuid = SessionId::new(now_ms, rand::random()).to_string();
    let visitor = Visitor {
        tuid,
        seen: Seen {
            is_repeat: false,
            is_unique: true,
        },
    };
    let built = hit.session(engagement::new_session_id(now_ms), &around, visitor);
    let mut session = built.session;
    session.flags.is_test = true;
    session.flags.is_bot = false;
    let own = entry.link.destinations.as_ref();
    let invalid =
        |error: destination::DestinationError| ApiError::invalid("link", error.code(), error.to_string());
    let choice =
        destination::choose(&entry.offer, own, &built.requested, &session.device.os_name).map_err(invalid)?;
    let values = ClickValues::new(session.clone(), entry);
    let value = |name: &str| values.get(name);
    session.destination = destination::render(&choice, &entry.offer, session.id, &value).map_err(invalid)?;
    let view = SessionDto::from(&session);
    let recorded = engagement::record(&state.recorder, session)?.await;
    if !matches!(recorded, Ok(Recorded::Durable)) {
        return Err(ApiError::Record(crate::recorder::RecordError::Busy));
    }
    state.applied().await?;
    Ok(HttpResponse::Created().json(view))
}

/// What a test conversion carries; everything as `/cv` takes it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestConversion {
    /// Of which click; a test click or a real one.
    pub sid: SessionId,
    /// Token of the event; the first one when left out.
    #[serde(default)]
    pub event: Option<EventToken>,
    /// As a text (`1000`).
    #[serde(default)]
    pub amount: Option<String>,
    /// ISO 4217.
    #[serde(default)]
    pub currency: Option<String>,
    /// Order number; a new one is made when left out, so that the test is no duplicate.
    #[serde(default)]
    pub uid1: Option<String>,
    /// `pending`, `approved` or `rejected`; the event's policy when left out.
    #[serde(default)]
    pub status: Option<String>,
}

/// Sends a conversion through the same decisions as `/cv`, labelled test. Rules fire, partners are called.
#[utoipa::path(tag = "tests", responses((status = 200, body = Answer)))]
#[post("/test/conversion")]
pub async fn test_conversion(
    state: Data<State>,
    editor: Editor,
    body: Json<TestConversion>,
) -> Result<HttpResponse, ApiError> {
    let sid = body.0.sid;
    let found = read(&state, move |state| Ok(session(state.recorder.reader(), sid)?)).await?;
    let Some(click) = found.filter(|s| editor.0.sees(s.partner.as_ref())) else {
        return Err(ApiError::invalid(
            "sid",
            "unknown_session",
            "there is no such click: make a test click first",
        ));
    };
    let mut plain = vec![
        ("sid".to_owned(), sid.to_string()),
        ("cid".to_owned(), click.offer.to_string()),
    ];
    let order = body
        .0
        .uid1
        .unwrap_or_else(|| format!("TEST-{}", SessionId::new(state.now_ms(), rand::random())));
    plain.push(("uid1".into(), order));
    let optional = [
        ("event", body.0.event.map(|e| e.to_string())),
        ("amount", body.0.amount),
        ("currency", body.0.currency),
        ("status", body.0.status),
    ];
    plain.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );
    let fields = Fields {
        plain,
        callback_params: Vec::new(),
        partner_params: Vec::new(),
        is_strict: true,
    };
    let request = ConversionRequest::parse(fields, &|_| false)?;
    let caller = Caller {
        ip: editor.0.caller.ip,
        user_agent: "Yamabiko test".into(),
        referer: String::new(),
        tuid: String::new(),
        visited: Vec::new(),
        proof: Proof::default(),
        is_test: true,
        is_operator: true,
    };
    let done = state
        .recorder
        .try_run(move |group| record_conversion::record(&request, &caller, None, group))
        .await??;
    state.applied().await?;
    match done {
        Outcome::Answer(answer) => Ok(HttpResponse::Ok().json(answer)),
        Outcome::KeyReused => Err(ApiError::Defect {
            what: "test conversion",
        }),
    }
}

/// Which rule is tried, and with what.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestSend {
    /// A saved rule.
    pub rule: RuleId,
    /// A real activity or SID; the sample when left out.
    #[serde(default)]
    pub activity: Option<ActivityId>,
    /// Kind of the sample activity (`event`).
    #[serde(default)]
    pub kind: Option<ActivityKind>,
}

/// One request that was sent, and what came back.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TestSent {
    /// Which entry of the rule text, from 0.
    pub entry: u16,
    /// What was sent; signatures are added on the wire.
    pub request: Request,
    /// What came back; `null` when the request could not be rendered.
    pub attempt: Option<AttemptDto>,
}

/// What a test send came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TestSends {
    /// The activity that it was made with.
    pub activity: ActivityDto,
    /// One for each entry whose condition held.
    pub sent: Vec<TestSent>,
    /// Conditions that did not hold, as they saw the values.
    pub conditions: Vec<String>,
}

/// Sends what a rule makes of an activity or of the sample, at once and outside of the queue, and shows
/// request and answer. The receiver cannot tell it from a real one, except by the label in the values.
#[utoipa::path(tag = "tests", responses((status = 200, body = TestSends)))]
#[post("/test/rule")]
pub async fn test_rule(
    state: Data<State>,
    editor: Editor,
    body: Json<TestSend>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let Some(compiled) = catalog.rules.get(&body.0.rule).cloned() else {
        return Err(ApiError::not_found("rule", body.0.rule.to_string()));
    };
    let mut make_id = {
        let now_ms = state.now_ms();
        move || (PostbackId::new(now_ms, rand::random()), rand::random())
    };
    let (activity, plan) = match body.0.activity {
        Some(id) => {
            let found = read(&state, move |state| activity_or_engagement(state, id)).await?;
            let found = found.filter(|a| sees_activity(&editor.0, a));
            let activity = found.ok_or_else(|| ApiError::not_found("activity", id.to_string()))?;
            let plan = with_context(&activity, &catalog, state.now_ms(), |context| {
                plan_test(&compiled, &activity, context, &mut make_id)
            });
            (activity, plan)
        }
        None => {
            let kind = body.0.kind.unwrap_or(ActivityKind::Event);
            let sample = sample_activity(kind).map_err(|_| ApiError::Defect {
                what: "sample activity",
            })?;
            let plan = plan_test(&compiled, &sample.activity, &sample.context(), &mut make_id);
            (sample.activity, plan)
        }
    };
    let entry =
        Note::new("rule.test", body.0.rule.to_string()).detail(format!("{} requests", plan.postbacks.len()));
    note(&state, &editor.0.actor, &editor.0.from(), entry).await?;
    let secret = compiled.rule.signing_secret.clone();
    let policy = policy_for(&state, &catalog, &activity);
    let mut sent = Vec::with_capacity(plan.postbacks.len());
    for postback in plan.postbacks.into_iter().take(10) {
        let attempt = if matches!(postback.state, PostbackState::Waiting { .. }) {
            let (sending, request, id) = (state.clone(), postback.request.clone(), postback.id);
            let (policy, secret) = (policy.clone(), secret.clone());
            let answer: Attempt = read(&sending, move |state| {
                Ok(state
                    .delivery
                    .send_test(id, &request, &policy, secret.as_deref(), state.now_ms()))
            })
            .await?;
            Some(AttemptDto::from(&answer))
        } else {
            None
        };
        sent.push(TestSent {
            entry: postback.entry,
            request: postback.request,
            attempt,
        });
    }
    let conditions = plan
        .outcomes
        .iter()
        .filter(|o| !o.holds)
        .filter_map(|o| o.condition.clone())
        .collect();
    Ok(HttpResponse::Ok().json(TestSends {
        activity: ActivityDto::from(&activity),
        sent,
        conditions,
    }))
}

/// How the partner of an activity is sent to.
fn policy_for(state: &State, catalog: &Catalog, activity: &Activity) -> crate::delivery::DeliveryPolicy {
    let settings = &state.config.delivery;
    let defaults = crate::delivery::DeliveryPolicy {
        connect_timeout: std::time::Duration::from_secs(u64::from(settings.connect_timeout_s)),
        timeout: std::time::Duration::from_secs(u64::from(settings.timeout_s)),
        ..crate::delivery::DeliveryPolicy::default()
    };
    let partner = activity
        .session
        .as_ref()
        .and_then(|s| s.partner.as_ref())
        .and_then(|p| catalog.partners.get(p));
    partner.map_or(defaults.clone(), |partner| defaults.with(&partner.delivery))
}

/// From where on the receiver's memory is read.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EchoQuery {
    /// Only requests after this number.
    #[serde(default)]
    pub after: u64,
}

/// What the built-in receiver has seen.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EchoList {
    /// Where it listens; a rule may call it.
    pub address: String,
    /// Oldest first; the last 200 are remembered.
    pub items: Vec<EchoArrival>,
}

/// Shows the requests that the built-in receiver has seen.
#[utoipa::path(tag = "tests", params(EchoQuery), responses((status = 200, body = EchoList)))]
#[get("/test/echo")]
pub async fn list_echo(
    state: Data<State>,
    viewer: Viewer,
    query: Query<EchoQuery>,
) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let address = format!("http://{}", state.echo.address());
    Ok(HttpResponse::Ok().json(EchoList {
        address,
        items: state.echo.after(query.0.after),
    }))
}
