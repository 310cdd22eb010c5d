//! Filling the placeholders of a text, once it is known what surrounds them.

use super::super::escape::{Escape, VALUE};
use super::{Part, Values, fields};
use crate::domain::rule::NoData;
use percent_encoding::percent_encode;

/// Whether there are placeholders and none has data.
pub(in crate::domain::template) fn is_without_data(parts: &[Part], values: &dyn Values) -> bool {
    let mut any = false;
    for field in fields(parts) {
        any = true;
        if field.has_data(values) {
            return false;
        }
    }
    any
}

/// Fills the parts into `out`, values written as `escape` says. `false`: there are placeholders and none has data.
pub(in crate::domain::template) fn fill(
    parts: &[Part],
    values: &dyn Values,
    no_data: &NoData,
    out: &mut String,
    escape: Escape,
) -> bool {
    let (mut any, mut has_data) = (false, false);
    for part in parts {
        let field = match part {
            Part::Literal(text) => {
                out.push_str(text);
                continue;
            }
            Part::Field(field) => field,
        };
        any = true;
        if let Some(value) = field.value(values) {
            escape.write(&value, out);
            has_data = true;
            continue;
        }
        match (field.hole(values), no_data) {
            (Some(hole), _) => {
                escape.leave_hole(&hole, out);
                has_data = true;
            }
            (None, NoData::Word { word }) => escape.write(word, out),
            (None, NoData::Empty | NoData::Drop) => {}
        }
    }
    has_data || !any
}

/// Fills the parts with percent-encoded values; bytes that are no text stay what they are.
pub(in crate::domain::template) fn fill_encoded(
    parts: &[Part],
    values: &dyn Values,
    no_data: &NoData,
    out: &mut String,
) {
    for part in parts {
        let bytes = match part {
            Part::Field(field) => field.bytes(values),
            Part::Literal(_) => None,
        };
        match bytes {
            Some(bytes) => out.extend(percent_encode(&bytes, VALUE)),
            None => {
                fill(std::slice::from_ref(part), values, no_data, out, Escape::Percent);
            }
        }
    }
}
