//! Rules: saving, checking while typing, and previewing with the code that delivers.

use super::check;
use super::page::{ConfigQuery, NoQuery, Ordered, Page, holds};
use super::save::{self, Note, difference, saved_at, unchanged};
use super::secret::Secret;
use super::{made_id, same_id, to_json};
use crate::config::Config;
use crate::delivery::egress::judge_host;
use crate::delivery::sign::Signer;
use crate::domain::activity::{Activity, ActivityKind, ConversionStatus};
use crate::domain::ids::{ActivityId, EventToken, OfferId, PartnerId, RuleId};
use crate::domain::plan::{self, Preview};
use crate::domain::postback::Method;
use crate::domain::rule::{NoData, Rule, RuleBody, RuleHeader, RuleScope};
use crate::domain::signing::SecretError;
use crate::domain::template::{self, CheckContext, Context, Finding, catalogue, sample};
use crate::http::State;
use crate::http::auth::{Editor, Identity, Viewer};
use crate::http::extract::{Json, Query, id};
use crate::http::problem::ApiError;
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A rule as the API shows and takes it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleDto {
    /// Made by the server when it is left out.
    #[serde(default)]
    pub id: Option<RuleId>,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// Off: kept, never fires.
    #[serde(default = "super::yes")]
    pub enabled: bool,
    /// Whom it speaks for.
    pub scope: RuleScope,
    /// Kinds that it fires for; empty means all kinds.
    #[serde(default)]
    pub kinds: Vec<ActivityKind>,
    /// Only for this event.
    #[serde(default)]
    pub event: Option<EventToken>,
    /// Fires when a conversion enters one of these.
    #[serde(default)]
    pub statuses: Vec<ConversionStatus>,
    /// Entries separated by white space: `URL` or `operator,LEFT,VALUE,URL`.
    pub text: String,
    /// GET unless set.
    #[serde(default)]
    pub method: Method,
    /// Body of a POST.
    #[serde(default)]
    pub body: Option<RuleBody>,
    /// Extra headers.
    #[serde(default)]
    pub headers: Vec<RuleHeader>,
    /// What empty placeholders become.
    #[serde(default)]
    pub no_data: NoData,
    /// Signing secret (`whsec_...`).
    #[serde(default)]
    pub signing_secret: Secret,
    /// Also fires for bots and prefetches.
    #[serde(default)]
    pub include_bots: bool,
    /// Unix milliseconds of the last save; must be sent back unchanged to replace.
    #[serde(default)]
    pub updated_at_ms: Option<i64>,
    /// Why a saved rule can no longer be used; set by the server.
    #[serde(default)]
    pub broken: Option<String>,
}

/// A rule as it is shown, with the reason why it cannot be used.
pub fn view(rule: &Rule, broken: Option<&str>) -> RuleDto {
    RuleDto {
        id: Some(rule.id.clone()),
        name: rule.name.clone(),
        enabled: rule.enabled,
        scope: rule.scope.clone(),
        kinds: rule.kinds.clone(),
        event: rule.event.clone(),
        statuses: rule.statuses.clone(),
        text: rule.text.clone(),
        method: rule.method,
        body: rule.body.clone(),
        headers: rule.headers.clone(),
        no_data: rule.no_data.clone(),
        signing_secret: Secret::shown(rule.signing_secret.as_ref()),
        include_bots: rule.include_bots,
        updated_at_ms: Some(rule.updated_at_ms),
        broken: broken.map(Into::into),
    }
}

impl RuleDto {
    /// Gives what is stored, without looking at the template text: that is what `findings` is for.
    pub fn into_rule(
        self,
        before: Option<&Rule>,
        catalog: &Catalog,
        saved_at_ms: i64,
    ) -> Result<Rule, ApiError> {
        check::text_up_to("name", &self.name, check::NAME_CHARS)?;
        check_scope(&self.scope, self.event.as_ref(), catalog)?;
        check::at_most("headers", &self.headers, 20)?;
        // Its form is among the findings; whether two halves of a key pair belong together only the signer tells.
        if let Some(Err(SecretError::KeyPair)) = self.signing_secret.new_value().map(Signer::parse) {
            let error = SecretError::KeyPair;
            return Err(ApiError::invalid(
                "signing_secret",
                error.code(),
                error.to_string(),
            ));
        }
        let signing_secret = self
            .signing_secret
            .resolve(before.and_then(|r| r.signing_secret.clone()));
        Ok(Rule {
            id: match before {
                Some(before) => same_id(self.id, &before.id)?,
                None => made_id(self.id, RuleId::from_random)?,
            },
            name: self.name,
            enabled: self.enabled,
            scope: self.scope,
            kinds: self.kinds,
            event: self.event,
            statuses: self.statuses,
            text: self.text,
            method: self.method,
            body: self.body,
            headers: self.headers,
            no_data: self.no_data,
            signing_secret,
            include_bots: self.include_bots,
            updated_at_ms: saved_at_ms,
        })
    }
}

fn check_scope(scope: &RuleScope, event: Option<&EventToken>, catalog: &Catalog) -> Result<(), ApiError> {
    let missing = |field: &str, what: &str| {
        Err(ApiError::invalid(
            field,
            "missing_reference",
            format!("there is no such {what}: create it first"),
        ))
    };
    let (offer, partner): (Option<&OfferId>, Option<&PartnerId>) = match scope {
        RuleScope::Offer { offer } => (Some(offer), None),
        RuleScope::Partner { partner, offer } => (offer.as_ref(), Some(partner)),
    };
    if partner.is_some_and(|p| !catalog.partners.contains_key(p)) {
        return missing("scope.partner", "partner");
    }
    let offer = match offer {
        Some(offer) => match catalog.offers.get(offer) {
            Some(offer) => Some(offer),
            None => return missing("scope.offer", "offer"),
        },
        None => None,
    };
    if let Some(event) = event {
        let has =
            |o: &std::sync::Arc<crate::domain::offer::Offer>| o.events.iter().any(|e| e.token == *event);
        let known = offer.map_or_else(|| catalog.offers.values().any(has), has);
        if !known {
            return missing("event", "event");
        }
    }
    Ok(())
}

/// Which hosts a rule may call.
#[derive(Debug, Clone, Copy)]
pub struct RuleHosts<'a> {
    allow_networks: &'a [IpNet],
    echo: Option<SocketAddr>,
}

impl<'a> RuleHosts<'a> {
    /// Those of a server; `echo` is its built-in receiver, when it runs.
    pub fn new(config: &'a Config, echo: Option<SocketAddr>) -> Self {
        Self {
            allow_networks: &config.delivery.allow_networks,
            echo,
        }
    }

    fn of(state: &'a State) -> Self {
        Self::new(&state.config, Some(state.echo.address()))
    }

    /// Why a host may not be called. The built-in receiver may, under exactly its address; the sender looks again.
    fn refusal(&self, host: &str, rule: &Rule) -> Option<String> {
        let is_echo =
            |echo: SocketAddr| host == echo.ip().to_string() && rule.text.contains(&format!("://{echo}"));
        if self.echo.is_some_and(is_echo) {
            return None;
        }
        judge_host(host, self.allow_networks)
            .err()
            .map(|refusal| refusal.to_string())
    }
}

/// Everything to be said of a rule before it is saved.
fn findings(rule: &Rule, hosts: RuleHosts<'_>) -> Vec<Finding> {
    let refuse_host = |host: &str| hosts.refusal(host, rule);
    template::check(
        rule,
        &CheckContext {
            refuse_host: &refuse_host,
        },
    )
}

/// Refuses a rule with errors; the first one is the answer.
pub fn refuse_errors(rule: &Rule, hosts: RuleHosts<'_>) -> Result<(), ApiError> {
    match findings(rule, hosts).into_iter().find(Finding::is_error) {
        Some(error) => Err(ApiError::invalid(
            error.field,
            error.code,
            format!("{} {}", error.message, error.remedy),
        )),
        None => Ok(()),
    }
}

/// Whether somebody may see a rule: offer-wide ones only without a limit.
fn sees(identity: &Identity, rule: &Rule) -> bool {
    match &rule.scope {
        RuleScope::Offer { .. } => identity.partners.is_empty(),
        RuleScope::Partner { partner, .. } => identity.sees(Some(partner)),
    }
}

/// Every rule with the reason why it cannot be used, if it cannot.
pub fn all(catalog: &Catalog) -> impl Iterator<Item = (&Rule, Option<&str>)> {
    let good = catalog.rules.values().map(|compiled| (&compiled.rule, None));
    good.chain(
        catalog
            .broken_rules
            .iter()
            .map(|broken| (&broken.rule, Some(broken.message.as_str()))),
    )
}

fn find<'a>(catalog: &'a Catalog, text: &str) -> Result<(&'a Rule, Option<&'a str>), ApiError> {
    let key: RuleId = id("rule", text)?;
    all(catalog)
        .find(|(rule, _)| rule.id == key)
        .ok_or_else(|| ApiError::not_found("rule", text))
}

/// Lists rules, last saved first.
#[utoipa::path(tag = "rules", params(ConfigQuery), responses((status = 200, body = Page<RuleDto>)))]
#[get("/rules")]
pub async fn list_rules(
    state: Data<State>,
    viewer: Viewer,
    query: Query<ConfigQuery>,
) -> Result<HttpResponse, ApiError> {
    let (catalog, query) = (state.recorder.catalog(), query.0);
    let word = query.word();
    let wanted = |rule: &Rule| {
        let (offer, partner) = match &rule.scope {
            RuleScope::Offer { offer } => (Some(offer), None),
            RuleScope::Partner { partner, offer } => (offer.as_ref(), Some(partner)),
        };
        query
            .offer
            .as_deref()
            .is_none_or(|o| offer.is_some_and(|own| own.as_str() == o))
            && query
                .partner
                .as_deref()
                .is_none_or(|p| partner.is_some_and(|own| own.as_str() == p))
            && (holds(&rule.name, word) || holds(&rule.text, word) || rule.id.as_str().contains(word))
    };
    let all = all(&catalog)
        .filter(|(rule, _)| sees(&viewer.0, rule) && wanted(rule))
        .map(|(rule, broken)| Ordered {
            at_ms: rule.updated_at_ms,
            id: rule.id.to_string(),
            item: view(rule, broken),
        });
    let page = query.page(all)?;
    Ok(HttpResponse::Ok().json(page))
}

/// Reads one rule.
#[utoipa::path(tag = "rules", responses((status = 200, body = RuleDto)))]
#[get("/rules/{id}")]
pub async fn get_rule(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    match find(&catalog, &path)? {
        (rule, broken) if sees(&viewer.0, rule) => Ok(HttpResponse::Ok().json(view(rule, broken))),
        _ => Err(ApiError::not_found("rule", path.into_inner())),
    }
}

/// Makes a rule. One with errors is refused; `/rules/check` tells all of them.
#[utoipa::path(tag = "rules", responses((status = 201, body = RuleDto)))]
#[post("/rules")]
pub async fn create_rule(
    state: Data<State>,
    editor: Editor,
    body: Json<RuleDto>,
) -> Result<HttpResponse, ApiError> {
    let rule = body
        .0
        .into_rule(None, &state.recorder.catalog(), saved_at(&state, 0))?;
    refuse_errors(&rule, RuleHosts::of(&state))?;
    let view = view(&rule, None);
    let note = Note::new("rule.create", rule.id.to_string()).detail(to_json(&view).to_string());
    save::insert(&state, &editor.0, ConfigObject::Rule(rule), note).await?;
    Ok(HttpResponse::Created().json(view))
}

/// Replaces a rule. Postbacks that wait keep what was rendered.
#[utoipa::path(tag = "rules", responses((status = 200, body = RuleDto)))]
#[put("/rules/{id}")]
pub async fn replace_rule(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<RuleDto>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let (before, broken) = find(&catalog, &path)?;
    let preconditions = unchanged(ConfigKey::Rule(before.id.clone()), body.0.updated_at_ms)?;
    let rule = body
        .0
        .into_rule(Some(before), &catalog, saved_at(&state, before.updated_at_ms))?;
    refuse_errors(&rule, RuleHosts::of(&state))?;
    let after = view(&rule, None);
    let note = Note::new("rule.update", rule.id.to_string())
        .detail(difference(&to_json(&view(before, broken)), &to_json(&after)));
    save::update(&state, &editor.0, preconditions, ConfigObject::Rule(rule), note).await?;
    Ok(HttpResponse::Ok().json(after))
}

/// Removes a rule. Postbacks that wait are still sent.
#[utoipa::path(tag = "rules", responses((status = 204)))]
#[delete("/rules/{id}")]
pub async fn delete_rule(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let key = ConfigKey::Rule(find(&state.recorder.catalog(), &path)?.0.id.clone());
    let note = Note::new("rule.delete", path.into_inner());
    save::remove(&state, &editor.0, key, note).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What was found in a rule.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Checked {
    /// Whether it could be saved.
    pub is_savable: bool,
    /// Errors and warnings with their place.
    pub findings: Vec<Finding>,
}

/// Checks an unsaved rule: everything that saving would say, with positions and remedies.
#[utoipa::path(tag = "rules", responses((status = 200, body = Checked)))]
#[post("/rules/check")]
pub async fn check_rule(
    state: Data<State>,
    _viewer: Editor,
    body: Json<RuleDto>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let before = body.0.id.as_ref().and_then(|id| catalog.rule(id)).cloned();
    let rule = body.0.into_rule(before.as_ref(), &catalog, 0)?;
    let findings = findings(&rule, RuleHosts::of(&state));
    let is_savable = !findings.iter().any(Finding::is_error);
    Ok(HttpResponse::Ok().json(Checked { is_savable, findings }))
}

/// What a preview is made with.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// The rule, saved or not.
    pub rule: RuleDto,
    /// A real activity or session; the sample when left out.
    #[serde(default)]
    pub activity: Option<ActivityId>,
    /// Kind of the sample activity (`event`).
    #[serde(default)]
    pub kind: Option<ActivityKind>,
}

/// Shows what an unsaved rule would send for a real activity or the sample, with the code that delivers.
#[utoipa::path(tag = "rules", responses((status = 200, body = Preview)))]
#[post("/rules/preview")]
pub async fn preview_rule(
    state: Data<State>,
    editor: Editor,
    body: Json<PreviewRequest>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let before = body.0.rule.id.as_ref().and_then(|id| catalog.rule(id)).cloned();
    let rule = body.0.rule.into_rule(before.as_ref(), &catalog, 0)?;
    let hosts = RuleHosts::of(&state);
    let refuse_host = |host: &str| hosts.refusal(host, &rule);
    let checks = CheckContext {
        refuse_host: &refuse_host,
    };
    let preview = match body.0.activity {
        Some(id) => {
            let activity = super::records::activity_or_engagement(&state, id)?
                .filter(|a| super::records::sees_activity(&editor.0, a))
                .ok_or_else(|| ApiError::not_found("activity", id.to_string()))?;
            with_context(&activity, &catalog, state.now_ms(), |context| {
                plan::preview(&rule, &activity, context, &checks)
            })
        }
        None => {
            let kind = body
                .0
                .kind
                .unwrap_or_else(|| rule.kinds.first().copied().unwrap_or(ActivityKind::Event));
            let sample = sample::sample_activity(kind).map_err(|_| ApiError::Defect {
                what: "sample activity",
            })?;
            plan::preview(&rule, &sample.activity, &sample.context(), &checks)
        }
    };
    Ok(HttpResponse::Ok().json(preview))
}

/// Gives the configuration objects that an activity names to a decision.
pub fn with_context<T>(
    activity: &Activity,
    catalog: &Catalog,
    now_ms: i64,
    decide: impl FnOnce(&Context<'_>) -> T,
) -> T {
    let session = activity.session.as_deref();
    let partner = session
        .and_then(|s| s.partner.as_ref())
        .and_then(|p| catalog.partners.get(p));
    let link = session.and_then(|s| catalog.links.get(&s.link));
    decide(&Context {
        offer: activity
            .offer
            .as_ref()
            .and_then(|o| catalog.offers.get(o))
            .map(|o| &**o),
        partner: partner.map(|p| &**p),
        link: link.map(|entry| &entry.link),
        now_ms,
    })
}

/// One name of the catalogue of placeholders.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlaceholderDto {
    /// As between the braces; in capitals between `##`.
    pub name: &'static str,
    /// What it is about.
    pub group: catalogue::Group,
    /// What it holds, English.
    pub meaning_en: &'static str,
    /// What it holds, Japanese.
    pub meaning_ja: &'static str,
    /// Form of its values, English.
    pub format_en: String,
    /// Form of its values, Japanese.
    pub format_ja: String,
    /// A value as it could be.
    pub sample: &'static str,
    /// Kinds that have data for it.
    pub kinds: Vec<ActivityKind>,
    /// Where the value comes from.
    pub source: catalogue::Source,
}

/// The catalogue of placeholders.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlaceholderList {
    /// By group.
    pub items: Vec<PlaceholderDto>,
}

/// Lists every placeholder: meaning, format, sample, kinds.
#[utoipa::path(tag = "rules", responses((status = 200, body = PlaceholderList)))]
#[get("/placeholders")]
pub async fn list_placeholders(_viewer: Viewer, _query: Query<NoQuery>) -> Result<HttpResponse, ApiError> {
    let items = catalogue::all().map(|p| {
        let (format_en, format_ja) = p.format.describe();
        PlaceholderDto {
            name: p.name,
            group: p.group,
            meaning_en: p.en,
            meaning_ja: p.ja,
            format_en,
            format_ja,
            sample: p.sample,
            kinds: p.kinds.iter().collect(),
            source: p.source,
        }
    });
    Ok(HttpResponse::Ok().json(PlaceholderList {
        items: items.collect(),
    }))
}
