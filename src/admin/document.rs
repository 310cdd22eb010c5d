//! The configuration as one document: settings, offers, partners, links, rules. Taken out as TOML or JSON,
//! taken over with a look at the difference first, and all at once or not at all.
//!
//! Secrets are never in the document. What is taken over keeps the secrets of objects that exist already;
//! users and API tokens stay where they are. Objects that the document does not name are left alone.

use super::save::to_json;
use super::settings::SettingsDto;
use super::{AdminError, Resource, Showing, parse};
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::domain::rule::Rule;
use crate::store::catalog::Catalog;
use serde_json::Value;

/// What the document says it is.
pub(super) const FORMAT: &str = "yamabiko-configuration-1";
/// Fields of objects that say nothing about the configuration.
const LEFT_OUT: [&str; 4] = ["urls", "updated_at_ms", "created_at_ms", "broken"];

/// The configuration as a document, without secrets.
pub fn export(catalog: &Catalog) -> Value {
    serde_json::json!({
        "format": FORMAT,
        "settings": bare(to_json(&SettingsDto::from(&*catalog.settings))),
        "offers": forms::<Offer>(catalog),
        "partners": forms::<Partner>(catalog),
        "links": forms::<Link>(catalog),
        "rules": forms::<Rule>(catalog),
    })
}

fn forms<R: Resource>(catalog: &Catalog) -> Vec<Value> {
    let shown = |object: &R| bare(to_json(&object.show(Showing::saved(catalog, ""))));
    R::all(catalog).map(shown).collect()
}

/// Without what the server sets by itself, and without nulls: TOML has none, and absent means the same.
pub(super) fn bare(mut object: Value) -> Value {
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
pub fn to_toml(document: &Value) -> Result<String, AdminError> {
    toml::to_string_pretty(document).map_err(|_| AdminError::Defect { what: "writing TOML" })
}

/// Reads a document, TOML or JSON.
pub fn read(text: &str) -> Result<Value, AdminError> {
    if text.trim_start().starts_with('{') {
        return parse::parse_json(text.as_bytes());
    }
    toml::from_str(text).map_err(|error| {
        AdminError::invalid(
            "text",
            "invalid_toml",
            format!("the document cannot be read: {error}"),
        )
    })
}
