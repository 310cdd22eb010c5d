//! Extra headers of a rule: the name is fixed, the value is a template.

use super::escape::{Escape, is_forbidden_in_header};
use super::finding::{Notes, Problem};
use super::foreign;
use super::parts::{self, Field, Part, Syntax, Values, fields, fill};
use super::url::Unrenderable;
use crate::domain::rule::NoData;

/// Headers of the connection (RFC 9110, 7.6.1), of the message's framing, and of the product.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Beginnings of names that belong to proxies and to our own signature.
const RESERVED_PREFIXES: [&str; 2] = ["proxy-", "webhook-"];

/// Whether a rule may not set the header, whatever its case.
pub fn is_reserved_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED.contains(&name.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A parsed extra header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeaderTemplate {
    name: String,
    value: Vec<Part>,
}

impl HeaderTemplate {
    /// What is wrong with a header name.
    pub(super) fn check_name(name: &str, notes: &mut Notes) {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() {
            notes.add(Problem::HeaderName, 0, 0);
        } else if let Some((at, wrong)) = name.char_indices().find(|(_, c)| !is_token(*c)) {
            notes.add(Problem::HeaderName, at, at + wrong.len_utf8());
        } else if is_reserved_header(name) {
            notes.add(
                Problem::HeaderReserved {
                    name: name.to_owned(),
                },
                0,
                name.len(),
            );
        }
    }

    pub(super) fn parse(name: &str, value: &str, notes: &mut Notes) -> Self {
        for (at, control) in value.match_indices(|c: char| is_forbidden_in_header(c)) {
            notes.offer(Problem::HeaderControl, at, at + control.len(), "");
        }
        let parts = parts::scan(value, 0, Syntax::Header, notes);
        foreign::check_value(value, 0, notes);
        Self {
            name: name.to_owned(),
            value: parts,
        }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &Field> {
        fields(&self.value)
    }

    pub(super) fn is_content_type(&self) -> bool {
        self.name.eq_ignore_ascii_case("content-type")
    }

    /// The header; `None` when the policy drops it.
    pub(super) fn render(
        &self,
        values: &dyn Values,
        no_data: &NoData,
    ) -> Result<Option<(String, String)>, Unrenderable> {
        if *no_data == NoData::Drop && parts::is_without_data(&self.value, values) {
            return Ok(None);
        }
        // Holes hold control characters of ours, so the values are looked at before they are put in.
        let is_bad = |text: &str| text.contains(is_forbidden_in_header);
        let has_bad_value = fields(&self.value).any(|field| match (field.value(values), no_data) {
            (Some(value), _) => is_bad(&value),
            (None, NoData::Word { word }) => is_bad(word),
            (None, NoData::Empty | NoData::Drop) => false,
        });
        if has_bad_value {
            return Err(Unrenderable::HeaderControl);
        }
        let mut value = String::new();
        fill(&self.value, values, no_data, &mut value, Escape::Plain);
        Ok(Some((self.name.clone(), value)))
    }
}
