//! Variables of other systems in a URL or form: `[CLICK_ID]`, `{{ order.id }}`, `REPLACE`. They are sent as they
//! stand, so a partner would be told the name of a variable in place of its value.

use super::catalogue;
use super::finding::{Notes, Problem};
use super::parts::{self, Spot};
use super::url_check::scheme_length;
use crate::domain::unfilled::{self, Certainty, Role, Unfilled};
use std::ops::Range;

/// A variable of another system, and the placeholder of ours that probably stands for it.
struct Foreign {
    place: Range<usize>,
    placeholder: &'static str,
    found: Unfilled,
}

/// Notes every variable of another system in a URL or form that stands at byte `base` of its source. What was found
/// wrong with single characters of it goes: one place, one finding.
pub(super) fn check(text: &str, base: usize, notes: &mut Notes) {
    note(find(text), text, base, notes);
}

/// The same for one value: a text of a JSON body, a header.
pub(super) fn check_value(text: &str, base: usize, notes: &mut Notes) {
    let mut found = Vec::new();
    find_in_value(text, 0, &mut found);
    note(found, text, base, notes);
}

fn note(all: Vec<Foreign>, text: &str, base: usize, notes: &mut Notes) {
    for foreign in all {
        let place = base + foreign.place.start..base + foreign.place.end;
        let is_within = |start: usize, end: usize| start < place.end && place.start < end;
        // A placeholder of ours, encoded or in full width, is offered as such.
        let is_ours = |problem: &Problem| match problem {
            Problem::EncodedPlaceholder => true,
            Problem::FullWidth { half } => matches!(parts::spot(half), Some(Spot::Field { .. })),
            _ => false,
        };
        let is_told = notes
            .0
            .iter()
            .any(|found| is_ours(&found.problem) && is_within(found.start, found.end));
        if is_told {
            continue;
        }
        let is_part = |found: &super::finding::Found| {
            found.problem.is_of_characters() && is_within(found.start, found.end)
        };
        let is_error = notes
            .0
            .iter()
            .any(|found| is_part(found) && found.problem.is_error());
        notes.0.retain(|found| !is_part(found));
        let typed = text.get(foreign.place.clone()).unwrap_or_default().to_owned();
        let problem = Problem::ForeignVariable {
            typed,
            systems: foreign.found.systems,
            is_certain: foreign.found.certainty == Certainty::Certain,
            is_error,
        };
        let replacement = format!("{{{}}}", foreign.placeholder);
        notes.offer(problem, place.start, place.end, replacement);
    }
}

/// The text with a placeholder of ours for each variable; `None` when it holds none.
pub(super) fn replaced(text: &str) -> Option<String> {
    let found = find(text);
    let mut out = String::new();
    let mut from = 0;
    for foreign in &found {
        out.push_str(text.get(from..foreign.place.start)?);
        out.push_str(&format!("{{{}}}", foreign.placeholder));
        from = foreign.place.end;
    }
    out.push_str(text.get(from..)?);
    (!found.is_empty()).then_some(out)
}

fn find(text: &str) -> Vec<Foreign> {
    let from = scheme_length(text).map_or(0, |scheme| {
        text[scheme..]
            .find(['/', '?', '#'])
            .map_or(text.len(), |at| scheme + at)
    });
    let mut all = Vec::new();
    let mut start = from;
    for end in text[from..]
        .match_indices(['/', '?', '&'])
        .map(|(at, _)| from + at)
        .chain([text.len()])
    {
        if start < end {
            let piece = &text[start..end];
            let value = piece.find('=').map_or(0, |at| at + 1);
            find_in_value(&piece[value..], start + value, &mut all);
        }
        start = end + 1;
    }
    all
}

/// Looks through one path segment or value; placeholders of ours, known or not, are judged elsewhere.
fn find_in_value(value: &str, base: usize, all: &mut Vec<Foreign>) {
    let before = all.len();
    let mut has_spot = false;
    let mut at = 0;
    while let Some(c) = value[at..].chars().next() {
        let rest = &value[at..];
        if let Some(Spot::Field { length, .. } | Spot::Unknown { length, .. }) = parts::spot(rest) {
            has_spot = true;
            at += length;
        } else if let Some((length, found)) =
            unfilled::begins(rest).filter(|(length, found)| !is_ours(&rest[..*length], found))
        {
            all.push(foreign(&rest[..length], base + at, found));
            at += length;
        } else {
            at += c.len_utf8();
        }
    }
    if has_spot || all.len() > before {
        return;
    }
    let judged = unfilled::judge(value.as_bytes(), Role::Template);
    if let Some(found) = judged.filter(|found| !is_ours(value, found)) {
        all.push(foreign(value, base, found));
    }
}

/// Whether a syntax is our own too: what is wrong with its names and braces is judged there. No name of ours is
/// Japanese.
fn is_ours(typed: &str, found: &Unfilled) -> bool {
    matches!(found.syntax, "{…}" | "##…##") && typed.is_ascii()
}

fn foreign(typed: &str, start: usize, found: Unfilled) -> Foreign {
    Foreign {
        place: start..start + typed.len(),
        placeholder: meant(typed),
        found,
    }
}

/// The placeholder that a variable of another system probably stands for; most are the partner's click id.
fn meant(typed: &str) -> &'static str {
    let decoded = percent_encoding::percent_decode_str(typed).decode_utf8_lossy();
    let name = decoded
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_ascii_lowercase();
    let name = name.strip_prefix("your_").unwrap_or(&name);
    let name = name.strip_suffix("_here").unwrap_or(name);
    catalogue::synonym(name)
        .or_else(|| catalogue::find(name).map(|placeholder| placeholder.name))
        .unwrap_or("para1")
}
