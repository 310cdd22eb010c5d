//! Keys of payout statements.

use super::super::records::Key;
use super::hot::instance;
use super::{Db, key, tail};
use crate::domain::ids::{ActivityId, PartnerId, TimeId};
use crate::domain::statement::{Billed, Closed, Draft, Lines, Sender};

/// A closed statement of a partner, by month ([`Month::number`](crate::domain::statement::Month::number)) and version.
pub fn statement(partner: &PartnerId, month: u32, version: u16) -> Key<Closed> {
    let mut bytes = statements_prefix(partner);
    bytes.extend_from_slice(&month.to_be_bytes());
    bytes.extend_from_slice(&version.to_be_bytes());
    Key::new(Db::Hot, bytes)
}
/// Prefix of the statements of all partners.
pub fn statement_prefix() -> Vec<u8> {
    vec![b'r']
}
/// Prefix of the statements of a partner, the oldest month first.
pub fn statements_prefix(partner: &PartnerId) -> Vec<u8> {
    named(b'r', partner.as_str())
}
/// Some lines of a closed statement.
pub fn statement_lines(partner: &PartnerId, month: u32, version: u16, part: u16) -> Key<Lines> {
    let mut bytes = statement_lines_prefix(partner, month, version);
    bytes.extend_from_slice(&part.to_be_bytes());
    Key::new(Db::Hot, bytes)
}
/// Prefix of all lines of a closed statement.
pub fn statement_lines_prefix(partner: &PartnerId, month: u32, version: u16) -> Vec<u8> {
    let mut bytes = named(b'q', partner.as_str());
    bytes.extend_from_slice(&month.to_be_bytes());
    bytes.extend_from_slice(&version.to_be_bytes());
    bytes
}
/// What closed statements say of a conversion.
pub fn billed(id: ActivityId) -> Key<Billed> {
    Key::new(Db::Hot, key(b'b', &[&id.to_key()]))
}
/// A conversion of a closed statement that has changed since.
pub fn billed_changed(partner: &PartnerId, id: ActivityId) -> Key<()> {
    let mut bytes = billed_changes_prefix(partner);
    bytes.extend_from_slice(&id.to_key());
    Key::new(Db::Hot, bytes)
}
/// Prefix of the conversions of a partner that have changed since they stood in a closed statement.
pub fn billed_changes_prefix(partner: &PartnerId) -> Vec<u8> {
    named(b'k', partner.as_str())
}
/// Prefix of such conversions of all partners.
pub fn billed_change_prefix() -> Vec<u8> {
    vec![b'k']
}
/// Partner and conversion of a key of [`billed_changed`].
pub fn parse_billed_changed(key: &[u8]) -> Option<(PartnerId, ActivityId)> {
    let (head, id) = tail::<{ TimeId::KEY_LEN }>(key.strip_prefix(b"k")?)?;
    let (len, text) = head.split_first()?;
    let partner = std::str::from_utf8(text).ok()?.parse().ok()?;
    (usize::from(*len) == text.len()).then_some((partner, ActivityId::from_key(&id)?))
}
/// Who pays, as statements name them.
pub fn statement_sender() -> Key<Sender> {
    instance("statement-sender")
}
/// What an operator writes on a statement that is open.
pub fn statement_draft(partner: &PartnerId, month: u32) -> Key<Draft> {
    instance(&format!("statement-draft/{partner}/{month}"))
}

/// A family byte and a text of at most 32 characters, with its length.
fn named(family: u8, text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
    key(family, &[&[len], text.as_bytes()])
}
