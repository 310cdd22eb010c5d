//! Form bodies: pairs as in a query.

use super::body::JsonTemplate;
use super::catalogue::Placeholder;
use super::escape::encode;
use super::finding::{Finding, Notes, PartProblem, Problem};
use super::foreign;
use super::pairs::Pairs;
use super::parts::{self, Field, Part, Syntax, Values, fields};
use super::url::MAX_BODY;
use super::url_check::{check_ampersands, check_encoded_placeholders, check_literals, drop_overlaps};
use crate::domain::rule::NoData;
use std::borrow::Cow;

/// A form body template: pairs as in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FormTemplate(Pairs);

impl FormTemplate {
    /// Parses pairs that stand at byte `base` of their source.
    pub(super) fn parse(text: &str, base: usize, notes: &mut Notes) -> Self {
        let mut own = Notes::default();
        check_encoded_placeholders(text, base, &mut own);
        for (at, space) in text.match_indices(char::is_whitespace) {
            let problem = Problem::Unencoded {
                characters: space.into(),
            };
            own.offer(problem, base + at, base + at + space.len(), encode(space));
        }
        check_literals(text, base, &mut own);
        let parts = parts::scan(text, base, Syntax::Url, &mut own);
        for (at, _) in text.match_indices('#') {
            let at = base + at;
            let is_variable = fields(&parts).any(|field| (field.start..field.end).contains(&at));
            if !is_variable {
                let problem = Problem::Unencoded {
                    characters: "#".into(),
                };
                own.offer(problem, at, at + 1, "%23");
            }
        }
        drop_overlaps(&mut own);
        foreign::check(text, base, &mut own);
        check_ampersands(text, base, &mut own);
        notes.0.append(&mut own.0);
        Self(Pairs::split(parts))
    }

    /// Its pairs, names and values decoded, as one flat JSON object of texts.
    pub(super) fn into_json(self) -> JsonTemplate {
        let decoded = |parts: Vec<Part>| {
            parts.into_iter().map(|part| match part {
                Part::Literal(text) => Part::Literal(decode(&text)),
                field @ Part::Field(_) => field,
            })
        };
        JsonTemplate::flat(
            self.0
                .into_names_and_values()
                .map(|(name, value)| (decoded(name).collect(), decoded(value).collect())),
        )
    }

    /// Whether every pair has a name and a `=`.
    pub(super) fn is_named(&self) -> bool {
        self.0.are_named()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.0.fields()
    }

    pub(super) fn render(&self, values: &dyn Values, no_data: &NoData) -> String {
        self.0.render(values, no_data).join("&")
    }
}

/// Nothing has a value.
struct Nothing;

impl Values for Nothing {
    fn value(&self, _: &'static Placeholder) -> Option<Cow<'_, str>> {
        None
    }
    fn parameter(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
    fn custom(&self) -> &[(String, String)] {
        &[]
    }
}

/// A form that secrets alone fill, with its holes: what a token endpoint is asked with.
///
/// # Errors
/// What is wrong with it; other placeholders are, too.
pub fn token_form(text: &str) -> Result<String, Vec<Finding>> {
    let mut notes = Notes::default();
    let form = FormTemplate::parse(text, 0, &mut notes);
    for field in form.fields().filter(|field| !field.has_only_secrets()) {
        notes.add(Problem::Part(PartProblem::OnlySecrets), field.start, field.end);
    }
    if notes.has_errors() || text.len() > MAX_BODY {
        return Err(notes.finish(text, "token.form"));
    }
    Ok(form.render(&Nothing, &NoData::Empty))
}

/// A literal of a form as text.
fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}
