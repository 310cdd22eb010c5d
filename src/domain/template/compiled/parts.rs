//! The parts of a rule beside its text: parsed, and checked.

use crate::domain::activity::{Activity, ActivityKind};
use crate::domain::answer;
use crate::domain::offer::Event;
use crate::domain::rule::{
    AnswerPolicy, Credit, EventWord, MOST_AGE_H, MOST_CASES, MOST_NEEDS, MOST_WORDS, Rule, RuleScope,
};
use crate::domain::template::finding::{Finding, Notes, PartProblem, Problem};
use crate::domain::template::look;
use crate::domain::template::parts::{self, Candidate, Field, Syntax, Values};
use crate::domain::template::rule_text::RuleText;

/// Latest time of a second look, seconds.
const LATEST_LOOK_S: u32 = 86_400;

/// Parsed parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Parts {
    /// Alternatives of what is needed; all fields of one are needed together.
    needs: Vec<Vec<Field>>,
    /// What stands in for the text when a test is sent.
    pub(super) test_text: Option<RuleText>,
}

impl Parts {
    pub(super) fn analyse(rule: &Rule, findings: &mut Vec<Finding>) -> Self {
        check_map(&rule.event_map, findings);
        check_answers(rule.answers.as_ref(), "answers", findings);
        if let Some(second) = &rule.second_look {
            findings.extend(look::check(&second.url, "second_look.url"));
            check_answers(Some(&second.answers), "second_look.answers", findings);
            if !(1..=LATEST_LOOK_S).contains(&second.after_s) {
                find(PartProblem::BadWait, "", "second_look.after_s", findings);
            }
        }
        if rule
            .max_age_h
            .is_some_and(|hours| !(1..=MOST_AGE_H).contains(&hours))
        {
            find(
                PartProblem::BadAge { most: MOST_AGE_H },
                "",
                "max_age_h",
                findings,
            );
        }
        if rule.needs.len() > MOST_NEEDS {
            find(PartProblem::TooMany { most: MOST_NEEDS }, "", "needs", findings);
        }
        let hears_all = rule.credit == Credit::Any && matches!(rule.scope, RuleScope::Partner { .. });
        if hears_all && rule.needs.is_empty() {
            find(PartProblem::NothingNeeded, "", "needs", findings);
        }
        let needs = rule
            .needs
            .iter()
            .enumerate()
            .map(|(n, text)| need(text, n, findings));
        let needs = needs.collect();
        let test = rule.test.as_ref().map(|test| test.text.as_str());
        let test_text = test.filter(|text| !text.trim().is_empty()).and_then(|text| {
            let parsed = RuleText::parse(text);
            findings.extend(parsed.findings.into_iter().map(|found| Finding {
                field: "test.text".into(),
                ..found
            }));
            parsed.text
        });
        Self { needs, test_text }
    }

    /// What is missing: `None` when one alternative has all of its data, or nothing is needed.
    pub(super) fn missing(&self, texts: &[String], values: &dyn Values) -> Option<String> {
        let has_all = |need: &Vec<Field>| need.iter().all(|field| field.value(values).is_some());
        if self.needs.is_empty() || self.needs.iter().any(has_all) {
            return None;
        }
        Some(texts.join(" || "))
    }
}

/// Notes one problem of a whole field.
pub(super) fn find(problem: PartProblem, source: &str, field: &str, findings: &mut Vec<Finding>) {
    let mut notes = Notes::default();
    notes.add(Problem::Part(problem), 0, source.len());
    findings.extend(notes.finish(source, field));
}

fn need(text: &str, n: usize, findings: &mut Vec<Finding>) -> Vec<Field> {
    let mut notes = Notes::default();
    let scanned = parts::scan(text, 0, Syntax::Condition, &mut notes);
    let fields: Vec<Field> = parts::fields(&scanned).cloned().collect();
    let is_more = scanned.len() > fields.len();
    if !notes.has_errors() && (fields.is_empty() || is_more) {
        notes.add(Problem::Part(PartProblem::NeedsNoPlaceholder), 0, text.len());
    }
    for field in fields.iter().filter(|field| !field.secrets().is_empty()) {
        notes.add(Problem::Part(PartProblem::SecretNotHere), field.start, field.end);
    }
    findings.extend(notes.finish(text, &format!("needs.{n}")));
    fields
}

fn check_map(map: &[EventWord], findings: &mut Vec<Finding>) {
    if map.len() > MOST_WORDS {
        find(
            PartProblem::TooMany { most: MOST_WORDS },
            "",
            "event_map",
            findings,
        );
    }
    for (n, row) in map.iter().enumerate() {
        if row.word.trim().is_empty() {
            find(
                PartProblem::EmptyWord,
                &row.word,
                &format!("event_map.{n}.word"),
                findings,
            );
        }
        let is_same = |other: &EventWord| other.event == row.event && other.status == row.status;
        if map[..n].iter().any(is_same) {
            let name = row.event.clone();
            find(
                PartProblem::DuplicateWord { name },
                &row.event,
                &format!("event_map.{n}.event"),
                findings,
            );
        }
    }
}

fn check_answers(policy: Option<&AnswerPolicy>, at: &str, findings: &mut Vec<Finding>) {
    let Some(policy) = policy else { return };
    if policy.cases.len() > MOST_CASES || policy.says.len() > MOST_CASES {
        find(
            PartProblem::TooMany { most: MOST_CASES },
            "",
            &format!("{at}.cases"),
            findings,
        );
    }
    for (n, case) in policy.cases.iter().enumerate() {
        let field = |name: &str| format!("{at}.cases.{n}.{name}");
        if case.status.is_empty() && case.pointer.is_empty() {
            find(PartProblem::CaseOfNothing, "", &field("status"), findings);
        }
        if !case.status.iter().all(|named| answer::is_status(named)) {
            find(PartProblem::BadStatus, "", &field("status"), findings);
        }
        if !case.pointer.is_empty() && !answer::is_pointer(&case.pointer) {
            find(
                PartProblem::BadPointer,
                &case.pointer,
                &field("pointer"),
                findings,
            );
        }
    }
    for (n, pointer) in policy.says.iter().enumerate() {
        if !answer::is_pointer(pointer) {
            find(
                PartProblem::BadPointer,
                pointer,
                &format!("{at}.says.{n}"),
                findings,
            );
        }
    }
}

/// Notes rows of the map that name no event of the offers that the rule speaks for.
pub(super) fn check_events(rule: &Rule, events: &[&Event], findings: &mut Vec<Finding>) {
    for (n, row) in rule.event_map.iter().enumerate() {
        let is_kind = ActivityKind::ALL.iter().any(|kind| kind.as_str() == row.event);
        if is_kind || events.iter().any(|event| is_named(event, &row.event)) {
            continue;
        }
        let mut names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let problem = PartProblem::UnknownEvent {
            name: row.event.clone(),
            known: names.join(", "),
        };
        find(problem, &row.event, &format!("event_map.{n}.event"), findings);
    }
}

fn is_named(event: &Event, name: &str) -> bool {
    event.token.as_str() == name || event.name.eq_ignore_ascii_case(name) || event.name == name
}

/// The word for what happened; `None` when the map does not have it. Rows for one status go before those for all.
pub(super) fn word<'r>(map: &'r [EventWord], activity: &Activity, event: Option<&Event>) -> Option<&'r str> {
    let is_meant = |row: &&EventWord| match event {
        Some(event) => is_named(event, &row.event),
        None => activity
            .event
            .as_ref()
            .is_some_and(|token| token.as_str() == row.event),
    };
    let is_kind = |row: &&EventWord| activity.event.is_none() && activity.kind.as_str() == row.event;
    let rows = || map.iter().filter(|row| is_meant(row) || is_kind(row));
    let of_status = rows().find(|row| row.status.is_some() && row.status == activity.status);
    let row = of_status.or_else(|| rows().find(|row| row.status.is_none()))?;
    Some(&row.word)
}

/// Whether a placeholder is the platform's word for the event.
pub(super) fn is_event_word(field: &Field) -> bool {
    field
        .candidates
        .iter()
        .any(|candidate| matches!(candidate, Candidate::Known(known) if known.name == "event_word"))
}
