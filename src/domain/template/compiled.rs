//! A rule with everything parsed, and the checks that are made when one is saved.

mod parts;

use self::parts::Parts;
use super::body::JsonTemplate;
use super::click_id::is_click_id;
use super::credentials;
use super::finding::{Finding, Notes, PartProblem, Problem};
use super::form::FormTemplate;
use super::header::HeaderTemplate;
use super::parts::{Candidate, Field, Values};
use super::rule_text::{Entry, JSON, RuleText, bounded};
use super::url::{MAX_BODY, Unrenderable};
use super::values::ActivityValues;
use crate::domain::activity::{Activity, ActivityKind, ConversionStatus};
use crate::domain::offer::{Approval, Event};
use crate::domain::partner::Partner;
use crate::domain::postback::{Method, Request};
use crate::domain::rule::{Rule, RuleBody};
use crate::domain::secret::{FULL_ADDRESS, SecretText};
use crate::domain::signing::{self, Secret};

/// What a check needs from outside.
pub struct CheckContext<'a> {
    /// Why a host may not be called, as a sentence; `None` when it may.
    pub refuse_host: &'a dyn Fn(&str) -> Option<String>,
    /// The partner that the rule speaks for.
    pub partner: Option<&'a Partner>,
    /// Whether the partner whose secrets it uses has one of a name; `None`: not looked at.
    pub has_secret: Option<&'a dyn Fn(&str) -> bool>,
    /// Events of the offers that it speaks for; `None`: not looked at.
    pub events: Option<&'a [&'a Event]>,
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
    /// Every placeholder of the body.
    body_fields: Vec<Field>,
    headers: Vec<HeaderTemplate>,
    parts: Parts,
}

impl Body {
    fn fields(&self) -> Vec<Field> {
        match self {
            Self::Form(form) => form.fields().cloned().collect(),
            Self::Json(json) => json.fields().into_iter().cloned().collect(),
        }
    }
}

impl CompiledRule {
    /// Its entries when a test is sent.
    pub fn test_text(&self) -> &RuleText {
        self.parts.test_text.as_ref().unwrap_or(&self.text)
    }

    /// Which data are needed and missing, as the rule names them; `None` when nothing is.
    pub fn missing(&self, values: &dyn Values) -> Option<String> {
        self.parts.missing(&self.rule.needs, values)
    }

    /// The platform's word for what happened; `None` when the rule maps events and this is not among them.
    pub fn event_word(&self, activity: &Activity, event: Option<&Event>) -> Option<&str> {
        if self.rule.event_map.is_empty() {
            return Some("");
        }
        parts::word(&self.rule.event_map, activity, event)
    }

    /// Names of the secrets that it uses, in order, once each.
    pub fn secret_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .secret_places()
            .into_iter()
            .flat_map(|(_, field)| field.secrets())
            .filter(|name| *name != FULL_ADDRESS)
            .map(str::to_owned)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether it sends the visitor's whole address.
    pub fn sends_address(&self) -> bool {
        self.rule.full_address && self.address_place().is_some()
    }

    /// The first place where the visitor's whole address is used.
    fn address_place(&self) -> Option<(String, &Field)> {
        let mut places = self.secret_places().into_iter();
        places.find(|(_, field)| field.secrets().contains(&FULL_ADDRESS))
    }

    /// Every place where a secret is used, as (field of the rule, field of the template).
    fn secret_places(&self) -> Vec<(String, &Field)> {
        let of_text = self.text.entries.iter().flat_map(Entry::request_fields);
        let of_text = of_text.map(|field| ("text".to_owned(), field));
        let of_test = self.parts.test_text.iter().flat_map(|text| &text.entries);
        let of_test = of_test.flat_map(Entry::request_fields);
        let of_test = of_test.map(|field| ("test.text".to_owned(), field));
        let of_headers = self.headers.iter().enumerate().flat_map(|(n, header)| {
            let name = format!("headers.{n}.value");
            header.fields().map(move |field| (name.clone(), field))
        });
        of_text
            .chain(of_test)
            .chain(self.body_fields.iter().map(|field| ("body".to_owned(), field)))
            .chain(of_headers)
            .filter(|(_, field)| !field.secrets().is_empty())
            .collect()
    }

    /// What keeps it from being used: secrets of nobody, an address that it may not send.
    fn misplaced(&self) -> Option<Vec<Finding>> {
        let mut findings = Vec::new();
        let mut places = self.secret_places().into_iter();
        if self.rule.secret_owner().is_none()
            && let Some((place, _)) = places.find(|(_, field)| field.has_only_secrets())
        {
            parts::find(PartProblem::NoSecretOwner, "", &place, &mut findings);
        }
        if !self.rule.full_address && self.address_place().is_some() {
            parts::find(PartProblem::AddressNotAllowed, "", "full_address", &mut findings);
        }
        (!findings.is_empty()).then_some(findings)
    }

    /// The request of one of its entries with these values.
    pub fn render(&self, entry: &Entry, values: &dyn Values) -> Result<Request, Unrenderable> {
        let no_data = &self.rule.no_data;
        let method = entry.method.unwrap_or(self.rule.method);
        let mut request = Request {
            method,
            url: entry.url.render(values, no_data)?,
            headers: Vec::new(),
            body: None,
        };
        for header in &self.headers {
            request.headers.extend(header.render(values, no_data)?);
        }
        if method == Method::Get {
            return Ok(request);
        }
        let (media_type, text) = match (&entry.body, &self.body) {
            (Some(pairs), _) => (JSON, pairs.render(values, no_data)),
            (None, Some(Body::Json(json))) => (JSON, json.render(values, no_data)),
            (None, Some(Body::Form(form))) => {
                ("application/x-www-form-urlencoded", form.render(values, no_data))
            }
            (None, None) => return Ok(request),
        };
        request.body = Some(bounded(text)?);
        if !self.headers.iter().any(HeaderTemplate::is_content_type) {
            request.headers.push(("Content-Type".into(), media_type.into()));
        }
        Ok(request)
    }

    /// Whether one of its entries sends a GET.
    fn sends_get(text: &RuleText, rule: &Rule) -> bool {
        text.entries
            .iter()
            .any(|entry| entry.method.unwrap_or(rule.method) == Method::Get)
    }

    /// Whether the partner's click id is to go out with an entry and has no value. Where another placeholder stands
    /// in for it (`{para1||sid}`) nothing is missing.
    pub fn lacks_click_id(&self, entry: &Entry, values: &ActivityValues<'_>) -> bool {
        self.sent_fields(entry)
            .filter(|field| {
                field
                    .candidates
                    .iter()
                    .any(|candidate| is_click_id(candidate, values.context.partner))
            })
            .any(|field| values.is_click_id_unfilled() || !field.has_data(values))
    }

    fn sent_fields<'f>(&'f self, entry: &'f Entry) -> impl Iterator<Item = &'f Field> {
        entry
            .request_fields()
            .chain(&self.body_fields)
            .chain(self.headers.iter().flat_map(HeaderTemplate::fields))
    }
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
    if let (Some(compiled), Some(partner)) = (&compiled, context.partner)
        && !rule.allow_empty_click_id
        && !partner.sends_click_id()
    {
        note_click_id(compiled, partner, &mut notes);
    }
    findings.extend(notes.finish(&rule.text, "text"));
    for (n, header) in rule.headers.iter().enumerate().filter(|(_, h)| h.shows_key()) {
        let field = format!("headers.{n}.value");
        parts::find(PartProblem::KeyInHeader, &header.value, &field, &mut findings);
    }
    if let (Some(compiled), Some(has_secret)) = (&compiled, context.has_secret) {
        check_secrets(compiled, has_secret, &mut findings);
    }
    if let Some(events) = context.events {
        let is_late = |event: &&Event| {
            let is_heard = rule.event.is_none() || rule.event.as_ref() == Some(&event.token);
            let waits = rule.statuses == [ConversionStatus::Approved];
            is_heard && waits && event.approval == Approval::Manual
        };
        if compiled.as_ref().is_some_and(CompiledRule::sends_address) && events.iter().any(is_late) {
            parts::find(PartProblem::AddressMayBeGone, "", "full_address", &mut findings);
        }
        parts::check_events(rule, events, &mut findings);
    }
    credentials::refuse(&mut findings);
    findings
}

fn check_secrets(compiled: &CompiledRule, has_secret: &dyn Fn(&str) -> bool, findings: &mut Vec<Finding>) {
    for (place, field) in compiled.secret_places() {
        let mut notes = Notes::default();
        let is_unknown = |name: &&str| *name != FULL_ADDRESS && !has_secret(name);
        for name in field.secrets().into_iter().filter(is_unknown) {
            let name = name.to_owned();
            notes.add(
                Problem::Part(PartProblem::UnknownSecret { name }),
                field.start,
                field.end,
            );
        }
        let rule = &compiled.rule;
        let source = match (place.as_str(), &rule.body) {
            ("text", _) => rule.text.as_str(),
            ("test.text", _) => rule.test.as_ref().map_or("", |test| &test.text),
            ("body", Some(RuleBody::Form { template } | RuleBody::Json { template })) => template,
            (header, _) => rule
                .headers
                .iter()
                .enumerate()
                .find(|(n, _)| header == format!("headers.{n}.value"))
                .map_or("", |(_, header)| header.value.as_str()),
        };
        findings.extend(notes.finish(source, &place));
    }
}

/// Warns where a click id is to be sent that the partner does not bring.
fn note_click_id(compiled: &CompiledRule, partner: &Partner, notes: &mut Notes) {
    for field in compiled.text.entries.iter().flat_map(|entry| entry.url.fields()) {
        if let [candidate] = field.candidates.as_slice()
            && is_click_id(candidate, Some(partner))
        {
            notes.add(Problem::ClickIdNotSent, field.start, field.end);
        }
    }
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
        .and_then(|body| analyse_body(rule, parsed.text.as_ref(), body, &mut findings));
    let headers = analyse_headers(rule, &mut findings);
    if let Some(secret) = rule.signing_secret.as_ref().and_then(SecretText::open) {
        let sends_get = match &parsed.text {
            Some(text) => CompiledRule::sends_get(text, rule),
            None => rule.method == Method::Get,
        };
        findings.extend(analyse_secret(secret, sends_get));
    }
    let mut notes = Notes::default();
    note_filters(rule, &mut notes);
    findings.extend(notes.finish("", "kinds"));
    let parts = Parts::analyse(rule, &mut findings);
    let has_errors = findings.iter().any(Finding::is_error);
    let Some(text) = parsed.text.filter(|_| !has_errors) else {
        return (None, findings);
    };
    let compiled = CompiledRule {
        rule: rule.clone(),
        text,
        body_fields: body.as_ref().map(Body::fields).unwrap_or_default(),
        body,
        headers,
        parts,
    };
    if let Some(problem) = compiled.misplaced() {
        findings.extend(problem);
        return (None, findings);
    }
    let mut sent = compiled
        .text
        .entries
        .iter()
        .flat_map(|entry| compiled.sent_fields(entry));
    if rule.event_map.is_empty() && sent.any(parts::is_event_word) {
        parts::find(PartProblem::WordWithoutMap, "", "event_map", &mut findings);
    }
    drop(sent);
    (Some(compiled), findings)
}

fn analyse_body(
    rule: &Rule,
    text: Option<&RuleText>,
    body: &RuleBody,
    findings: &mut Vec<Finding>,
) -> Option<Body> {
    let mut notes = Notes::default();
    let (RuleBody::Form { template } | RuleBody::Json { template }) = body;
    let is_get = |entry: &Entry| entry.method.unwrap_or(rule.method) == Method::Get;
    let is_never_sent = match text {
        Some(text) => text.entries.iter().all(is_get),
        None => rule.method == Method::Get,
    };
    if is_never_sent {
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
            RuleBody::Form { template } => Some(Body::Form(FormTemplate::parse(template, 0, &mut notes))),
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
fn analyse_secret(text: &str, sends_get: bool) -> Vec<Finding> {
    let mut notes = Notes::default();
    match signing::parse(text) {
        Err(wrong) => notes.add(Problem::Secret(wrong.error), wrong.place.start, wrong.place.end),
        Ok(secrets) => {
            let is_key_pair = |secret: &Secret| matches!(secret, Secret::Ed25519 { .. });
            if sends_get && secrets.iter().all(is_key_pair) {
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
            Candidate::Parameter(_) | Candidate::Own(_) => *kind != ActivityKind::SkInstall,
            Candidate::Secret(_) => true,
            Candidate::Computed(computed) => computed.candidates().all(|operand| match operand {
                Candidate::Known(placeholder) => placeholder.kinds.contains(*kind),
                _ => true,
            }),
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
    let has_arrival = rule.kinds.iter().any(|kind| kind.is_arrival());
    if !rule.statuses.is_empty() {
        if !has_first && !has_later && !has_arrival {
            notes.add(Problem::StatusNeverFires, 0, 0);
        } else if has_first && !has_later && !is_for_every_arrival(rule) {
            notes.add(Problem::StatusWithoutUpdate, 0, 0);
        }
    }
    if rule.event.is_some() && !has_first && !has_later {
        notes.add(Problem::EventNeverFires, 0, 0);
    }
}

/// Whether a conversion fires it at once, approved or not: what is decided later then changes nothing.
fn is_for_every_arrival(rule: &Rule) -> bool {
    let all = [ConversionStatus::Pending, ConversionStatus::Approved];
    all.iter().all(|status| rule.statuses.contains(status))
}
