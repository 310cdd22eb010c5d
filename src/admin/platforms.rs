//! Connecting a platform from its preset: the partner, its secrets and its rules, saved in one commit or not at all.
//! The screen, the API and the command line call the same function.

use super::partners::PartnerDto;
use super::random::new_id;
use super::resource::{self, Saving};
use super::rules::{RuleDto, findings};
use super::save::Save;
use super::secrets::{self, SecretForm};
use super::{AdminError, Resource, Showing};
use crate::domain::first_request::{Shown, first_requests};
use crate::domain::ids::{OfferId, RuleId};
use crate::domain::partner::{ClickParameter, DeliverySettings, Partner};
use crate::domain::preset::{self, Chosen, FillError, Platform, Preset, Told};
use crate::domain::rule::{Credit, EventWord, Rule};
use crate::domain::secret::TokenSource;
use crate::domain::template::Finding;
use crate::domain::template::sample::Sample;
use crate::store::catalog::Catalog;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is filled in to connect a platform.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectForm {
    /// Name of the partner; the preset's unless given.
    #[schema(max_length = 200)]
    pub name: String,
    /// Values of the preset's blanks by name, secrets among them.
    pub blanks: BTreeMap<String, String>,
    /// Events that are sent, with the platform's words; empty: the preset's usual ones.
    #[schema(max_items = 200)]
    pub events: Vec<EventWord>,
    /// When the platform is told.
    pub told: Told,
    /// Only conversions of this offer.
    pub offer: Option<OfferId>,
    /// Only say what would be made and sent.
    pub dry_run: bool,
}

/// A platform that was connected.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Connected {
    /// The partner.
    pub partner: PartnerDto,
    /// Its rules.
    pub rules: Vec<RuleDto>,
    /// Names of its secrets.
    pub secrets: Vec<String>,
    /// What the checks of the rules say.
    pub findings: Vec<Finding>,
    /// What the rules send of a sample conversion; secrets stand in it by name.
    pub requests: Vec<Shown>,
}

/// The preset of an id, if it has a conversion API.
fn platform_of(id: &str) -> Result<(&'static Preset, &'static Platform), AdminError> {
    let preset = preset::find(id).ok_or_else(|| AdminError::not_found("preset", id))?;
    let platform = preset.platform.as_ref().ok_or_else(|| {
        let message = "this preset has no conversion API: make a partner from it and enter its postback URL";
        AdminError::invalid("preset", "no_platform", message)
    })?;
    Ok((preset, platform))
}

fn refused(error: &FillError) -> AdminError {
    let (field, code) = match error {
        FillError::Missing { blank } => (format!("blanks.{blank}"), "empty"),
        FillError::Character { blank, .. } | FillError::Shape { blank, .. } => {
            (format!("blanks.{blank}"), "blank_shape")
        }
        FillError::Unknown { blank } => (format!("blanks.{blank}"), "unknown_field"),
        FillError::NoEvents => ("events".to_owned(), "empty"),
        FillError::Word { at, .. } => (format!("events[{at}].word"), "blank_shape"),
    };
    AdminError::invalid(field, code, error.to_string())
}

/// What a preset sends first, with examples for what is not given.
pub fn show(
    id: &str,
    values: &BTreeMap<String, String>,
    events: &[EventWord],
) -> Result<Vec<Shown>, AdminError> {
    let (preset, _) = platform_of(id)?;
    first_requests(preset, values, events).map_err(|error| refused(&error))
}

/// Checks what is to be connected. Gives it as it will be shown, and the change that saves it.
pub fn connect(id: &str, form: ConnectForm, saving: &Saving<'_>) -> Result<(Connected, Save), AdminError> {
    let (preset, platform) = platform_of(id)?;
    let values = platform
        .checked_values(&form.blanks)
        .map_err(|error| refused(&error))?;
    let events = platform
        .checked_events(&form.events)
        .map_err(|error| refused(&error))?;
    let requests = first_requests(preset, &values, &events).map_err(|error| refused(&error))?;
    let partner = partner_of(preset, platform, &form, &values)?;
    let (shown, mut save) = resource::create::<Partner>(partner, saving)?;
    let owner = shown.id.clone().ok_or(AdminError::Defect {
        what: "a partner without an id",
    })?;
    let mut secrets = Vec::new();
    for (name, secret) in secrets_of(platform, &values) {
        let with = saving.catalog.apply(&[], &save.changes)?;
        let (made, change) = secrets::set(owner.as_str(), &name, secret, &with, saving.now_ms)?;
        secrets.push(made.name);
        save = save.and(change);
    }
    let chosen = Chosen {
        values: &values,
        events: &events,
        told: form.told,
        partner: &owner,
        offer: form.offer.as_ref(),
    };
    let (rules, found, save) = with_rules(platform, &chosen, save, saving)?;
    let connected = Connected {
        partner: shown,
        rules,
        secrets,
        findings: found,
        requests,
    };
    Ok((connected, save))
}

/// Adds the rules: they are checked against the configuration that has the partner and its secrets.
fn with_rules(
    platform: &Platform,
    chosen: &Chosen<'_>,
    mut save: Save,
    saving: &Saving<'_>,
) -> Result<(Vec<RuleDto>, Vec<Finding>, Save), AdminError> {
    let with_partner = saving.catalog.apply(&[], &save.changes)?;
    let of_rules = Saving {
        catalog: &with_partner,
        ..*saving
    };
    let mut ids = Vec::new();
    for _ in &platform.rules {
        ids.push(new_id(RuleId::from_random)?);
    }
    let (mut rules, mut found) = (Vec::new(), Vec::new());
    for rule in platform.rules(chosen, ids) {
        let form = RuleDto {
            updated_at_ms: None,
            ..rule.show(Showing::saved(&with_partner, ""))
        };
        found.extend(findings(&rule, Some(&with_partner), saving.limits));
        let (shown, change) = resource::create::<Rule>(form, &of_rules)?;
        rules.push(shown);
        save = save.and(change);
    }
    Ok((rules, found, save))
}

fn partner_of(
    preset: &Preset,
    platform: &Platform,
    form: &ConnectForm,
    values: &BTreeMap<String, String>,
) -> Result<PartnerDto, AdminError> {
    let name = match form.name.trim() {
        "" => preset.name.en.clone(),
        name => name.to_owned(),
    };
    let mut parameters: Vec<ClickParameter> = Vec::new();
    for own in &preset.click {
        parameters.push(ClickParameter {
            name: own.name.clone(),
            para: own.para,
            macro_text: own.macro_text.clone().filter(|_| !own.is_appended),
        });
    }
    for name in platform.click_ids(values) {
        let is_first = !parameters.iter().any(|known| known.para == Some(1));
        if !parameters.iter().any(|known| known.name == name) {
            parameters.push(ClickParameter {
                name,
                para: is_first.then_some(1),
                macro_text: None,
            });
        }
    }
    let partner = PartnerDto {
        preset: Some(preset.id.clone()),
        click_parameters: parameters,
        delivery: DeliverySettings {
            max_per_second: platform.max_per_second.map(Decimal::from),
            ..DeliverySettings::default()
        },
        ..PartnerDto::new(name)
    };
    Ok(partner)
}

/// The secrets by name: what was filled in, then what is fetched with it.
fn secrets_of(platform: &Platform, values: &BTreeMap<String, String>) -> Vec<(String, SecretForm)> {
    let filled = platform.blanks.iter().filter_map(|blank| {
        let form = SecretForm {
            value: Some(values.get(&blank.name)?.clone()),
            token: None,
        };
        Some((blank.secret.clone()?, form))
    });
    let fetched = platform.tokens.iter().map(|token| {
        let source: TokenSource = token.source.clone();
        let form = SecretForm {
            value: None,
            token: Some(source),
        };
        (token.secret.clone(), form)
    });
    filled.chain(fetched).collect()
}

/// Fits the sample to a rule for a platform, so that a test can be taken: of now, of an event that the rule maps, with
/// ids as the platform has them. Other rules see the sample as it is.
pub(super) fn fit(sample: &mut Sample, rule: &Rule, catalog: &Catalog, now_ms: i64) {
    let owner = rule.secret_owner().and_then(|id| catalog.partners.get(id));
    let preset = owner.and_then(|partner| preset::find(partner.preset.as_deref()?));
    let platform = preset.and_then(|preset| preset.platform.as_ref());
    if rule.credit == Credit::Any || platform.is_some() {
        sample.renew(now_ms, rand::random());
        sample.take_event(&rule.event_map);
    }
    if let Some(platform) = platform {
        platform.carry(&mut sample.activity);
    }
}
