//! The configuration as one document: settings, offers, partners, links, rules. Taken out as TOML or JSON,
//! taken over with a look at the difference first, and all at once or not at all.
//!
//! Secrets are never in the document. What is taken over keeps the secrets of objects that exist already;
//! users and API tokens stay where they are. Objects that the document does not name are left alone.

use super::links::LinkDto;
use super::offers::{Limits, OfferDto, check_attribution};
use super::partners::PartnerDto;
use super::rules::{self, RuleDto};
use super::save::{Note, audit, difference, stage};
use super::settings::SettingsDto;
use super::{links, to_json};
use crate::domain::account::Role;
use crate::http::State;
use crate::http::auth::{Owner, Viewer};
use crate::http::extract::{self, Json, Query};
use crate::http::problem::ApiError;
use crate::store::catalog::{Catalog, Change, ConfigObject, Precondition};
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the document says it is.
const FORMAT: &str = "yamabiko-configuration-1";
/// Fields of objects that say nothing about the configuration.
const LEFT_OUT: [&str; 4] = ["urls", "updated_at_ms", "created_at_ms", "broken"];
/// A document is checked against the retention of the server that takes it over, where that is known.
const ANY_RETENTION_DAYS: u32 = 3650;

/// The whole document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    format: String,
    #[serde(default)]
    settings: Option<SettingsDto>,
    #[serde(default)]
    offers: Vec<OfferDto>,
    #[serde(default)]
    partners: Vec<PartnerDto>,
    #[serde(default)]
    links: Vec<LinkDto>,
    #[serde(default)]
    rules: Vec<RuleDto>,
}

/// What would happen to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhatChanges {
    /// It is new.
    Create,
    /// It is replaced.
    Update,
}

/// One object that would change.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PlannedChange {
    /// `offer`, `partner`, `link`, `rule`, `settings`.
    pub kind: &'static str,
    /// Its id; empty for the settings.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What happens to it.
    pub change: WhatChanges,
    /// Field by field, for a replacement.
    pub difference: String,
}

/// What taking a document over means.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Summary {
    /// In the order in which they are made.
    pub changes: Vec<PlannedChange>,
    /// Objects of the document that are there already, as they are.
    pub unchanged: usize,
    /// Whether it was done.
    pub is_applied: bool,
}

/// A document that can be taken over.
#[derive(Debug)]
pub struct Plan {
    summary: Summary,
    preconditions: Vec<Precondition>,
    changes: Vec<Change>,
}

impl Plan {
    /// What would change.
    pub fn summary(&self) -> Summary {
        self.summary.clone()
    }

    /// What has to hold, and what is written.
    pub fn into_changes(self) -> (Vec<Precondition>, Vec<Change>) {
        (self.preconditions, self.changes)
    }
}

/// The configuration as a document, without secrets.
pub fn export(catalog: &Catalog) -> Result<Value, ApiError> {
    let offers = catalog
        .offers
        .values()
        .map(|o| bare(to_json(&OfferDto::from(&**o))));
    let partners = catalog
        .partners
        .values()
        .map(|p| bare(to_json(&PartnerDto::from(&**p))));
    let links = catalog
        .links
        .values()
        .map(|entry| bare(to_json(&links::view_saved(&entry.link, catalog, ""))));
    let rules = rules::all(catalog).map(|(rule, _)| bare(to_json(&rules::view(rule, None))));
    Ok(serde_json::json!({
        "format": FORMAT,
        "settings": bare(to_json(&SettingsDto::from(&*catalog.settings))),
        "offers": offers.collect::<Vec<_>>(),
        "partners": partners.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
    }))
}

/// Without what the server sets by itself, and without nulls: TOML has none, and absent means the same.
fn bare(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        for name in LEFT_OUT {
            fields.remove(name);
        }
    }
    without_nulls(object)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            kept.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// Writes a document as TOML.
pub fn to_toml(document: &Value) -> Result<String, ApiError> {
    toml::to_string_pretty(document).map_err(|_| ApiError::Defect { what: "writing TOML" })
}

/// Reads a document, TOML or JSON.
pub fn parse(text: &str) -> Result<Value, ApiError> {
    if text.trim_start().starts_with('{') {
        return extract::parse_json(text.as_bytes());
    }
    toml::from_str(text).map_err(|error| {
        ApiError::invalid(
            "text",
            "invalid_toml",
            format!("the document cannot be read: {error}"),
        )
    })
}

/// Collects changes, each checked against what came before it.
struct Planner {
    catalog: Catalog,
    plan: Plan,
    now_ms: i64,
}

/// Checks a document and tells what it would change. Every mistake names its object and field.
pub fn plan(document: Value, catalog: &Catalog, now_ms: i64) -> Result<Plan, ApiError> {
    let bundle: Bundle = extract::parse_value(document)?;
    if bundle.format != FORMAT {
        return Err(ApiError::invalid(
            "format",
            "unknown_format",
            format!("this is no configuration of this version: the document must say format = \"{FORMAT}\""),
        ));
    }
    let summary = Summary {
        changes: Vec::new(),
        unchanged: 0,
        is_applied: false,
    };
    let plan = Plan {
        summary,
        preconditions: Vec::new(),
        changes: Vec::new(),
    };
    let mut planner = Planner {
        catalog: catalog.clone(),
        plan,
        now_ms,
    };
    planner.settings(bundle.settings)?;
    planner.offers(bundle.offers)?;
    planner.partners(bundle.partners)?;
    planner.links(bundle.links)?;
    planner.rules(bundle.rules)?;
    Ok(planner.plan)
}

/// Puts the place of an object before the field of an error.
fn at<T>(place: String, result: Result<T, ApiError>) -> Result<T, ApiError> {
    result.map_err(|error| match error {
        ApiError::Invalid { field, code, message } => ApiError::Invalid {
            field: format!("{place}.{field}"),
            code,
            message: format!("{place}: {message}"),
        },
        other => other,
    })
}

impl Planner {
    fn saved_at(&self, before_ms: Option<i64>) -> i64 {
        before_ms.map_or(self.now_ms, |ms| self.now_ms.max(ms + 1))
    }

    /// Adds an object, unless it is there as it is. `views` are the shown forms of before and after.
    fn add(&mut self, object: ConfigObject, name: &str, before: Option<(i64, Value)>, after: &Value) {
        let key = object.key();
        let change = match before {
            Some((_, before)) if bare(before.clone()) == bare(after.clone()) => {
                self.plan.summary.unchanged += 1;
                return;
            }
            Some((saved_ms, before)) => {
                self.plan
                    .preconditions
                    .push(Precondition::Unchanged(key.clone(), saved_ms));
                (WhatChanges::Update, difference(&before, after))
            }
            None => {
                self.plan.preconditions.push(Precondition::Absent(key.clone()));
                (WhatChanges::Create, String::new())
            }
        };
        self.plan.summary.changes.push(PlannedChange {
            kind: key.kind_name(),
            id: key.id_text().into(),
            name: name.into(),
            change: change.0,
            difference: change.1,
        });
        self.plan.changes.push(Change::Put(object));
    }

    /// Makes what was added so far visible to what refers to it.
    fn advance(&mut self, from: usize) -> Result<(), ApiError> {
        if self.plan.changes.len() > from {
            self.catalog = self.catalog.apply(&[], &self.plan.changes[from..])?;
        }
        Ok(())
    }

    fn settings(&mut self, settings: Option<SettingsDto>) -> Result<(), ApiError> {
        let Some(dto) = settings else { return Ok(()) };
        let before = self.catalog.settings.clone();
        let saved_at_ms = self.saved_at(Some(before.updated_at_ms));
        let settings = at("settings".into(), dto.into_settings(&before, saved_at_ms))?;
        let after = to_json(&SettingsDto::from(&settings));
        let shown = (before.updated_at_ms, to_json(&SettingsDto::from(&*before)));
        let from = self.plan.changes.len();
        self.add(ConfigObject::Settings(settings), "", Some(shown), &after);
        self.advance(from)
    }

    fn offers(&mut self, offers: Vec<OfferDto>) -> Result<(), ApiError> {
        let from = self.plan.changes.len();
        for (n, dto) in offers.into_iter().enumerate() {
            let before = dto
                .id
                .as_ref()
                .and_then(|id| self.catalog.offers.get(id))
                .cloned();
            let saved_at_ms = self.saved_at(before.as_ref().map(|o| o.updated_at_ms));
            let limits = Limits {
                sessions_days: ANY_RETENTION_DAYS,
                currency: self.catalog.settings.currency,
            };
            let offer = at(
                format!("offers[{n}]"),
                dto.into_offer(before.as_deref(), limits, saved_at_ms),
            )?;
            let after = to_json(&OfferDto::from(&offer));
            let shown = before.map(|o| (o.updated_at_ms, to_json(&OfferDto::from(&*o))));
            let name = offer.name.clone();
            self.add(ConfigObject::Offer(offer), &name, shown, &after);
        }
        self.advance(from)
    }

    fn partners(&mut self, partners: Vec<PartnerDto>) -> Result<(), ApiError> {
        let from = self.plan.changes.len();
        for (n, dto) in partners.into_iter().enumerate() {
            let before = dto
                .id
                .as_ref()
                .and_then(|id| self.catalog.partners.get(id))
                .cloned();
            let saved_at_ms = self.saved_at(before.as_ref().map(|p| p.updated_at_ms));
            let partner = at(
                format!("partners[{n}]"),
                dto.into_partner(before.as_deref(), &self.catalog, saved_at_ms, ANY_RETENTION_DAYS),
            )?;
            let after = to_json(&PartnerDto::from(&partner));
            let shown = before.map(|p| (p.updated_at_ms, to_json(&PartnerDto::from(&*p))));
            let name = partner.name.clone();
            self.add(ConfigObject::Partner(partner), &name, shown, &after);
        }
        self.advance(from)
    }

    fn links(&mut self, all: Vec<LinkDto>) -> Result<(), ApiError> {
        let from = self.plan.changes.len();
        for (n, dto) in all.into_iter().enumerate() {
            let before = dto
                .token
                .as_ref()
                .and_then(|token| self.catalog.links.get(token))
                .cloned();
            let before = before.as_ref().map(|entry| &entry.link);
            let saved_at_ms = self.saved_at(before.map(|l| l.updated_at_ms));
            let link = dto.into_link(before, &self.catalog, ANY_RETENTION_DAYS, saved_at_ms);
            let link = at(format!("links[{n}]"), link)?;
            let after = to_json(&links::view_saved(&link, &self.catalog, ""));
            let shown = before.map(|l| (l.updated_at_ms, to_json(&links::view_saved(l, &self.catalog, ""))));
            let name = link.network.clone();
            self.add(ConfigObject::Link(link), &name, shown, &after);
        }
        self.advance(from)
    }

    fn rules(&mut self, all: Vec<RuleDto>) -> Result<(), ApiError> {
        let from = self.plan.changes.len();
        for (n, dto) in all.into_iter().enumerate() {
            let before = dto.id.as_ref().and_then(|id| self.catalog.rule(id)).cloned();
            let saved_at_ms = self.saved_at(before.as_ref().map(|r| r.updated_at_ms));
            let rule = at(
                format!("rules[{n}]"),
                dto.into_rule(before.as_ref(), &self.catalog, saved_at_ms),
            )?;
            let after = to_json(&rules::view(&rule, None));
            let shown = before.map(|r| (r.updated_at_ms, to_json(&rules::view(&r, None))));
            let name = rule.name.clone();
            self.add(ConfigObject::Rule(rule), &name, shown, &after);
        }
        self.advance(from)
    }
}

/// How the document is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentFormat {
    /// TOML.
    #[default]
    Toml,
    /// JSON.
    Json,
}

/// What is wanted of an export.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `toml` (default) or `json`.
    #[serde(default)]
    #[param(inline)]
    pub format: DocumentFormat,
}

/// The configuration as a file, without secrets, users and tokens.
#[utoipa::path(tag = "settings", params(ExportQuery), responses((status = 200, body = String, content_type = "application/toml")))]
#[get("/config/export")]
pub async fn export_configuration(
    state: Data<State>,
    viewer: Viewer,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, ApiError> {
    viewer.0.whole()?;
    let mut document = export(&state.recorder.catalog())?;
    if viewer.0.role < Role::Owner
        && let Some(settings) = document["settings"].as_object_mut()
    {
        settings.remove("alerts");
    }
    let (name, media_type, text) = match query.0.format {
        DocumentFormat::Toml => (
            "yamabiko-config.toml",
            "application/toml; charset=utf-8",
            to_toml(&document)?,
        ),
        DocumentFormat::Json => {
            let text = serde_json::to_string_pretty(&document);
            let text = text.map_err(|_| ApiError::Defect { what: "writing JSON" })?;
            ("yamabiko-config.json", "application/json; charset=utf-8", text)
        }
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(text))
}

/// A document to be taken over.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// The document, TOML or JSON.
    pub text: String,
    /// Only say what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// Takes a configuration over, all of it or nothing; `dry_run` only says what would change.
#[utoipa::path(tag = "settings", responses((status = 200, body = Summary)))]
#[post("/config/import")]
pub async fn import_configuration(
    state: Data<State>,
    owner: Owner,
    body: Json<ImportRequest>,
) -> Result<HttpResponse, ApiError> {
    let plan = plan(parse(&body.0.text)?, &state.recorder.catalog(), state.now_ms())?;
    let mut summary = plan.summary();
    let sessions_days = state.config.retention.sessions_days;
    for change in &plan.changes {
        match change {
            Change::Put(ConfigObject::Rule(rule)) => rules::refuse_errors(rule, &state)?,
            Change::Put(ConfigObject::Offer(offer)) => {
                check_attribution("attribution", &offer.attribution, sessions_days)?;
            }
            Change::Put(ConfigObject::Link(link)) => {
                check_attribution("attribution", &link.attribution, sessions_days)?;
            }
            Change::Put(_) | Change::Remove(_) => {}
        }
    }
    if !body.0.dry_run {
        let (preconditions, changes) = plan.into_changes();
        let (actor, from) = (owner.0.actor.clone(), owner.0.from());
        let detail = format!("{} changes", changes.len());
        let done = state.recorder.try_run(move |group| {
            stage(group, &preconditions, &changes)?;
            audit(
                group,
                &actor,
                &from,
                Note::new("configuration.import", "").detail(detail),
            )
            .map_err(ApiError::from)
        });
        done.await??;
        summary.is_applied = true;
    }
    Ok(HttpResponse::Ok().json(summary))
}
