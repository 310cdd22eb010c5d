//! What taking a configuration document over would change: every object checked as if it were saved by itself,
//! against what the document says before it.
//!
//! What is there already, as it is, is not saved and not checked again: a document that was taken out of a server
//! can be taken over by it, even if a limit of its configuration was lowered since.

use super::document::{FORMAT, bare};
use super::links::LinkDto;
use super::offers::OfferDto;
use super::partners::PartnerDto;
use super::rules::RuleDto;
use super::save::{Actor, Note, Save, difference, refuse_lost_domains, saved_at, to_json};
use super::settings::SettingsDto;
use super::{AdminError, Resource, ServerLimits, Showing, parse};
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::domain::rule::Rule;
use crate::recorder::Recorder;
use crate::store::catalog::{Catalog, Change, ConfigKey, ConfigObject, Precondition};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

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
    /// Tokens and secrets that the document names and does not hold. Where there are some, the check of a new object is
    /// off until they are made here; the check of one that is there stays as it is.
    pub left_out: Vec<String>,
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
    save: Save,
}

impl Plan {
    /// What would change.
    pub fn summary(&self) -> Summary {
        self.summary.clone()
    }

    /// Makes the changes, all of them or none, with one entry in the audit log.
    pub async fn commit(self, recorder: &Recorder, actor: Actor) -> Result<Summary, AdminError> {
        let (save, done) = self.into_save();
        save.commit(recorder, actor).await?;
        Ok(done)
    }

    /// The same for callers on threads of their own.
    pub fn commit_blocking(self, recorder: &Recorder, actor: Actor) -> Result<Summary, AdminError> {
        let (save, done) = self.into_save();
        save.commit_blocking(recorder, actor)?;
        Ok(done)
    }

    /// The change, and what is told once it is made.
    pub(super) fn into_save(self) -> (Save, Summary) {
        let detail = format!("{} changes", self.save.changes.len());
        let save = Save {
            notes: vec![Note::new("configuration.import", "").detail(detail)],
            ..self.save
        };
        let done = Summary {
            is_applied: true,
            ..self.summary
        };
        (save, done)
    }
}

/// Collects changes, each checked against what came before it.
struct Planner<'a> {
    catalog: Catalog,
    plan: Plan,
    now_ms: i64,
    limits: ServerLimits<'a>,
    named: BTreeSet<ConfigKey>,
}

/// Checks a document and tells what it would change. Every mistake names its object and field.
pub fn plan(
    document: Value,
    catalog: &Catalog,
    now_ms: i64,
    limits: ServerLimits<'_>,
) -> Result<Plan, AdminError> {
    let bundle: Bundle = placed("", parse::parse_value(document))?;
    if bundle.format != FORMAT {
        return Err(AdminError::invalid(
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
    let mut planner = Planner {
        catalog: catalog.clone(),
        plan: Plan {
            summary,
            save: Save::default(),
        },
        now_ms,
        limits,
        named: BTreeSet::new(),
    };
    planner.settings(bundle.settings)?;
    planner.add_all::<Offer>("offers", bundle.offers)?;
    planner.add_all::<Partner>("partners", bundle.partners)?;
    planner.add_all::<Link>("links", bundle.links)?;
    planner.add_all::<Rule>("rules", bundle.rules)?;
    placed("settings", refuse_lost_domains(catalog, &planner.catalog))?;
    Ok(planner.plan)
}

/// Puts the place of an object before the field of an error, and both before its sentence.
fn placed<T>(place: &str, result: Result<T, AdminError>) -> Result<T, AdminError> {
    result.map_err(|error| match error.within(place) {
        AdminError::Invalid { field, code, message } => {
            let message = if field.is_empty() || message.starts_with(&field) {
                message
            } else {
                format!("{field}: {message}")
            };
            AdminError::Invalid { field, code, message }
        }
        other => other,
    })
}

/// An object of the document.
struct Described<'a> {
    /// Where it stands in the document.
    place: &'a str,
    object: ConfigObject,
    name: String,
    /// When what it replaces was last saved, and how that is shown.
    before: Option<(i64, Value)>,
    /// How it will be shown.
    after: Value,
    /// What of the document was left out.
    left_out: Vec<String>,
}

impl Planner<'_> {
    /// Adds an object, unless it is there as it is; `refuse` says whether this server takes it.
    fn add(
        &mut self,
        described: Described<'_>,
        refuse: impl FnOnce() -> Result<(), AdminError>,
    ) -> Result<(), AdminError> {
        let Described {
            place,
            object,
            name,
            before,
            after,
            left_out,
        } = described;
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
                difference(&before, &after),
            ),
            None => (
                WhatChanges::Create,
                Precondition::Absent(key.clone()),
                String::new(),
            ),
        };
        placed(place, refuse())?;
        self.plan.save.preconditions.push(precondition);
        self.plan.summary.changes.push(PlannedChange {
            kind: key.kind_name(),
            id: key.id_text().into(),
            name,
            change: what,
            difference,
            left_out,
        });
        self.plan.save.changes.push(Change::Put(object));
        Ok(())
    }

    /// Makes what was added so far visible to what refers to it.
    fn advance(&mut self, from: usize) -> Result<(), AdminError> {
        let added = &self.plan.save.changes[from..];
        if !added.is_empty() {
            self.catalog = self.catalog.apply(&[], added)?;
        }
        Ok(())
    }

    fn settings(&mut self, settings: Option<SettingsDto>) -> Result<(), AdminError> {
        let Some(form) = settings else { return Ok(()) };
        let before = self.catalog.settings.clone();
        let saved_at_ms = saved_at(self.now_ms, before.updated_at_ms);
        let settings = placed("settings", form.into_settings(&before, saved_at_ms))?;
        let from = self.plan.save.changes.len();
        let described = Described {
            place: "settings",
            name: String::new(),
            before: Some((before.updated_at_ms, to_json(&SettingsDto::from(&*before)))),
            after: to_json(&SettingsDto::from(&settings)),
            left_out: Vec::new(),
            object: ConfigObject::Settings(settings),
        };
        self.add(described, || Ok(()))?;
        self.advance(from)
    }

    fn add_all<R: Resource>(&mut self, list: &str, forms: Vec<R::Form>) -> Result<(), AdminError> {
        let from = self.plan.save.changes.len();
        for (n, mut form) in forms.into_iter().enumerate() {
            let place = format!("{list}[{n}]");
            let before: Option<R> = R::id_of(&form).and_then(|id| R::get(&self.catalog, id)).cloned();
            let saved_at_ms = before.as_ref().map_or(self.now_ms, |object| {
                saved_at(self.now_ms, object.updated_at_ms())
            });
            let left_out = R::adopt(&mut form, before.as_ref());
            let object = placed(
                &place,
                R::check(form, before.as_ref(), &self.catalog, saved_at_ms),
            )?;
            let show = |object: &R| to_json(&object.show(Showing::saved(&self.catalog, "")));
            let described = Described {
                place: &place,
                name: object.name().to_owned(),
                before: before.map(|object| (object.updated_at_ms(), show(&object))),
                after: show(&object),
                left_out,
                object: object.clone().into_object(),
            };
            let limits = self.limits;
            self.add(described, || object.refuse(limits))?;
        }
        self.advance(from)
    }
}

/// A document names an object once: which of two descriptions is meant cannot be told.
fn named_twice(key: &ConfigKey) -> AdminError {
    let field = match key {
        ConfigKey::Link(_) => "token",
        _ => "id",
    };
    let message = format!(
        "the document names {} {} twice: keep one of the two, or give one another id",
        key.kind_name(),
        key.id_text()
    );
    AdminError::invalid(field, "duplicate", message)
}
