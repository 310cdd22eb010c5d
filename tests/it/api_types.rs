//! The types that the web interface is checked with are those of the API's own document: `web/src/api/schema.d.ts`
//! is made from it here, and this test fails when it is not up to date. A field that is renamed on the server
//! therefore breaks the type check of every screen that reads it.
//!
//! After a change of the API: `YAMABIKO_WRITE_DOCS=1 cargo test --test it api_types`, then `npm run check` in `web/`.
//!
//! 2026-11-21: our own generator, since the document uses a small part of JSON Schema, and a page of code that
//! refuses the rest is less than a pinned package with its own parser.

use serde_json::{Map, Value};
use std::fmt::Write;
use std::path::Path;

const FILE: &str = "web/src/api/schema.d.ts";
/// The pages of lists are one generic type.
const PAGE: &str = "Page_";

#[test]
fn the_types_of_the_web_interface_are_those_of_the_api() {
    let document = serde_json::to_value(yamabiko::http::api::document()).unwrap();
    let made = declarations(document["components"]["schemas"].as_object().unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("YAMABIKO_WRITE_DOCS").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    if let Some((line, (is, was))) = made
        .lines()
        .zip(kept.lines().chain(std::iter::repeat("")))
        .enumerate()
        .find(|(_, (is, was))| is != was)
    {
        panic!(
            "{FILE}:{}: the API says `{is}`, the file `{was}`: YAMABIKO_WRITE_DOCS=1 cargo test --test it api_types",
            line + 1
        );
    }
    assert_eq!(
        made.lines().count(),
        kept.lines().count(),
        "{FILE} has more lines"
    );
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = serde_json::to_value(yamabiko::http::api::document()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    let mut named = text.split("#/components/schemas/").skip(1);
    let lost = named.find_map(|rest| {
        let name = rest.split('"').next().unwrap();
        (!schemas.contains_key(name)).then_some(name)
    });
    assert_eq!(lost, None, "list it among the schemas of src/http/api/mod.rs");
}

/// One interface or type a schema, in the order of their names.
fn declarations(schemas: &Map<String, Value>) -> String {
    let mut out = String::from(
        "// Made from the API's own document by tests/it/api_types.rs; do not edit.\n\
         // A field with `?` may be left out of a request; answers hold it, unless it is described otherwise.\n",
    );
    let page = schemas.iter().find(|(name, _)| name.starts_with(PAGE));
    let pages = page.map(|(_, schema)| {
        let mut schema = schema.clone();
        schema["properties"]["items"] = serde_json::json!({ "$generic": "T[]" });
        ("Page<T>".to_owned(), schema)
    });
    let others = schemas
        .iter()
        .filter(|(name, _)| !name.starts_with(PAGE))
        .map(|(name, schema)| (name.clone(), schema.clone()));
    for (name, schema) in others.chain(pages) {
        comment(&mut out, "", schema["description"].as_str());
        if schema["type"] == "object" && schema["properties"].is_object() {
            writeln!(out, "export interface {name} {}", object(&schema, "")).unwrap();
        } else {
            writeln!(out, "export type {name} = {};", kind(&schema, "")).unwrap();
        }
    }
    out
}

fn comment(out: &mut String, indent: &str, text: Option<&str>) {
    if let Some(text) = text {
        let text = text.replace('\n', " ").replace("*/", "* /");
        writeln!(out, "{indent}/** {text} */").unwrap();
    }
}

fn object(schema: &Value, indent: &str) -> String {
    let inner = format!("{indent}  ");
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut out = String::from("{\n");
    for (name, property) in schema["properties"].as_object().unwrap() {
        comment(&mut out, &inner, description(property));
        let may_lack = if required.contains(&name.as_str()) {
            ""
        } else {
            "?"
        };
        writeln!(out, "{inner}{}{may_lack}: {};", key(name), kind(property, &inner)).unwrap();
    }
    out + indent + "}"
}

/// A property that may be `null` carries its description inside.
fn description(property: &Value) -> Option<&str> {
    let inside = property["oneOf"].as_array().and_then(|parts| parts.first());
    property["description"]
        .as_str()
        .or_else(|| inside.and_then(|part| part["description"].as_str()))
}

fn key(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

/// The TypeScript type of a schema.
fn kind(schema: &Value, indent: &str) -> String {
    if let Some(generic) = schema["$generic"].as_str() {
        return generic.to_owned();
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap().to_owned();
    }
    for (word, joint) in [("oneOf", " | "), ("anyOf", " | "), ("allOf", " & ")] {
        if let Some(parts) = schema[word].as_array() {
            let parts: Vec<String> = parts.iter().map(|part| kind(part, indent)).collect();
            return parts.join(joint);
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(Value::to_string).collect();
        return words.join(" | ");
    }
    match &schema["type"] {
        Value::String(one) => simple(one, schema, indent),
        Value::Array(several) => {
            let several: Vec<String> = several
                .iter()
                .map(|one| simple(one.as_str().unwrap(), schema, indent))
                .collect();
            several.join(" | ")
        }
        _ if schema
            .as_object()
            .is_some_and(|s| s.keys().all(|k| k == "description" || k == "default")) =>
        {
            "unknown".to_owned()
        }
        _ => panic!("this part of JSON Schema is not known here: {schema}"),
    }
}

fn simple(name: &str, schema: &Value, indent: &str) -> String {
    match name {
        "string" | "boolean" | "null" => name.to_owned(),
        "integer" | "number" => "number".to_owned(),
        "array" => match schema["prefixItems"].as_array() {
            Some(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| kind(part, indent)).collect();
                format!("[{}]", parts.join(", "))
            }
            None => {
                let item = kind(&schema["items"], indent);
                if item.contains(" | ") || item.contains(" & ") {
                    format!("({item})[]")
                } else {
                    format!("{item}[]")
                }
            }
        },
        "object" if schema["properties"].is_object() => object(schema, indent),
        "object" => match &schema["additionalProperties"] {
            Value::Object(_) => format!(
                "Record<string, {}>",
                kind(&schema["additionalProperties"], indent)
            ),
            _ => "Record<string, unknown>".to_owned(),
        },
        other => panic!("type {other} is not known here"),
    }
}
