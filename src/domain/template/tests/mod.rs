//! Tests of templates as a whole, and what they share.

mod checks;
mod destinations;
mod examples;
mod foreign;
mod functions;
mod methods;
mod properties;
mod render;
mod secrets;
mod values;

use super::catalogue::Placeholder;
use super::*;
use crate::domain::postback::{Method, Request};
use crate::domain::rule::{NoData, Rule, RuleBody, RuleScope};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Values by name; parameters of the click as `dcp_<name>`.
#[derive(Debug, Default)]
struct Given {
    values: BTreeMap<String, String>,
    custom: Vec<(String, String)>,
}

impl Given {
    fn new(pairs: &[(&str, &str)]) -> Self {
        let values = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        Self {
            values,
            custom: Vec::new(),
        }
    }
    fn with_custom(mut self, pairs: &[(&str, &str)]) -> Self {
        self.custom = pairs
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        self
    }
}

impl Values for Given {
    fn value(&self, placeholder: &'static Placeholder) -> Option<Cow<'_, str>> {
        self.values
            .get(placeholder.name)
            .map(|value| Cow::Borrowed(value.as_str()))
    }
    fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        self.values
            .get(&format!("dcp_{name}"))
            .map(|value| Cow::Borrowed(value.as_str()))
    }
    fn own_parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        self.values
            .get(&format!("cp_{name}"))
            .map(|value| Cow::Borrowed(value.as_str()))
    }
    fn custom(&self) -> &[(String, String)] {
        &self.custom
    }
}

fn rule(text: &str) -> Rule {
    Rule {
        id: "rule01".parse().unwrap(),
        name: String::new(),
        enabled: true,
        scope: RuleScope::Offer {
            offer: "offer1".parse().unwrap(),
        },
        kinds: Vec::new(),
        event: None,
        statuses: Vec::new(),
        text: text.into(),
        method: Method::Get,
        body: None,
        headers: Vec::new(),
        no_data: NoData::Empty,
        signing_secret: None,
        include_bots: false,
        allow_empty_click_id: false,
        amount_changes: false,
        credit: Default::default(),
        secrets_of: None,
        event_map: Vec::new(),
        needs: Vec::new(),
        max_age_h: None,
        consent: Default::default(),
        full_address: false,
        test: None,
        answers: None,
        second_look: None,
        updated_at_ms: 0,
    }
}

fn post(body: RuleBody) -> Rule {
    Rule {
        method: Method::Post,
        body: Some(body),
        ..rule("https://h.example/p")
    }
}

fn requests(rule: &Rule, values: &Given) -> Vec<Result<Request, Unrenderable>> {
    let compiled = compile(rule).unwrap();
    let holds = |entry: &&Entry| entry.condition.as_ref().is_none_or(|c| c.evaluate(values).holds);
    compiled
        .text
        .entries
        .iter()
        .filter(holds)
        .map(|entry| compiled.render(entry, values))
        .collect()
}

fn urls(text: &str, values: &Given) -> Vec<String> {
    requests(&rule(text), values)
        .into_iter()
        .map(|request| request.unwrap().url)
        .collect()
}

fn url_with(no_data: NoData, text: &str, values: &Given) -> String {
    requests(
        &Rule {
            no_data,
            ..rule(text)
        },
        values,
    )
    .remove(0)
    .unwrap()
    .url
}

fn codes(text: &str) -> Vec<&'static str> {
    RuleText::parse(text)
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect()
}

fn errors(text: &str) -> Vec<Finding> {
    RuleText::parse(text)
        .findings
        .into_iter()
        .filter(Finding::is_error)
        .collect()
}

/// The text with the offers of all errors taken.
fn mended(text: &str) -> String {
    let mut out = text.to_owned();
    for finding in errors(text).iter().rev() {
        out.replace_range(
            finding.start..finding.end,
            finding.replacement.as_deref().unwrap_or("?"),
        );
    }
    out
}

fn json(template: &str, no_data: NoData, given: &Given) -> String {
    let rule = Rule {
        no_data,
        ..post(RuleBody::Json {
            template: template.into(),
        })
    };
    requests(&rule, given).remove(0).unwrap().body.unwrap()
}
