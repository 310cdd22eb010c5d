//! Rates between currencies, as operators upload them: a CSV text, all of them at once.

use super::AdminError;
use super::save::{Note, Save, as_read, saved_at};
use crate::domain::account::Settings;
use crate::domain::money::Currency;
use crate::domain::rates::{RateLine, Rates};
use crate::store::catalog::ConfigObject;
use serde::{Deserialize, Serialize};

/// All rates.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RatesDto {
    /// Lines `date,currency,currency,rate`: one unit of the first currency in the second.
    pub text: String,
    /// How many they are.
    pub count: usize,
    /// The second currency of lines that name one only: that of the settings.
    pub currency: Currency,
    /// Lines with mistakes; with one nothing was saved.
    pub errors: Vec<RateLine>,
    /// Of the settings; must be sent back unchanged to replace.
    pub updated_at_ms: i64,
}

/// All rates, to replace those before.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RatesForm {
    /// Lines `date,currency,currency,rate` or `date,currency,rate`, at most 2,000.
    pub text: String,
    /// As it was read.
    #[serde(default)]
    pub updated_at_ms: Option<i64>,
}

/// The rates as they are.
#[must_use]
pub fn show(settings: &Settings) -> RatesDto {
    RatesDto {
        text: settings.rates.clone().into(),
        count: settings.rates.count(),
        currency: settings.currency,
        errors: Vec::new(),
        updated_at_ms: settings.updated_at_ms,
    }
}

/// Reads what is to replace the rates. Gives them as they will be shown, and the change that saves them; without it
/// there are mistakes.
///
/// # Errors
/// It does not say what it replaces.
pub fn replace(
    form: RatesForm,
    before: &Settings,
    now_ms: i64,
) -> Result<(RatesDto, Option<Save>), AdminError> {
    let read_at_ms = as_read(form.updated_at_ms)?;
    let rates = match Rates::parse(&form.text, before.currency) {
        Ok(rates) => rates,
        Err(errors) => {
            let shown = RatesDto {
                text: form.text,
                errors,
                ..show(before)
            };
            return Ok((shown, None));
        }
    };
    let detail = format!("{} -> {} rates", before.rates.count(), rates.count());
    let settings = Settings {
        rates,
        updated_at_ms: saved_at(now_ms, before.updated_at_ms),
        ..before.clone()
    };
    let note = Note::new("rates.update", "").detail(detail);
    Ok((
        show(&settings),
        Some(Save::replace(read_at_ms, ConfigObject::Settings(settings), note)),
    ))
}
