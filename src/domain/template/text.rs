//! A plain text with placeholders, for addresses that are not called by us: destinations of clicks, deep
//! links, hand-out texts. Values are percent-encoded; what the address must look like is the caller's to check.

use super::finding::{Finding, Notes};
use super::parts::{Candidate, Field, Part, Syntax, Values, fields, fill_encoded, scan};
use crate::domain::rule::NoData;

/// A parsed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTemplate(Vec<Part>);

impl TextTemplate {
    /// Parses a text; the errors name what is no placeholder.
    pub fn parse(text: &str, field: &str) -> Result<Self, Vec<Finding>> {
        let mut notes = Notes::default();
        let parts = scan(text, 0, Syntax::Url, &mut notes);
        if notes.has_errors() {
            Err(notes.finish(text, field))
        } else {
            Ok(Self(parts))
        }
    }

    /// Its parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether it holds the placeholder of that name.
    pub fn holds(&self, name: &str) -> bool {
        self.fields()
            .flat_map(|field| &field.candidates)
            .any(|candidate| match candidate {
                Candidate::Known(placeholder) => placeholder.name == name,
                Candidate::Parameter(_) => false,
            })
    }

    /// Every placeholder in it.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        fields(&self.0)
    }

    /// The text with these values, percent-encoded; without data they are empty.
    pub fn render(&self, values: &dyn Values) -> String {
        let mut out = String::new();
        fill_encoded(&self.0, values, &NoData::Empty, &mut out);
        out
    }
}
