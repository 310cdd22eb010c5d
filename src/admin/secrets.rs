//! Secrets of partners: set, replaced and deleted by name, never shown.

use super::resource::{self, find};
use super::save::{Note, Save, saved_at};
use super::{AdminError, Showing, check};
use crate::delivery::holds::{HoldCause, Holds};
use crate::delivery::survey::Ending;
use crate::domain::ids::{PartnerId, RuleId};
use crate::domain::money::Money;
use crate::domain::partner::Partner;
use crate::domain::secret::{
    MOST_OF_PARTNER, PartnerSecret, SEALED, SecretId, SecretName, SecretText, TokenSource, VALUE_BYTES,
};
use crate::domain::template::token_form;
use crate::recorder::Recorder;
use crate::reports::PartnerScope;
use crate::store::catalog::{Catalog, Change, ConfigKey, ConfigObject};
use serde::{Deserialize, Serialize};

/// A secret as it is shown: everything but its value.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SecretDto {
    /// Rules use it as `{secret.NAME}`.
    pub name: String,
    /// Unix milliseconds of the last change.
    pub updated_at_ms: i64,
    /// It is sealed with a key that the server was not given: what needs it waits.
    pub is_sealed: bool,
    /// Where its value comes from, when it expires.
    pub token: Option<TokenSource>,
    /// Rules that use it.
    pub used_by: Vec<RuleId>,
}

/// Why the postbacks of a partner wait.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct HoldDto {
    /// The partner; `null`: the advertiser's own servers.
    pub partner: Option<PartnerId>,
    /// Its name.
    pub name: String,
    /// Why.
    pub cause: HoldCause,
    /// Name of the secret, or what the partner said.
    pub detail: String,
    /// Since when, unix milliseconds.
    pub since_ms: i64,
}

/// What waits for a partner that is held.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct HeldQueueDto {
    /// The partner; empty: the advertiser's own servers.
    pub partner: String,
    /// Its name.
    pub name: String,
    /// Postbacks that wait.
    pub postbacks: u64,
    /// Of the bytes that may wait, in percent.
    pub percent: u64,
}

/// Postbacks that will be too old for their rule within a day.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct EndingDto {
    /// How many.
    pub postbacks: u64,
    /// The money of their conversions, one of each currency.
    pub money: Vec<Money>,
    /// When the first one is too old, unix milliseconds.
    pub first_at_ms: i64,
}

impl EndingDto {
    /// As it is shown.
    pub fn of(ending: &Ending) -> Self {
        Self {
            postbacks: ending.postbacks,
            money: ending.money.clone(),
            first_at_ms: ending.first_at_ms,
        }
    }
}

/// What waits for each partner that is held, the longest queue first.
pub fn held_queues(recorder: &Recorder) -> Vec<HeldQueueDto> {
    let (catalog, queues) = (recorder.catalog(), recorder.rooms().held());
    let most = queues.most().max(1);
    let shown = queues.list().into_iter().map(|queue| {
        let mut partners = catalog.partners.values();
        let partner = partners.find(|partner| partner.id.as_str() == queue.partner);
        HeldQueueDto {
            name: partner.map_or_else(String::new, |partner| partner.name.clone()),
            partner: queue.partner,
            postbacks: queue.postbacks,
            percent: queue.bytes.saturating_mul(100) / most,
        }
    });
    shown.collect()
}

/// The secrets of a partner.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SecretList {
    /// By name.
    pub items: Vec<SecretDto>,
    /// Names that rules of the partner use and that are not there.
    pub missing: Vec<String>,
    /// Why its postbacks wait; `null`: they are sent.
    pub hold: Option<HoldDto>,
}

/// What a secret is set to.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretForm {
    /// Its value; left out: what is there stays.
    #[serde(default)]
    pub value: Option<String>,
    /// Where its value comes from, when it expires.
    #[serde(default)]
    pub token: Option<TokenSource>,
}

/// The secrets of a partner that somebody may see.
pub fn list(
    partner: &str,
    scope: &PartnerScope,
    catalog: &Catalog,
    holds: &Holds,
) -> Result<SecretList, AdminError> {
    let seen = resource::read::<Partner>(partner, scope, Showing::saved(catalog, ""))?;
    let items: Vec<SecretDto> = catalog
        .secrets_of(partner)
        .map(|secret| shown(secret, catalog))
        .collect();
    let rules = catalog.rules.values();
    let own = rules.filter(|rule| rule.rule.secret_owner().is_some_and(|id| id.as_str() == partner));
    let mut missing: Vec<String> = own
        .flat_map(|rule| rule.secret_names())
        .filter(|name| !items.iter().any(|item| item.name == *name))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    let hold = seen.id.as_ref().and_then(|id| {
        let hold = holds.of(Some(id))?;
        Some(HoldDto {
            partner: Some(id.clone()),
            name: seen.name.clone(),
            cause: hold.cause,
            detail: hold.detail,
            since_ms: hold.since_ms,
        })
    });
    Ok(SecretList { items, missing, hold })
}

/// Every partner whose postbacks wait.
pub fn held(catalog: &Catalog, holds: &Holds) -> Vec<HoldDto> {
    let all = holds.all().into_iter();
    all.map(|(id, hold)| {
        let partner = catalog
            .partners
            .values()
            .find(|partner| partner.id.as_str() == id);
        HoldDto {
            partner: partner.map(|partner| partner.id.clone()),
            name: partner.map_or_else(String::new, |partner| partner.name.clone()),
            cause: hold.cause,
            detail: hold.detail,
            since_ms: hold.since_ms,
        }
    })
    .collect()
}

fn shown(secret: &PartnerSecret, catalog: &Catalog) -> SecretDto {
    let uses = |rule: &&std::sync::Arc<crate::domain::plan::CompiledRule>| {
        rule.rule.secret_owner() == Some(&secret.partner)
            && rule
                .secret_names()
                .iter()
                .any(|name| name == secret.name.as_str())
    };
    SecretDto {
        name: secret.name.as_str().to_owned(),
        updated_at_ms: secret.updated_at_ms,
        is_sealed: secret.value.is_sealed(),
        token: secret.token.clone(),
        used_by: catalog
            .rules
            .values()
            .filter(uses)
            .map(|rule| rule.rule.id.clone())
            .collect(),
    }
}

fn secret_name(text: &str) -> Result<SecretName, AdminError> {
    SecretName::try_from(text.to_owned())
        .map_err(|error| AdminError::invalid("name", "secret_name", error.to_string()))
}

/// Checks a secret. Gives it as it will be shown, and the change that sets it.
pub fn set(
    partner: &str,
    name: &str,
    form: SecretForm,
    catalog: &Catalog,
    now_ms: i64,
) -> Result<(SecretDto, Save), AdminError> {
    let owner: &Partner = find(catalog, partner)?;
    let name = secret_name(name)?;
    let id = SecretId::new(&owner.id, &name);
    let before = catalog.secrets.get(&id);
    if before.is_none() && catalog.secrets_of(partner).count() >= MOST_OF_PARTNER {
        let message =
            format!("a partner has at most {MOST_OF_PARTNER} secrets: delete one that no rule uses");
        return Err(AdminError::invalid("name", "too_many_secrets", message));
    }
    if let Some(token) = &form.token {
        check_token(token)?;
    }
    let value = match (form.value, before) {
        (Some(value), _) => SecretText::Open(checked_value(&value, form.token.is_some())?),
        (None, Some(before)) => before.value.clone(),
        (None, None) if form.token.is_some() => SecretText::Open(String::new()),
        (None, None) => return Err(empty_value()),
    };
    let secret = PartnerSecret {
        partner: owner.id.clone(),
        name,
        value,
        token: form.token,
        updated_at_ms: saved_at(now_ms, before.map_or(0, |before| before.updated_at_ms)),
    };
    let shown = shown(&secret, catalog);
    let action = if before.is_some() {
        "secret.replace"
    } else {
        "secret.set"
    };
    let detail = secret
        .token
        .as_ref()
        .map_or(String::new(), |token| token.url.clone());
    let save = Save {
        changes: vec![Change::Put(ConfigObject::Secret(secret))],
        notes: vec![Note::new(action, id.to_string()).detail(detail)],
        ..Save::default()
    };
    Ok((shown, save))
}

/// The change that deletes a secret.
pub fn delete(partner: &str, name: &str, catalog: &Catalog) -> Result<Save, AdminError> {
    let owner: &Partner = find(catalog, partner)?;
    let id = SecretId::new(&owner.id, &secret_name(name)?);
    if !catalog.secrets.contains_key(&id) {
        return Err(AdminError::not_found("secret", name));
    }
    let note = Note::new("secret.delete", id.to_string());
    Ok(Save::remove(ConfigKey::Secret(id), note))
}

fn empty_value() -> AdminError {
    AdminError::invalid("value", "empty", "paste the secret as the partner gave it")
}

fn checked_value(text: &str, may_be_empty: bool) -> Result<String, AdminError> {
    let value = text.trim();
    if value.is_empty() && !may_be_empty {
        return Err(empty_value());
    }
    let is_bad = |c: char| c.is_control() && c != '\n';
    if value.len() > VALUE_BYTES || value.contains(is_bad) || value.starts_with(SEALED) {
        return Err(AdminError::invalid(
            "value",
            "secret_value",
            "a secret is a text of at most 16 KiB without control characters: paste it as the partner gave it",
        ));
    }
    Ok(value.to_owned())
}

fn check_token(token: &TokenSource) -> Result<(), AdminError> {
    check::web_url("token.url", &token.url)?;
    if let Err(findings) = token_form(&token.form) {
        let first = findings.into_iter().next();
        let message = first.map_or_else(
            || {
                "write the form as pairs, such as grant_type=refresh_token&refresh_token={secret.refresh}"
                    .into()
            },
            |found| format!("{} {}", found.message, found.remedy),
        );
        return Err(AdminError::invalid("token.form", "token_form", message));
    }
    if !token.pointer.is_empty() && !crate::domain::answer::is_pointer(&token.pointer) {
        let message = "write a JSON pointer such as /access_token, or leave it empty";
        return Err(AdminError::invalid("token.pointer", "bad_pointer", message));
    }
    Ok(())
}

/// Ends the hold of a partner by hand. Gives the entry of the audit log.
pub fn let_go_on(
    partner: &str,
    scope: &PartnerScope,
    recorder: &Recorder,
    holds: &Holds,
) -> Result<Note, AdminError> {
    let catalog = recorder.catalog();
    let owner: &Partner = find(&catalog, partner)?;
    if !scope.sees(Some(&owner.id)) {
        return Err(AdminError::not_found("partner", partner));
    }
    holds.end(recorder, Some(&owner.id));
    Ok(Note::new("partner.go_on", partner))
}
