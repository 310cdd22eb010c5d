//! What the OpenAPI document says beside what is made from the code: who may call, where, what every answer means, and
//! the endpoints of tracking, whose requests are read too leniently for a derived schema.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

const TRACKING: &str = include_str!("tracking.json");

/// Operations that nobody has to be known for.
const OPEN: [&str; 3] = ["setup_status", "setup_claim", "sign_in"];

/// The document with everything that is said of it.
///
/// # Errors
/// A gap between this file and the document, which a test finds.
pub(super) fn complete(document: &OpenApi) -> serde_json::Result<Value> {
    let mut whole = serde_json::to_value(document)?;
    whole["servers"] = json!([{"url": "/", "description": "This server"}]);
    whole["security"] = json!([{"bearer": []}, {"login": []}]);
    let items = whole["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut);
    for operation in items.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        describe(operation);
    }
    let mut tracking: Value = serde_json::from_str(TRACKING)?;
    tracking["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API token, or a token of a partner or offer."},
        "login": {"type": "apiKey", "in": "cookie", "name": "__Host-yamabiko", "description": "What signing in sets."},
    });
    add(&mut whole, tracking);
    fix_lengths(&mut whole);
    let schemas = whole["components"]["schemas"].clone();
    merge_parts(&mut whole, &schemas);
    name_items(&mut whole["components"]["schemas"], &schemas);
    Ok(whole)
}

/// The items of a page are the objects of that name, not others that look the same.
fn name_items(pages: &mut Value, schemas: &Value) {
    for (name, page) in pages.as_object_mut().into_iter().flatten() {
        if let Some(item) = name.strip_prefix("Page_")
            && schemas.get(item).is_some()
        {
            page["properties"]["items"]["items"] = json!({"$ref": format!("#/components/schemas/{item}")});
        }
    }
}

/// An object that is put together from others (`allOf`) becomes one object: a part that takes no other members would
/// refuse those of the other parts, and generators of clients know the whole better.
fn merge_parts(schema: &mut Value, schemas: &Value) {
    match schema {
        Value::Object(members) => {
            members
                .values_mut()
                .for_each(|member| merge_parts(member, schemas));
            let Some(Value::Array(parts)) = members.remove("allOf") else {
                return;
            };
            let (mut properties, mut required) = (Map::new(), Vec::new());
            for part in &parts {
                let name = part["$ref"].as_str().and_then(|at| at.rsplit('/').next());
                let part = name.map_or(part, |name| &schemas[name]);
                properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
                required.extend(part["required"].as_array().cloned().unwrap_or_default());
            }
            members.insert("type".into(), "object".into());
            members.insert("properties".into(), properties.into());
            members.insert("required".into(), required.into());
        }
        Value::Array(items) => items.iter_mut().for_each(|item| merge_parts(item, schemas)),
        _ => {}
    }
}

/// Lists of fixed length: most generators know their length better than `items: false`.
fn fix_lengths(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(length) = members.get("prefixItems").and_then(Value::as_array).map(Vec::len)
                && members.get("items") == Some(&Value::Bool(false))
            {
                members.remove("items");
                members.insert("minItems".into(), length.into());
                members.insert("maxItems".into(), length.into());
            }
            members.values_mut().for_each(fix_lengths);
        }
        Value::Array(items) => items.iter_mut().for_each(fix_lengths),
        _ => {}
    }
}

/// Who need not be known, and a description for each answer that has none.
fn describe(operation: &mut Value) {
    if operation["operationId"]
        .as_str()
        .is_some_and(|id| OPEN.contains(&id))
    {
        operation["security"] = json!([]);
    }
    let answers = operation["responses"].as_object_mut();
    for (status, answer) in answers.into_iter().flatten() {
        if answer["description"].as_str().is_none_or(str::is_empty) && answer.get("$ref").is_none() {
            answer["description"] = Value::from(match status.as_str() {
                "200" => "What was asked for.",
                "201" => "It was made.",
                "202" => "It was taken and is under way.",
                "204" => "It was done; there is nothing to say.",
                _ => "See the summary.",
            });
        }
    }
}

/// Adds the members of objects to those that are there.
fn add(to: &mut Value, from: Value) {
    match (to, from) {
        (Value::Object(to), Value::Object(from)) => {
            for (name, value) in from {
                add(to.entry(name).or_insert(Value::Null), value);
            }
        }
        (to, from) => *to = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_of_tracking_have_names_of_their_own() {
        let tracking: Value = serde_json::from_str(TRACKING).unwrap();
        let mut without = tracking["components"]["schemas"].as_object().unwrap().clone();
        let names: Vec<String> = without.keys().cloned().collect();
        let whole = crate::http::api::document();
        for name in names {
            let said = without.remove(&name).unwrap();
            assert_eq!(whole["components"]["schemas"][&name], said, "{name}");
        }
    }
}
