//! Notes: what was odd about a request that was taken all the same, for the operator to see.
//!
//! They are kept among the parameters of a session and the fields of an activity, under names that no request can
//! send because they begin with a control character. Sessions stand in the middle of the records of activities and
//! visitors, which grow at their end only: this way old and new records stay the same bytes.

use super::identity::redact;
use super::unfilled::Unfilled;
use serde::Serialize;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// What begins the name of a note; names that are sent never hold a control character.
const MARK: char = '\u{1}';
/// Longest value that a note repeats, bytes.
const MOST_BYTES: usize = 200;

/// What was odd.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, EnumIter, EnumString, IntoStaticStr, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NoteCode {
    /// A variable that nobody filled: sent as typed, taken as not sent.
    Unfilled,
    /// Perhaps such a variable: kept and used.
    MaybeUnfilled,
    /// Left out: of a wrong form, sent twice, or too much.
    LeftOut,
    /// Mended: cut, control characters or a tail removed, rounded.
    Mended,
    /// Decoded from another character set than UTF-8.
    Charset,
    /// The value as it was sent, percent-encoded, where its text could not keep the bytes.
    Raw,
    /// The time that was sent is not possible; the time of receipt counts.
    TimeOfReceipt,
    /// The click was a prefetch or a bot's, and a sale followed: somebody was there.
    ProvedPerson,
    /// A callback on the click URL names a host that the partner may not call.
    RefusedCallback,
    /// The address of the link was damaged; the link was found all the same.
    MendedAddress,
    /// An identifier of a person was sent, and the offer keeps none.
    IdentityOff,
    /// An identifier, or a word of consent, that could not be used; the value says why.
    IdentityLeftOut,
    /// An e-mail address, or another value that speaks of a person, stood within a text and was taken out of it.
    PersonalRemoved,
    /// An order number that holds an e-mail address: its digest is kept in place of it.
    OrderHashed,
    /// Of a network that clicks faster than visitors do.
    Burst,
    /// It was refused when it came, for the reason that the field names, and an operator accepted it.
    AcceptedLater,
}

impl NoteCode {
    /// Stable code.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Note {
    /// What was odd.
    pub code: NoteCode,
    /// The field or parameter that it is about; empty where it is about none.
    pub field: String,
    /// The value, or what it was mended to; cut.
    pub value: String,
}

impl Note {
    /// Makes one. E-mail addresses within the value are taken out.
    pub fn new(code: NoteCode, field: &str, value: &str) -> Self {
        let value = redact::emails(value);
        let clean: String = value.chars().filter(|c| !c.is_control()).collect();
        let limit = if code == NoteCode::Raw {
            usize::MAX
        } else {
            MOST_BYTES
        };
        let mut end = limit.min(clean.len());
        while !clean.is_char_boundary(end) {
            end -= 1;
        }
        Self {
            code,
            field: field.to_owned(),
            value: clean[..end].to_owned(),
        }
    }

    /// A variable that was sent as typed.
    pub fn unfilled(found: Unfilled, field: &str, value: &str) -> Self {
        Self::new(NoteCode::of(found), field, value)
    }

    /// As it is kept among parameters or fields.
    pub fn into_pair(self) -> (String, String) {
        (format!("{MARK}{}:{}", self.code.as_str(), self.field), self.value)
    }

    /// Reads [`Note::into_pair`]; `None` for what was sent.
    pub fn of_pair(name: &str, value: &str) -> Option<Self> {
        let (code, field) = name.strip_prefix(MARK)?.split_once(':')?;
        Some(Self {
            code: code.parse().ok()?,
            field: field.to_owned(),
            value: value.to_owned(),
        })
    }
}

impl NoteCode {
    fn of(found: Unfilled) -> Self {
        match found.certainty {
            super::unfilled::Certainty::Certain => Self::Unfilled,
            super::unfilled::Certainty::Doubtful => Self::MaybeUnfilled,
        }
    }
}

/// Whether a pair was sent, and is no note.
pub fn is_sent(pair: &(String, String)) -> bool {
    !pair.0.starts_with(MARK)
}

/// The notes among parameters or fields, without the raw values.
pub fn notes(pairs: &[(String, String)]) -> impl Iterator<Item = Note> {
    pairs
        .iter()
        .filter_map(|(name, value)| Note::of_pair(name, value))
        .filter(|note| note.code != NoteCode::Raw)
}

/// Whether a variable that nobody filled was sent.
pub fn has_unfilled(pairs: &[(String, String)]) -> bool {
    notes(pairs).any(|note| note.code == NoteCode::Unfilled)
}

/// Whether there are bytes that a text could not keep.
pub fn has_raw(pairs: &[(String, String)]) -> bool {
    let raw = NoteCode::Raw.as_str();
    pairs
        .iter()
        .filter_map(|(name, _)| name.strip_prefix(MARK))
        .any(|name| name.starts_with(raw))
}

/// The bytes of a value as they were sent, where its text could not keep them.
pub fn raw(pairs: &[(String, String)], field: &str) -> Option<Vec<u8>> {
    let name = format!("{MARK}{}:{field}", NoteCode::Raw.as_str());
    let (_, encoded) = pairs.iter().find(|(n, _)| *n == name)?;
    Some(percent_encoding::percent_decode_str(encoded).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn every_note_comes_back_from_its_pair() {
        for code in NoteCode::iter() {
            let note = Note::new(code, "uid1", "[ORDER_NUM]\n");
            assert_eq!(note.value, "[ORDER_NUM]");
            let (name, value) = note.clone().into_pair();
            assert_eq!(Note::of_pair(&name, &value), Some(note));
            assert!(!is_sent(&(name, value)));
        }
        assert_eq!(Note::of_pair("unfilled:uid1", "x"), None);
        assert!(is_sent(&("uid1".into(), "x".into())));
    }

    #[test]
    fn raw_bytes_are_found_by_their_field() {
        let pairs = vec![
            ("a".to_owned(), "b".to_owned()),
            Note::new(NoteCode::Raw, "param1", "%8F%74").into_pair(),
        ];
        assert_eq!(raw(&pairs, "param1"), Some(vec![0x8f, 0x74]));
        assert_eq!(raw(&pairs, "param2"), None);
        assert_eq!(notes(&pairs).count(), 0);
    }
}
