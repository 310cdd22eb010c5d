//! The checks of rules for destinations of clicks. A destination is followed by a visitor at once, and no log shows
//! what became of it: what a rule is only warned of is refused here, where it cannot be meant.

use super::catalogue;
use super::finding::{Finding, Notes, PartProblem, Problem, Severity};
use super::foreign;
use super::parts::{self, Syntax};
use super::url_check::{check_ampersands, check_encoded_placeholders, check_literals, drop_overlaps};

/// The first mistake of a destination that is about to be saved.
pub fn check_destination(text: &str, field: &str) -> Option<Finding> {
    let mut notes = Notes::default();
    check_encoded_placeholders(text, 0, &mut notes);
    notes.0.retain(|found| match &found.problem {
        Problem::EncodedPlaceholder => found.replacement.as_deref().is_some_and(is_placeholder),
        _ => true,
    });
    check_literals(text, 0, &mut notes);
    // Literals are encoded when a destination is saved, and a fragment is the page's own.
    notes
        .0
        .retain(|found| !matches!(found.problem, Problem::Unencoded { .. } | Problem::BadPercent));
    let scanned = parts::scan(text, 0, Syntax::Url, &mut notes);
    let uses_secret = |field: &&parts::Field| !field.is_shown();
    for field in parts::fields(&scanned).filter(uses_secret) {
        notes.add(Problem::Part(PartProblem::SecretNotHere), field.start, field.end);
    }
    drop_overlaps(&mut notes);
    foreign::check(text, 0, &mut notes);
    if let Some(at) = stray_ampersand(text) {
        notes.offer(Problem::AmpersandWithoutQuestion, at, at + 1, "?");
    }
    check_ampersands(text, 0, &mut notes);
    notes.0.retain(|found| {
        !matches!(
            found.problem,
            Problem::ForeignVariable {
                is_certain: false,
                ..
            }
        )
    });
    let mut first = notes.finish(text, field).into_iter().next()?;
    first.severity = Severity::Error;
    Some(first)
}

fn is_placeholder(text: &str) -> bool {
    let name = text.trim_matches(|c| matches!(c, '{' | '}' | '#'));
    name.split("||")
        .all(|name| name.starts_with("dcp_") || catalogue::find(&name.to_ascii_lowercase()).is_some())
}

/// The first `&name=` where no `?` begins a query.
fn stray_ampersand(text: &str) -> Option<usize> {
    let before_fragment = text.split('#').next().unwrap_or_default();
    if text.contains('?') {
        return None;
    }
    before_fragment.match_indices('&').map(|(at, _)| at).find(|at| {
        let behind = before_fragment[at + 1..]
            .split(['&', '/'])
            .next()
            .unwrap_or_default();
        behind.split_once('=').is_some_and(|(name, _)| !name.is_empty())
    })
}
