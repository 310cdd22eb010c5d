//! One row of a file as the object that it describes, in the form in which documents hold it. What is there already
//! and what the row does not speak of stays as it is.

use super::SheetKind;
use super::columns::code;
use crate::admin::random::new_id;
use crate::admin::save::to_json;
use crate::admin::{AdminError, Resource, Showing, document};
use crate::domain::activity::ActivityKind;
use crate::domain::ids::{OfferId, PartnerId, RuleId};
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::domain::rule::{Rule, RuleScope};
use crate::store::catalog::Catalog;
use serde_json::{Map, Value, json};

/// The cells of a row by field; empty ones are left out.
pub type Cells<'a> = Vec<(&'static str, &'a str)>;

/// What a row adds to a document.
#[derive(Debug, Default)]
pub struct Described {
    pub partners: Vec<Value>,
    pub links: Vec<Value>,
    pub rules: Vec<Value>,
}

const STATUSES: [&str; 3] = ["pending", "approved", "rejected"];

fn cell<'a>(cells: &Cells<'a>, name: &str) -> Option<&'a str> {
    cells.iter().find(|(own, _)| *own == name).map(|(_, text)| *text)
}

fn wrong(field: &str, code: &'static str, message: impl Into<String>) -> AdminError {
    AdminError::invalid(field, code, message)
}

/// Reads a row.
pub fn describe(kind: SheetKind, cells: &Cells<'_>, catalog: &Catalog) -> Result<Described, AdminError> {
    match kind {
        SheetKind::Partners => partner(cells, catalog),
        SheetKind::Links => Ok(Described {
            links: vec![link(cells, catalog)?],
            ..Described::default()
        }),
        SheetKind::Rules => Ok(Described {
            rules: vec![rule(cells, catalog)?],
            ..Described::default()
        }),
    }
}

/// An object as a document holds it.
fn form<R: Resource>(object: &R, catalog: &Catalog) -> Map<String, Value> {
    match document::bare(to_json(&object.show(Showing::saved(catalog, "")))) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The one of that id or, else, of that name.
fn named<'c, R: Resource>(
    field: &str,
    text: &str,
    catalog: &'c Catalog,
    id: impl Fn(&R) -> &str,
) -> Result<&'c R, AdminError> {
    let by_id = R::all(catalog).find(|object| id(object) == text);
    if let Some(found) = by_id {
        return Ok(found);
    }
    let mut by_name = R::all(catalog).filter(|object| object.name() == text);
    match (by_name.next(), by_name.next()) {
        (Some(found), None) => Ok(found),
        (None, _) => Err(wrong(
            field,
            "unknown_name",
            format!("there is no {} of the id or name {text}: save it first", R::KIND),
        )),
        (Some(_), Some(_)) => Err(wrong(
            field,
            "ambiguous_name",
            format!("several have the name {text}: use the id"),
        )),
    }
}

fn offer_named<'c>(text: &str, catalog: &'c Catalog) -> Result<&'c Offer, AdminError> {
    named("offer", text, catalog, |offer: &Offer| offer.id.as_str())
}

fn partner_named<'c>(text: &str, catalog: &'c Catalog) -> Result<&'c Partner, AdminError> {
    named("partner", text, catalog, |partner: &Partner| partner.id.as_str())
}

fn partner(cells: &Cells<'_>, catalog: &Catalog) -> Result<Described, AdminError> {
    let asked: Option<PartnerId> = cell(cells, "id")
        .map(|text| {
            text.parse()
                .map_err(|e| wrong("id", "invalid_id", format!("an id {e}")))
        })
        .transpose()?;
    let by_id = asked.as_ref().and_then(|id| Partner::get(catalog, id));
    // A file that is taken over twice makes nobody twice.
    let by_name = || {
        let name = cell(cells, "name").filter(|_| asked.is_none())?;
        Partner::all(catalog).find(|partner| partner.name == name)
    };
    let before = by_id.or_else(by_name);
    let mut fields = before.map_or_else(Map::new, |partner| form(partner, catalog));
    let id = match (before, asked) {
        (Some(partner), _) => partner.id.clone(),
        (None, Some(id)) => id,
        (None, None) => new_id(PartnerId::from_random)?,
    };
    fields.insert("id".into(), json!(id));
    for name in ["name", "preset", "note"] {
        if let Some(text) = cell(cells, name) {
            fields.insert(name.into(), json!(text));
        }
    }
    if let Some(text) = cell(cells, "parameters") {
        fields.insert("click_parameters".into(), parameters(text)?);
    }
    if let Some(text) = cell(cells, "categories") {
        let names = text
            .split(['/', ',', '、'])
            .map(str::trim)
            .filter(|name| !name.is_empty());
        fields.insert("categories".into(), json!(names.collect::<Vec<_>>()));
    }
    let urls = [
        ("postback", &[][..]),
        ("postback_pending", &["pending"][..]),
        ("postback_approved", &["approved"][..]),
        ("postback_rejected", &["rejected"][..]),
    ];
    let mut rules = Vec::new();
    for (column, statuses) in urls {
        let Some(text) = cell(cells, column) else { continue };
        let is_there = Rule::all(catalog).any(|rule| {
            rule.text == text && matches!(&rule.scope, RuleScope::Partner { partner, .. } if *partner == id)
        });
        if !is_there {
            rules.push(json!({
                "id": new_id(RuleId::from_random)?,
                "name": statuses.first().unwrap_or(&""),
                "scope": {"type": "partner", "partner": id},
                "kinds": ["event", "event_update"],
                "statuses": statuses,
                "text": text,
            }));
        }
    }
    Ok(Described {
        partners: vec![Value::Object(fields)],
        rules,
        ..Described::default()
    })
}

/// `param1=##id##&sub={x}`, or names alone: the first name brings PARA1, unless the name says which.
fn parameters(text: &str) -> Result<Value, AdminError> {
    let pairs = text.trim().trim_start_matches(['?', '&']).split('&');
    let mut found: Vec<Value> = Vec::new();
    for pair in pairs.filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = name.trim();
        let numbered = name
            .strip_prefix("param")
            .and_then(|n| n.parse::<u8>().ok())
            .filter(|n| (1..=5).contains(n));
        let para = numbered.or_else(|| found.is_empty().then_some(1));
        let macro_text = Some(value.trim()).filter(|value| !value.is_empty());
        found.push(json!({"name": name, "para": para, "macro_text": macro_text}));
    }
    if found.is_empty() {
        return Err(wrong(
            "parameters",
            "missing_field",
            "write parameters as name=macro, joined by &",
        ));
    }
    Ok(Value::Array(found))
}

fn link(cells: &Cells<'_>, catalog: &Catalog) -> Result<Value, AdminError> {
    let before =
        cell(cells, "token").and_then(|token| Link::all(catalog).find(|l| l.token.as_str() == token));
    let mut fields = before.map_or_else(Map::new, |link| form(link, catalog));
    if let Some(token) = cell(cells, "token") {
        fields.insert("token".into(), json!(token));
    }
    if let Some(text) = cell(cells, "offer") {
        fields.insert("offer".into(), json!(offer_named(text, catalog)?.id));
    }
    let partner = cell(cells, "partner")
        .map(|text| partner_named(text, catalog))
        .transpose()?;
    if let Some(partner) = partner {
        fields.insert("partner".into(), json!(partner.id));
        if before.is_none() {
            fields.insert("network".into(), json!(partner.name));
        }
    }
    let levels = ["network", "campaign", "adgroup", "creative"];
    if let Some(name) = cell(cells, "name") {
        let parts: Vec<&str> = if name.contains("::") {
            name.split("::").collect()
        } else {
            name.split(" › ").collect()
        };
        // One name alone is that of the placement, below the partner.
        let from = usize::from(parts.len() == 1 && partner.is_some_and(|p| p.name != parts[0]));
        for (level, part) in levels.iter().skip(from).zip(&parts) {
            fields.insert((*level).into(), json!(part.trim()));
        }
    }
    for name in levels.into_iter().chain(["note"]) {
        if let Some(text) = cell(cells, name) {
            fields.insert(name.into(), json!(text));
        }
    }
    if let Some(text) = cell(cells, "destination") {
        fields.insert("destinations".into(), json!({"default": text}));
    }
    if let Some(text) = cell(cells, "state") {
        let state = code("state", &["active", "paused"], text);
        let state = state.ok_or_else(|| wrong("state", "invalid_state", "use active or paused"))?;
        fields.insert("state".into(), json!(state));
    }
    Ok(Value::Object(fields))
}

fn rule(cells: &Cells<'_>, catalog: &Catalog) -> Result<Value, AdminError> {
    let before = cell(cells, "id").and_then(|id| Rule::all(catalog).find(|r| r.id.as_str() == id));
    let mut fields = before.map_or_else(Map::new, |rule| form(rule, catalog));
    for name in ["id", "name", "text"] {
        if let Some(text) = cell(cells, name) {
            fields.insert(name.into(), json!(text));
        }
    }
    let offer = cell(cells, "offer")
        .map(|text| offer_named(text, catalog))
        .transpose()?;
    let partner = cell(cells, "partner")
        .map(|text| partner_named(text, catalog))
        .transpose()?;
    match (offer, partner) {
        (offer, Some(partner)) => {
            let offer: Option<&OfferId> = offer.map(|offer| &offer.id);
            fields.insert(
                "scope".into(),
                json!({"type": "partner", "partner": partner.id, "offer": offer}),
            );
        }
        (Some(offer), None) => {
            fields.insert("scope".into(), json!({"type": "offer", "offer": offer.id}));
        }
        (None, None) if before.is_none() => {
            return Err(wrong("partner", "missing_field", "name the partner or the offer"));
        }
        (None, None) => {}
    }
    if let Some(text) = cell(cells, "enabled") {
        fields.insert("enabled".into(), json!(flag(text)?));
    }
    if let Some(text) = cell(cells, "method") {
        fields.insert("method".into(), json!(text.to_ascii_uppercase()));
    }
    let kinds: Vec<&str> = ActivityKind::ALL.iter().map(|kind| kind.as_str()).collect();
    for (field, group, codes) in [("kinds", "kind", &kinds[..]), ("statuses", "status", &STATUSES)] {
        if let Some(text) = cell(cells, field) {
            fields.insert(field.into(), json!(list(field, group, codes, text)?));
        }
    }
    if let Some(text) = cell(cells, "event") {
        let events = offer.into_iter().flat_map(|offer| &offer.events);
        let named = events.into_iter().find(|event| event.name == text);
        fields.insert(
            "event".into(),
            named.map_or_else(|| json!(text), |event| json!(event.token)),
        );
    }
    Ok(Value::Object(fields))
}

fn flag(text: &str) -> Result<bool, AdminError> {
    match text.to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "はい" | "有効" | "オン" | "稼働中" => Ok(true),
        "0" | "false" | "no" | "off" | "いいえ" | "無効" | "オフ" | "停止中" => Ok(false),
        _ => Err(wrong("enabled", "invalid_flag", "use yes or no")),
    }
}

/// Codes with a space, comma, slash or `、` between them.
fn list<'c>(field: &str, group: &str, codes: &[&'c str], text: &str) -> Result<Vec<&'c str>, AdminError> {
    if let Some(one) = code(group, codes, text) {
        return Ok(vec![one]);
    }
    let words = text
        .split([' ', ',', '/', '、', ';'])
        .filter(|word| !word.is_empty());
    words
        .map(|word| {
            code(group, codes, word).ok_or_else(|| {
                wrong(
                    field,
                    "unknown_word",
                    format!("{word} is none of {}", codes.join(", ")),
                )
            })
        })
        .collect()
}
