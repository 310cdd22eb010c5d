//! A rule with everything parsed, and the checks that are made when one is saved.

use super::body::{HeaderTemplate, JsonTemplate};
use super::finding::{Finding, Notes, Problem};
use super::parts::{Candidate, Field, Values};
use super::rule_text::{Entry, RuleText};
use super::url::{FormTemplate, MAX_BODY, Unrenderable, UrlTemplate};
use crate::domain::activity::ActivityKind;
use crate::domain::postback::{Method, Request};
use crate::domain::rule::{NoData, Rule, RuleBody};
use crate::domain::signing::{self, Secret};

/// What a check needs from outside.
pub struct CheckContext<'a> {
    /// Why a host may not be called, as a sentence; `None` when it may.
    pub refuse_host: &'a dyn Fn(&str) -> Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Form(FormTemplate),
    Json(JsonTemplate),
}

/// A rule that can be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledRule {
    /// As saved.
    pub rule: Rule,
    /// Its entries.
    pub text: RuleText,
    body: Option<Body>,
    headers: Vec<HeaderTemplate>,
}

impl CompiledRule {
    /// The request of one of its entries with these values.
    pub fn render(&self, entry: &Entry, values: &dyn Values) -> Result<Request, Unrenderable> {
        let no_data = &self.rule.no_data;
        let mut request = render_get(&entry.url, no_data, values)?;
        for header in &self.headers {
            request.headers.extend(header.render(values, no_data)?);
        }
        if self.rule.method == Method::Post {
            request.method = Method::Post;
            let (media_type, text) = match &self.body {
                Some(Body::Form(form)) => ("application/x-www-form-urlencoded", form.render(values, no_data)),
                Some(Body::Json(json)) => ("application/json", json.render(values, no_data)),
                None => return Ok(request),
            };
            if text.len() > MAX_BODY {
                return Err(Unrenderable::BodyTooLong);
            }
            if !self.headers.iter().any(HeaderTemplate::is_content_type) {
                request.headers.push(("Content-Type".into(), media_type.into()));
            }
            request.body = Some(text);
        }
        Ok(request)
    }
}

/// A plain GET of a URL: what callbacks carried on a click URL are.
pub(crate) fn render_get(
    url: &UrlTemplate,
    no_data: &NoData,
    values: &dyn Values,
) -> Result<Request, Unrenderable> {
    Ok(Request {
        method: Method::Get,
        url: url.render(values, no_data)?,
        headers: Vec::new(),
        body: None,
    })
}

/// Parses a rule; the errors when it has any.
pub fn compile(rule: &Rule) -> Result<CompiledRule, Vec<Finding>> {
    let (compiled, findings) = analyse(rule);
    compiled.ok_or_else(|| findings.into_iter().filter(Finding::is_error).collect())
}

/// Everything there is to say about a rule before it is saved.
pub fn check(rule: &Rule, context: &CheckContext<'_>) -> Vec<Finding> {
    let (compiled, mut findings) = analyse(rule);
    let mut notes = Notes::default();
    if let Some(compiled) = &compiled {
        for entry in &compiled.text.entries {
            let host = entry.url.host().to_owned();
            if let Some(sentence) = (context.refuse_host)(&host) {
                notes.add(Problem::HostRefused { host, sentence }, entry.start, entry.end);
            }
        }
    }
    findings.extend(notes.finish(&rule.text, "text"));
    findings
}

fn analyse(rule: &Rule) -> (Option<CompiledRule>, Vec<Finding>) {
    let parsed = RuleText::parse(&rule.text);
    let mut findings = parsed.findings;
    if let Some(text) = &parsed.text {
        let mut notes = Notes::default();
        for field in text.entries.iter().flat_map(Entry::fields) {
            note_availability(field, &rule.text, &rule.kinds, &mut notes);
        }
        findings.extend(notes.finish(&rule.text, "text"));
    }
    let body = rule
        .body
        .as_ref()
        .and_then(|body| analyse_body(rule, body, &mut findings));
    let headers = analyse_headers(rule, &mut findings);
    if let Some(secret) = &rule.signing_secret {
        findings.extend(analyse_secret(secret, rule.method));
    }
    let mut notes = Notes::default();
    note_filters(rule, &mut notes);
    findings.extend(notes.finish("", "kinds"));
    let has_errors = findings.iter().any(Finding::is_error);
    let compiled = match parsed.text {
        Some(text) if !has_errors => Some(CompiledRule {
            rule: rule.clone(),
            text,
            body,
            headers,
        }),
        _ => None,
    };
    (compiled, findings)
}

fn analyse_body(rule: &Rule, body: &RuleBody, findings: &mut Vec<Finding>) -> Option<Body> {
    let mut notes = Notes::default();
    let (RuleBody::Form { template } | RuleBody::Json { template }) = body;
    if rule.method == Method::Get {
        notes.add(Problem::BodyWithoutPost, 0, template.len());
    }
    let parsed = if template.len() > MAX_BODY {
        notes.add(
            Problem::TooLong {
                what: "body",
                what_ja: "本文",
                most: MAX_BODY,
            },
            0,
            template.len(),
        );
        None
    } else {
        match body {
            RuleBody::Form { template } => Some(Body::Form(FormTemplate::parse(template, &mut notes))),
            RuleBody::Json { template } => JsonTemplate::parse(template, &mut notes).map(Body::Json),
        }
    };
    let fields: Vec<&Field> = match &parsed {
        Some(Body::Form(form)) => form.fields().collect(),
        Some(Body::Json(json)) => json.fields(),
        None => Vec::new(),
    };
    for field in fields {
        note_availability(field, template, &rule.kinds, &mut notes);
    }
    findings.extend(notes.finish(template, "body"));
    parsed
}

/// Findings name places and reasons, never the secret.
fn analyse_secret(text: &str, method: Method) -> Vec<Finding> {
    let mut notes = Notes::default();
    match signing::parse(text) {
        Err(wrong) => notes.add(Problem::Secret(wrong.error), wrong.place.start, wrong.place.end),
        Ok(secrets) => {
            let is_key_pair = |secret: &Secret| matches!(secret, Secret::Ed25519 { .. });
            if method == Method::Get && secrets.iter().all(is_key_pair) {
                notes.add(Problem::KeyPairWithGet, 0, text.len());
            }
        }
    }
    notes.finish(text, "signing_secret")
}

fn analyse_headers(rule: &Rule, findings: &mut Vec<Finding>) -> Vec<HeaderTemplate> {
    let mut headers = Vec::new();
    for (index, header) in rule.headers.iter().enumerate() {
        let mut name_notes = Notes::default();
        HeaderTemplate::check_name(&header.name, &mut name_notes);
        findings.extend(name_notes.finish(&header.name, &format!("headers.{index}.name")));
        let mut notes = Notes::default();
        let parsed = HeaderTemplate::parse(&header.name, &header.value, &mut notes);
        for field in parsed.fields() {
            note_availability(field, &header.value, &rule.kinds, &mut notes);
        }
        findings.extend(notes.finish(&header.value, &format!("headers.{index}.value")));
        headers.push(parsed);
    }
    headers
}

/// Warns when none of the candidates has data for one of the kinds. A rule for all kinds is not judged: it
/// is meant to see every activity, each with other data.
fn note_availability(field: &Field, source: &str, kinds: &[ActivityKind], notes: &mut Notes) {
    let has_data = |kind: &ActivityKind| {
        field.candidates.iter().any(|candidate| match candidate {
            Candidate::Known(placeholder) => placeholder.kinds.contains(*kind),
            Candidate::Parameter(_) => *kind != ActivityKind::SkInstall,
        })
    };
    let missing: Vec<ActivityKind> = kinds.iter().copied().filter(|kind| !has_data(kind)).collect();
    if !missing.is_empty() {
        let placeholder = source.get(field.start..field.end).unwrap_or_default().to_owned();
        notes.add(
            Problem::NotAvailable {
                placeholder,
                kinds: missing,
            },
            field.start,
            field.end,
        );
    }
}

/// Warns of filters that exclude each other.
fn note_filters(rule: &Rule, notes: &mut Notes) {
    let has = |kind| rule.kinds.is_empty() || rule.kinds.contains(&kind);
    let has_first = has(ActivityKind::Event);
    let has_later = has(ActivityKind::EventUpdate);
    if !rule.statuses.is_empty() {
        if !has_first && !has_later {
            notes.add(Problem::StatusNeverFires, 0, 0);
        } else if !has_later {
            notes.add(Problem::StatusWithoutUpdate, 0, 0);
        }
    }
    if rule.event.is_some() && !has_first && !has_later {
        notes.add(Problem::EventNeverFires, 0, 0);
    }
}
