//! From what was sent to what is kept.

use super::digest::{
    Consent, Digest, Form, Identity, IdentityPolicy, Kind, is_nothing, is_of_nothing, is_other_hash,
    ready_made,
};
use super::names::Named;
use super::{Unusable, email, phone};
use std::fmt;

/// Values of one request that are looked at.
const MOST_VALUES: usize = 16;
/// Longest value that is looked at, bytes.
const MOST_BYTES: usize = 2048;
/// Longest external id, bytes.
const MOST_ID_BYTES: usize = 512;

/// What a request says of a person, as it was sent. It lives until the request is decided.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sent(Vec<(Named, String)>, Identity);

/// Nothing of it is ever printed.
impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sent({} values)", self.0.len())
    }
}

/// What is told of a value that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// The offer keeps no identifiers.
    Off(Kind),
    /// It could not be used.
    LeftOut(&'static str, Unusable),
}

/// What is kept, and what is told of the rest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// What is kept.
    pub identity: Identity,
    /// What is told.
    pub remarks: Vec<Remark>,
}

impl Settled {
    fn tell(&mut self, remark: Remark) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    fn put(&mut self, digest: Digest) -> Result<(), Unusable> {
        let digests = &mut self.identity.digests;
        match digests.iter().find(|earlier| earlier.form == digest.form) {
            None => digests.push(digest),
            Some(earlier) if *earlier == digest => {}
            Some(_) => return Err(Unusable::AnotherBefore),
        }
        Ok(())
    }
}

impl Sent {
    /// What was kept of a request that is decided once more.
    pub fn before(kept: Identity) -> Self {
        Self(Vec::new(), kept)
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty() && self.1 == Identity::default()
    }

    /// Adds a field.
    pub fn take(&mut self, named: Named, value: &str) {
        let value = value.trim();
        if self.0.len() < MOST_VALUES && !value.is_empty() {
            let mut end = value.len().min(MOST_BYTES);
            while !value.is_char_boundary(end) {
                end -= 1;
            }
            self.0.push((named, value[..end].to_owned()));
        }
    }

    /// Adds what another part of the request says.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.truncate(MOST_VALUES);
    }

    /// Makes digests of it under the setting of an offer; without one nothing is kept.
    pub fn settle(&self, policy: Option<&IdentityPolicy>) -> Settled {
        let mut settled = Settled {
            identity: self.1.clone(),
            remarks: Vec::new(),
        };
        if !policy.is_some_and(|policy| policy.is_kept) {
            settled.identity.digests.clear();
        }
        for (named, value) in &self.0 {
            let (slots, name): (&[bool; 2], _) = match named {
                Named::AdUserData => (&[true, false], "ad_user_data"),
                Named::AdPersonalization => (&[false, true], "ad_personalization"),
                Named::Consent => (&[true, true], "consent"),
                Named::Identifier(..) => continue,
            };
            match consent(value) {
                Ok(word) => {
                    let identity = &mut settled.identity;
                    let is_general = *named == Named::Consent;
                    for (slot, is_meant) in [&mut identity.ad_user_data, &mut identity.ad_personalization]
                        .into_iter()
                        .zip(slots)
                    {
                        if *is_meant && (!is_general || slot.is_none()) {
                            *slot = word;
                        }
                    }
                }
                Err(fault) => settled.tell(Remark::LeftOut(name, fault)),
            }
        }
        let is_denied = settled.identity.is_denied();
        for (named, value) in &self.0 {
            let Named::Identifier(kind, form) = *named else {
                continue;
            };
            match policy.filter(|policy| policy.is_kept) {
                None => settled.tell(Remark::Off(kind)),
                Some(_) if is_denied => settled.tell(Remark::LeftOut(kind.as_str(), Unusable::ConsentDenied)),
                Some(policy) => {
                    for part in parts(kind, value) {
                        if let Err(fault) = identify(kind, form, &part, policy, &mut settled) {
                            settled.tell(Remark::LeftOut(kind.as_str(), fault));
                        }
                    }
                }
            }
        }
        settled
    }
}

/// Adds the digests of one value.
fn identify(
    kind: Kind,
    form: Option<Form>,
    value: &str,
    policy: &IdentityPolicy,
    settled: &mut Settled,
) -> Result<(), Unusable> {
    if let Some(sha256) = ready_made(value) {
        if is_of_nothing(&sha256) {
            return Err(Unusable::HashOfNothing);
        }
        let form = form.unwrap_or_else(|| Form::usual(kind));
        return settled.put(Digest { form, sha256 });
    }
    if is_nothing(value) {
        return Err(Unusable::Nothing);
    }
    if is_other_hash(value) && kind != Kind::ExternalId {
        return Err(Unusable::OtherHash);
    }
    let digests = match kind {
        Kind::Email => email::digests(value)?,
        Kind::Phone => phone::digests(value, &policy.phone_country)?,
        Kind::ExternalId if value.len() > MOST_ID_BYTES => return Err(Unusable::TooLong),
        Kind::ExternalId => vec![Digest::of(Form::ExternalIdSha256, value)],
    };
    // All forms are of one value: with another before it, none of them is taken.
    let usual = Form::usual(kind);
    let first = settled
        .identity
        .digests
        .iter()
        .find(|earlier| earlier.form == usual);
    if first.is_some_and(|first| !digests.contains(first)) {
        return Err(Unusable::AnotherBefore);
    }
    for digest in digests {
        // A form that the caller made itself stays.
        settled.put(digest).ok();
    }
    Ok(())
}

/// The values that a field holds: a list in JSON, or several with commas between them.
fn parts(kind: Kind, value: &str) -> Vec<String> {
    if value.starts_with('[')
        && let Ok(serde_json::Value::Array(items)) = serde_json::from_str(value)
    {
        return items.iter().filter_map(text).take(MOST_VALUES).collect();
    }
    let separators: &[char] = match kind {
        Kind::Email => &[',', ';', '、', '，'],
        Kind::Phone => &[',', '、', '，'],
        Kind::ExternalId => &[],
    };
    let parts = value.split(separators).map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).take(MOST_VALUES).collect()
}

fn text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A word for yes or no; `None` for one that says that nothing was said.
fn consent(value: &str) -> Result<Option<Consent>, Unusable> {
    let word: String = value.trim().to_lowercase().replace([' ', '-'], "_");
    Ok(match word.trim_start_matches("consent_") {
        "granted" | "grant" | "given" | "yes" | "y" | "true" | "1" | "on" | "allow" | "allowed"
        | "accept" | "accepted" | "agree" | "agreed" | "opt_in" | "optin" | "同意" | "同意する" | "はい" => {
            Some(Consent::Granted)
        }
        "denied" | "deny" | "no" | "n" | "false" | "0" | "off" | "disallow" | "reject" | "rejected"
        | "refused" | "declined" | "withdrawn" | "opt_out" | "optout" | "拒否" | "同意しない" | "いいえ" => {
            Some(Consent::Denied)
        }
        "unspecified" | "status_unspecified" | "unknown" | "not_set" | "null" | "undefined" => None,
        _ => return Err(Unusable::UnknownWord),
    })
}
