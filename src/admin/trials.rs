//! Trying things out: a test click, a test conversion, a test send of a rule. Everything made here is labelled test and
//! left out of totals.

use super::AdminError;
use super::identity::{Identity, Place};
use super::platforms;
use super::rule_preview::{sample_activity, seen_activity, with_context};
use super::save::{Note, note};
use crate::config::Config;
use crate::delivery::{Delivery, DeliveryPolicy, RuleTerms};
use crate::domain::activity::{Activity, ActivityKind};
use crate::domain::ids::{ActivityId, EventToken, LinkToken, PartnerId, PostbackId, RuleId, SessionId};
use crate::domain::plan::{CompiledRule, Plan, plan_test};
use crate::domain::postback::{Origin, PostbackState, Request};
use crate::domain::session::EngagementKind;
use crate::domain::template::hole::shown_request;
use crate::recorder::{Group, RecordError, Recorder};
use crate::reports::View;
use crate::reports::records::{ActivityDto, AttemptDto, SessionDto, session};
use crate::store::catalog::Catalog;
use crate::tracking::caller::Caller;
use crate::tracking::click::{self, Incoming, Lookups};
use crate::tracking::client::{ClientHeaders, IpHasher};
use crate::tracking::conversion::ConversionRequest;
use crate::tracking::engagement::{self, Recorded};
use crate::tracking::fields::Fields;
use crate::tracking::geo::GeoIp;
use crate::tracking::hit;
use crate::tracking::link_names::LinkNames;
use crate::tracking::record_conversion::{self, Answer};
use crate::tracking::recording::ONLY_RULE;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Longest query of a test click, bytes.
const QUERY_BYTES: usize = 8192;
/// Requests of one test send at most.
const MOST_SENT: usize = 10;
/// The visitor's address in tests with the sample: one of those that are kept for examples.
const SAMPLE_ADDRESS: &str = "203.0.113.5";

/// What a test click carries.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestClick {
    /// Which link.
    pub link: LinkToken,
    /// Query as a partner would send it (`param1=TEST-1`).
    #[serde(default)]
    pub query: String,
    /// The only rule that the click and its conversions fire, such as one that calls the built-in receiver; when
    /// left out, all of them do, and partners are called.
    #[serde(default)]
    pub only_rule: Option<RuleId>,
}

/// Makes a click on a link, labelled test, as if the operator's browser had followed it.
pub async fn click(
    test: TestClick,
    recorder: &Recorder,
    (geo, link_names): (&GeoIp, &LinkNames),
    place: Place,
) -> Result<SessionDto, AdminError> {
    if test.query.len() > QUERY_BYTES {
        let message = format!("use at most {QUERY_BYTES} bytes");
        return Err(AdminError::invalid("query", "too_long", message));
    }
    let mut query = test.query.trim_start_matches('?').to_owned();
    if let Some(rule) = &test.only_rule {
        query = format!("{ONLY_RULE}={rule}&{query}");
    }
    let catalog = recorder.catalog();
    let entry = catalog.links.get(&test.link);
    let entry =
        entry.ok_or_else(|| AdminError::invalid("link", "missing_reference", "there is no such link"))?;
    let headers = ClientHeaders {
        user_agent: place.user_agent,
        ..ClientHeaders::default()
    };
    // Tests are never matched by address, so the hash needs no key of the instance.
    let ip_hasher = IpHasher::new(&[0; 32]);
    let lookups = Lookups {
        geo,
        ip_hasher: &ip_hasher,
        link_names,
    };
    let incoming = Incoming {
        request: hit::Request {
            kind: EngagementKind::Click,
            is_head: false,
            query: query.as_bytes(),
            charset: None,
            headers: &headers,
            ip: place.ip,
        },
        cookie: None,
        is_mended: false,
        now_ms: recorder.clock().now_ms(),
    };
    let session = click::test_click(&incoming, entry, &lookups)
        .map_err(|error| AdminError::invalid("link", error.code(), error.to_string()))?;
    let shown = SessionDto::from(&session);
    match engagement::record(recorder, session)?.await {
        Ok(Recorded::Durable) => Ok(shown),
        _ => Err(RecordError::Busy.into()),
    }
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

/// The conversion of a test as `/cv` would read it, if there is such a click. Reads the store.
pub fn conversion_of(test: TestConversion, view: &View) -> Result<ConversionRequest, AdminError> {
    let found = session(&view.reader, test.sid)?;
    let Some(click) = found.filter(|session| view.scope.sees(session.partner.as_ref())) else {
        return Err(AdminError::invalid(
            "sid",
            "unknown_session",
            "there is no such click: make a test click first",
        ));
    };
    let new_order = || format!("TEST-{}", SessionId::new(view.now_ms, rand::random()));
    let given = [
        ("sid", Some(test.sid.to_string())),
        ("cid", Some(click.offer.to_string())),
        ("uid1", Some(test.uid1.unwrap_or_else(new_order))),
        ("event", test.event.map(|event| event.to_string())),
        ("amount", test.amount),
        ("currency", test.currency),
        ("status", test.status),
    ];
    let plain = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Ok(ConversionRequest::parse(Fields::of(plain.collect()))?)
}

/// Sends a conversion through the same decisions as `/cv`, labelled test. Rules fire, partners are called.
pub async fn convert(
    request: ConversionRequest,
    recorder: &Recorder,
    identity: &Identity,
) -> Result<Answer, AdminError> {
    let caller = Caller {
        is_test: true,
        ..Caller::operator(identity.ip, "Yamabiko test".into())
    };
    let decide = move |group: &mut Group<'_>| record_conversion::decide(&request, &caller, group);
    Ok(recorder.try_run(decide).await??)
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

/// What a test send is going to send.
pub struct Sending {
    rule: Arc<CompiledRule>,
    activity: Activity,
    plan: Plan,
    policy: DeliveryPolicy,
    terms: RuleTerms,
    address: Option<String>,
}

/// What a rule makes of an activity or of the sample. Reads the store.
pub fn sending(test: &TestSend, view: &View, config: &Config) -> Result<Sending, AdminError> {
    let Some(rule) = view.catalog.rules.get(&test.rule).cloned() else {
        return Err(AdminError::not_found("rule", test.rule.to_string()));
    };
    let mut make_id = || (PostbackId::new(view.now_ms, rand::random()), rand::random());
    let (activity, plan, address) = match test.activity {
        Some(id) => {
            let activity = seen_activity(view, id)?;
            let plan = with_context(&activity, &view.catalog, view.now_ms, |context| {
                plan_test(&rule, &activity, context, &mut make_id)
            });
            let (id, sealing) = (activity.of.unwrap_or(activity.id), &view.catalog.sealing);
            let address = view.reader.addresses().get(id, view.now_ms, sealing);
            (activity, plan, address)
        }
        None => {
            let mut sample = sample_activity(test.kind.unwrap_or(ActivityKind::Event))?;
            platforms::fit(&mut sample, &rule.rule, &view.catalog, view.now_ms);
            let plan = plan_test(&rule, &sample.activity, &sample.context(), &mut make_id);
            (sample.activity, plan, Some(SAMPLE_ADDRESS.to_owned()))
        }
    };
    let terms = RuleTerms::of(&Origin::Test(rule.rule.id.clone()), &view.catalog);
    let policy = policy_for(config, &view.catalog, rule.rule.secret_owner());
    Ok(Sending {
        rule,
        activity,
        plan,
        policy,
        terms,
        address,
    })
}

impl Sending {
    /// Enters the test send in the audit log.
    pub async fn note(&self, recorder: &Recorder, identity: &Identity) -> Result<(), AdminError> {
        let entry = Note::new("rule.test", self.rule.rule.id.to_string())
            .detail(format!("{} requests", self.plan.postbacks.len()));
        note(recorder, identity.actor(), entry).await
    }

    /// Sends at once and outside of the queue, one request after the other; waits for the answers.
    pub fn send(self, delivery: &Delivery, now_ms: i64) -> TestSends {
        let terms = (&self.terms, self.address.as_deref());
        let sent = self.plan.postbacks.into_iter().take(MOST_SENT).map(|postback| {
            let is_rendered = matches!(postback.state, PostbackState::Waiting { .. });
            let send = || delivery.send_test(postback.id, &postback.request, &self.policy, terms, now_ms);
            TestSent {
                entry: postback.entry,
                attempt: is_rendered.then(|| AttemptDto::from(&send())),
                request: shown_request(&postback.request),
            }
        });
        let failed = self.plan.outcomes.into_iter().filter(|outcome| !outcome.holds);
        TestSends {
            activity: ActivityDto::from(&self.activity),
            sent: sent.collect(),
            conditions: failed.filter_map(|outcome| outcome.condition).collect(),
        }
    }
}

/// How a partner is sent to.
fn policy_for(config: &Config, catalog: &Catalog, partner: Option<&PartnerId>) -> DeliveryPolicy {
    let settings = &config.delivery;
    let defaults = DeliveryPolicy {
        connect_timeout: Duration::from_secs(u64::from(settings.connect_timeout_s)),
        timeout: Duration::from_secs(u64::from(settings.timeout_s)),
        ..DeliveryPolicy::default()
    };
    let partner = partner.and_then(|id| catalog.partners.get(id));
    partner.map_or(defaults.clone(), |partner| defaults.with(&partner.delivery))
}
