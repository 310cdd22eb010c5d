//! What taking a configuration document over would change: every object checked as if it were saved by itself,
//! against what the document says before it.
//!
//! What is there already, as it is, is not saved and not checked again: a document that was taken out of a server
//! can be taken over by it, even if a limit of its configuration was lowered since.

use super::links::{self, LinkDto};
use super::offers::{Limits, OfferDto, check_attribution};
use super::partners::PartnerDto;
use super::rules::{self, RuleDto, RuleHosts};
use super::save::{Note, audit, difference, refuse_lost_domains, stage};
use super::settings::SettingsDto;
use super::to_json;
use super::transfer::{FORMAT, bare};
use crate::config::Config;
use crate::http::extract;
use crate::http::problem::ApiError;
use crate::recorder::Group;
use crate::store::catalog::{Catalog, Change, ConfigKey, ConfigObject, Precondition};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Windows are measured by the retention of the server once it is known that the object changes ([`Checks`]).
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

    /// Makes the changes, all of them or none, with an entry in the audit log.
    pub fn take_over(self, actor: &str, from: &str, group: &mut Group<'_>) -> Result<Summary, ApiError> {
        stage(group, &self.preconditions, &self.changes)?;
        let detail = format!("{} changes", self.changes.len());
        audit(
            group,
            actor,
            from,
            Note::new("configuration.import", "").detail(detail),
        )?;
        Ok(Summary {
            is_applied: true,
            ..self.summary
        })
    }

    /// What has to hold, and what is written.
    #[cfg(test)]
    pub(super) fn into_changes(self) -> (Vec<Precondition>, Vec<Change>) {
        (self.preconditions, self.changes)
    }
}

/// What a save is checked against besides the configuration: the settings of the server that takes it over.
#[derive(Debug, Clone, Copy)]
pub struct Checks<'a> {
    hosts: RuleHosts<'a>,
    sessions_days: u32,
}

impl<'a> Checks<'a> {
    /// Those of a server; `echo` is its built-in receiver, when it runs.
    pub fn new(config: &'a Config, echo: Option<SocketAddr>) -> Self {
        Self {
            hosts: RuleHosts::new(config, echo),
            sessions_days: config.retention.sessions_days,
        }
    }

    /// Refuses what saving the object would refuse.
    fn check(&self, object: &ConfigObject) -> Result<(), ApiError> {
        let windows = |policy| check_attribution("attribution", policy, self.sessions_days);
        match object {
            ConfigObject::Offer(offer) => windows(&offer.attribution),
            ConfigObject::Partner(partner) => windows(&partner.attribution),
            ConfigObject::Link(link) => windows(&link.attribution),
            ConfigObject::Rule(rule) => rules::refuse_errors(rule, self.hosts),
            // Checked whole where they are read; users and tokens are in no document.
            ConfigObject::Settings(_) | ConfigObject::User(_) | ConfigObject::Token(_) => Ok(()),
        }
    }
}

/// Collects changes, each checked against what came before it.
struct Planner<'a> {
    catalog: Catalog,
    plan: Plan,
    now_ms: i64,
    checks: Checks<'a>,
    named: BTreeSet<ConfigKey>,
}

/// Checks a document and tells what it would change. Every mistake names its object and field.
pub fn plan(document: Value, catalog: &Catalog, now_ms: i64, checks: Checks<'_>) -> Result<Plan, ApiError> {
    let bundle: Bundle = placed("", extract::parse_value(document))?;
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
        checks,
        named: BTreeSet::new(),
    };
    planner.settings(bundle.settings)?;
    planner.offers(bundle.offers)?;
    planner.partners(bundle.partners)?;
    planner.links(bundle.links)?;
    planner.rules(bundle.rules)?;
    placed("settings", refuse_lost_domains(catalog, &planner.catalog))?;
    Ok(planner.plan)
}

/// Puts the place of an object before the field of an error, and both before its sentence.
fn placed<T>(place: &str, result: Result<T, ApiError>) -> Result<T, ApiError> {
    result.map_err(|error| match error {
        ApiError::Invalid { field, code, message } => {
            let field = match (place, field.as_str()) {
                (_, "") => place.to_owned(),
                ("", _) => field,
                _ => format!("{place}.{field}"),
            };
            let message = if field.is_empty() || message.starts_with(&field) {
                message
            } else {
                format!("{field}: {message}")
            };
            ApiError::Invalid { field, code, message }
        }
        other => other,
    })
}

impl Planner<'_> {
    fn saved_at(&self, before_ms: Option<i64>) -> i64 {
        before_ms.map_or(self.now_ms, |ms| self.now_ms.max(ms + 1))
    }

    /// Adds the object that stands at `place` of the document, unless it is there as it is. `before` and `after` are
    /// its shown forms, with the time of the last save.
    fn add(
        &mut self,
        place: &str,
        object: ConfigObject,
        before: Option<(i64, Value)>,
        after: &Value,
    ) -> Result<(), ApiError> {
        let key = object.key();
        if !self.named.insert(key.clone()) {
            return placed(place, Err(named_twice(&key)));
        }
        let (what, precondition, difference) = match before {
            Some((_, before)) if bare(before.clone()) == bare(after.clone()) => {
                self.plan.summary.unchanged += 1;
                return Ok(());
            }
            Some((saved_ms, before)) => (
                WhatChanges::Update,
                Precondition::Unchanged(key.clone(), saved_ms),
                difference(&before, after),
            ),
            None => (
                WhatChanges::Create,
                Precondition::Absent(key.clone()),
                String::new(),
            ),
        };
        placed(place, self.checks.check(&object))?;
        self.plan.preconditions.push(precondition);
        self.plan.summary.changes.push(PlannedChange {
            kind: key.kind_name(),
            id: key.id_text().into(),
            name: name_of(&object).into(),
            change: what,
            difference,
        });
        self.plan.changes.push(Change::Put(object));
        Ok(())
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
        let settings = placed("settings", dto.into_settings(&before, saved_at_ms))?;
        let after = to_json(&SettingsDto::from(&settings));
        let shown = (before.updated_at_ms, to_json(&SettingsDto::from(&*before)));
        let from = self.plan.changes.len();
        self.add("settings", ConfigObject::Settings(settings), Some(shown), &after)?;
        self.advance(from)
    }

    fn offers(&mut self, offers: Vec<OfferDto>) -> Result<(), ApiError> {
        let from = self.plan.changes.len();
        for (n, dto) in offers.into_iter().enumerate() {
            let place = format!("offers[{n}]");
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
            let offer = placed(&place, dto.into_offer(before.as_deref(), limits, saved_at_ms))?;
            let after = to_json(&OfferDto::from(&offer));
            let shown = before.map(|o| (o.updated_at_ms, to_json(&OfferDto::from(&*o))));
            self.add(&place, ConfigObject::Offer(offer), shown, &after)?;
        }
        self.advance(from)
    }

    fn partners(&mut self, partners: Vec<PartnerDto>) -> Result<(), ApiError> {
        let from = self.plan.changes.len();
        for (n, dto) in partners.into_iter().enumerate() {
            let place = format!("partners[{n}]");
            let before = dto
                .id
                .as_ref()
                .and_then(|id| self.catalog.partners.get(id))
                .cloned();
            let saved_at_ms = self.saved_at(before.as_ref().map(|p| p.updated_at_ms));
            let partner = placed(
                &place,
                dto.into_partner(before.as_deref(), &self.catalog, saved_at_ms, ANY_RETENTION_DAYS),
            )?;
            let after = to_json(&PartnerDto::from(&partner));
            let shown = before.map(|p| (p.updated_at_ms, to_json(&PartnerDto::from(&*p))));
            self.add(&place, ConfigObject::Partner(partner), shown, &after)?;
        }
        self.advance(from)
    }

    fn links(&mut self, all: Vec<LinkDto>) -> Result<(), ApiError> {
        let from = self.plan.changes.len();
        for (n, dto) in all.into_iter().enumerate() {
            let place = format!("links[{n}]");
            let before = dto
                .token
                .as_ref()
                .and_then(|token| self.catalog.links.get(token))
                .cloned();
            let before = before.as_ref().map(|entry| &entry.link);
            let saved_at_ms = self.saved_at(before.map(|l| l.updated_at_ms));
            let link = dto.into_link(before, &self.catalog, ANY_RETENTION_DAYS, saved_at_ms);
            let link = placed(&place, link)?;
            let after = to_json(&links::view_saved(&link, &self.catalog, ""));
            let shown = before.map(|l| (l.updated_at_ms, to_json(&links::view_saved(l, &self.catalog, ""))));
            self.add(&place, ConfigObject::Link(link), shown, &after)?;
        }
        self.advance(from)
    }

    fn rules(&mut self, all: Vec<RuleDto>) -> Result<(), ApiError> {
        let from = self.plan.changes.len();
        for (n, dto) in all.into_iter().enumerate() {
            let place = format!("rules[{n}]");
            let before = dto.id.as_ref().and_then(|id| self.catalog.rule(id)).cloned();
            let saved_at_ms = self.saved_at(before.as_ref().map(|r| r.updated_at_ms));
            let rule = placed(&place, dto.into_rule(before.as_ref(), &self.catalog, saved_at_ms))?;
            let after = to_json(&rules::view(&rule, None));
            let shown = before.map(|r| (r.updated_at_ms, to_json(&rules::view(&r, None))));
            self.add(&place, ConfigObject::Rule(rule), shown, &after)?;
        }
        self.advance(from)
    }
}

/// A document names an object once: which of two descriptions is meant cannot be told.
fn named_twice(key: &ConfigKey) -> ApiError {
    let field = match key {
        ConfigKey::Link(_) => "token",
        _ => "id",
    };
    let message = format!(
        "the document names {} {} twice: keep one of the two, or give one another id",
        key.kind_name(),
        key.id_text()
    );
    ApiError::invalid(field, "duplicate", message)
}

fn name_of(object: &ConfigObject) -> &str {
    match object {
        ConfigObject::Offer(offer) => &offer.name,
        ConfigObject::Partner(partner) => &partner.name,
        ConfigObject::Link(link) => &link.network,
        ConfigObject::Rule(rule) => &rule.name,
        ConfigObject::Settings(_) | ConfigObject::User(_) | ConfigObject::Token(_) => "",
    }
}
