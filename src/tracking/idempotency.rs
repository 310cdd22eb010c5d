//! `Idempotency-Key`: the same request under the same key is decided once, and its repeat gets the first answer.
//!
//! The answer is remembered in the commit that it speaks of. A record that cannot be read is told, and nothing is
//! decided: the request may have counted already.
//!
//! A key is the caller's own: it is looked up only after trust has passed, within the [`Scope`] of who sent it, so no
//! header that a stranger chooses meets the keys of somebody else. Callers that proved themselves are told when they
//! use a key for another request; for all others such a key is ignored, since nobody knows whose mistake it is.
//!
//! A signature decides once, with a key or without: what was signed is remembered like a key until its time is over, so
//! that who overheard a request and sends it again, under whatever header, writes nothing.

use super::caller::{Caller, Proof};
use super::outcome::Outcome;
use super::query::FieldError;
use super::signed::Signed;
use super::trust::{self, Judgement};
use crate::domain::duplicates::{self, Hash, Remembered};
use crate::domain::offer::TrustPolicy;
use crate::domain::unfilled::{self, Certainty, Role};
use crate::recorder::Group;
use crate::store::codec::Idempotency as Stored;
use crate::store::{Doubt, Key, StoreError, keys};
use crate::telemetry;

/// Longest `Idempotency-Key`, bytes.
pub const MAX_KEY_BYTES: usize = 255;

/// What an `Idempotency-Key` stands for.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// As sent.
    key: String,
    /// Path of the request.
    endpoint: String,
    /// [`duplicates::request_hash`].
    request: Hash,
}

/// Whose keys are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    kind: &'static str,
    /// Who it is among those of its kind.
    who: String,
    /// Offer, or partner, that the caller speaks for; empty when it is not known.
    of: String,
    /// How versions before 2026-11-29 named the caller; only of callers that proved themselves.
    before: Option<String>,
    /// What a caller signed who proved itself by it.
    signed: Option<Signed>,
}

impl Scope {
    /// The caller as a policy sees it; `None` when the policy refuses it, and no key of it is looked up.
    pub(super) fn judged(
        policy: &TrustPolicy,
        judgement: Judgement,
        caller: &Caller,
        of: &str,
    ) -> Option<Self> {
        if matches!(judgement, Judgement::Refused(_)) {
            return None;
        }
        if judgement != Judgement::Proven {
            return Some(Self::unproven(caller, of));
        }
        let authorization = caller.proof.authorization.as_deref().unwrap_or_default();
        let ip = caller.ip.to_canonical().to_string();
        let (kind, who) = if !policy.bearer_tokens.is_empty() {
            ("token", trust::token_hash(authorization.trim()))
        } else if policy.hmac_secret.is_some() {
            ("signature", String::new())
        } else {
            ("listed address", ip)
        };
        let before = if authorization.is_empty() {
            caller.ip.to_string()
        } else {
            authorization.to_owned()
        };
        Some(Self {
            kind,
            who,
            of: of.to_owned(),
            before: Some(before),
            signed: policy
                .hmac_secret
                .as_ref()
                .and_then(|_| Signed::of(&caller.proof, of)),
        })
    }

    /// A caller that nothing vouches for: its browser, else its address.
    pub(super) fn unproven(caller: &Caller, of: &str) -> Self {
        let (kind, who) = if caller.tuid.is_empty() {
            ("address", caller.ip.to_canonical().to_string())
        } else {
            ("browser", caller.tuid.clone())
        };
        Self {
            kind,
            who,
            of: of.to_owned(),
            before: None,
            signed: None,
        }
    }

    fn is_proven(&self) -> bool {
        self.before.is_some()
    }
}

/// What a caller is told, as it is remembered.
pub trait Told: Sized {
    /// HTTP status and text; `None` for an answer that asks to send the request again.
    fn remembered(&self) -> Option<(u16, String)>;

    /// The answer of a remembered status and text; `None` when the text is none.
    fn recalled(status: u16, text: &str) -> Option<Self>;
}

impl Idempotency {
    /// Reads the header of a request. Without one there is nothing to remember.
    ///
    /// # Errors
    /// A key that is no 1 to 255 visible ASCII characters.
    pub fn read(header: Option<&str>, proof: &Proof) -> Result<Option<Self>, FieldError> {
        let Some(key) = key(header)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            key,
            endpoint: proof.path.clone(),
            request: duplicates::request_hash(&proof.query, &proof.body),
        }))
    }

    fn hash(&self, scope: &Scope) -> Hash {
        duplicates::idempotency_hash(scope.kind, &scope.who, &scope.of, &self.endpoint, &self.key)
    }
}

/// Decides a request, unless it was decided before under its signature or its key. Without a scope nothing is looked
/// up.
pub(super) fn once<T: Told>(
    idempotency: Option<&Idempotency>,
    scope: Option<&Scope>,
    group: &mut Group<'_>,
    decide: impl FnOnce(&mut Group<'_>) -> Result<T, StoreError>,
) -> Result<Outcome<T>, StoreError> {
    let Some(signed) = scope.and_then(|scope| scope.signed.as_ref()) else {
        return once_under_its_key(idempotency, scope, group, decide);
    };
    match recall(&signed.hash, &signed.request, group)? {
        Recalled::Answer(told) => return Ok(Outcome::Decided(told)),
        Recalled::Unreadable => return Ok(Outcome::KeyUnreadable),
        // What is signed is part of the hash: there is no other request under it.
        Recalled::Nothing | Recalled::Conflict => {}
    }
    let outcome = once_under_its_key(idempotency, scope, group, decide)?;
    if let Outcome::Decided(told) = &outcome
        && let Some((status @ ..400, answer)) = told.remembered()
    {
        let entry = Stored {
            expires_at_ms: signed.ends_at_ms,
            body_hash: signed.request,
            status,
            answer,
        };
        group.save(keys::idempotency(&signed.hash), &entry)?;
    }
    Ok(outcome)
}

fn once_under_its_key<T: Told>(
    idempotency: Option<&Idempotency>,
    scope: Option<&Scope>,
    group: &mut Group<'_>,
    decide: impl FnOnce(&mut Group<'_>) -> Result<T, StoreError>,
) -> Result<Outcome<T>, StoreError> {
    let (Some(idempotency), Some(scope)) = (idempotency, scope) else {
        return decide(group).map(Outcome::Decided);
    };
    let hash = idempotency.hash(scope);
    match recall(&hash, &idempotency.request, group)? {
        Recalled::Nothing => {}
        Recalled::Answer(told) => return Ok(Outcome::Decided(told)),
        Recalled::Unreadable => return Ok(Outcome::KeyUnreadable),
        Recalled::Conflict if scope.is_proven() => return Ok(Outcome::KeyReused),
        Recalled::Conflict => {
            if let Some(left_out) = telemetry::occasionally("idempotency_key_ignored") {
                tracing::warn!(
                    code = "idempotency_key_ignored",
                    left_out,
                    of = scope.of,
                    endpoint = idempotency.endpoint,
                    "an Idempotency-Key came again with another request, from a caller that proved nothing: \
                     it was ignored; give the caller a token to have such requests refused"
                );
            }
            return decide(group).map(Outcome::Decided);
        }
    }
    if let Some(before) = &scope.before {
        // What is stored in this form is 24 hours old at most, and a stranger may have written it: only the very
        // same request is answered by it.
        let hash = duplicates::unscoped_idempotency_hash(before, &idempotency.endpoint, &idempotency.key);
        match recall(&hash, &idempotency.request, group)? {
            Recalled::Answer(told) => return Ok(Outcome::Decided(told)),
            Recalled::Unreadable => return Ok(Outcome::KeyUnreadable),
            Recalled::Nothing | Recalled::Conflict => {}
        }
    }
    let told = decide(group)?;
    if let Some((status, answer)) = told.remembered() {
        let entry = Stored {
            expires_at_ms: group.now_ms() + duplicates::IDEMPOTENCY_TTL_MS,
            body_hash: idempotency.request,
            status,
            answer,
        };
        group.save(keys::idempotency(&hash), &entry)?;
    }
    Ok(Outcome::Decided(told))
}

/// What is remembered under a key.
enum Recalled<T> {
    Nothing,
    Answer(T),
    Conflict,
    Unreadable,
}

fn recall<T: Told>(hash: &Hash, request: &Hash, group: &Group<'_>) -> Result<Recalled<T>, StoreError> {
    let at = keys::idempotency(hash);
    let entry = match group.load(&at) {
        Ok(Some(entry)) => entry,
        Ok(None) => return Ok(Recalled::Nothing),
        Err(StoreError::Record { .. }) => return doubted(&at, group),
        Err(error) => return Err(error),
    };
    let known = Remembered {
        request: entry.body_hash,
        expires_at_ms: entry.expires_at_ms,
    };
    Ok(
        match duplicates::judge_idempotency(Some(&known), request, group.now_ms()) {
            duplicates::Idempotency::New => Recalled::Nothing,
            duplicates::Idempotency::Conflict => Recalled::Conflict,
            duplicates::Idempotency::Same => match T::recalled(entry.status, &entry.answer) {
                Some(told) => Recalled::Answer(told),
                None => return doubted(&at, group),
            },
        },
    )
}

/// A record that cannot be read: the request waits until the store is rebuilt. What is lost then was never answered.
fn doubted<T>(at: &Key<Stored>, group: &Group<'_>) -> Result<Recalled<T>, StoreError> {
    const WHAT: &str = "what was answered under an idempotency key cannot be read: a request that was sent again may have counted twice";
    Ok(match group.doubt(at, WHAT)? {
        Doubt::Rebuilding => Recalled::Unreadable,
        Doubt::Lost => Recalled::Nothing,
    })
}

/// The key of a header: 1 to 255 visible ASCII characters. An absent header is none.
fn key(header: Option<&str>) -> Result<Option<String>, FieldError> {
    // A variable that nobody filled is the same for every order.
    let is_filled = |key: &&str| {
        let found = unfilled::judge(key.as_bytes(), Role::Id);
        found.is_none_or(|found| found.certainty != Certainty::Certain)
    };
    let Some(key) = header.map(str::trim).filter(is_filled) else {
        return Ok(None);
    };
    let is_good =
        (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if is_good {
        Ok(Some(key.to_owned()))
    } else {
        Err(FieldError::new(
            "Idempotency-Key",
            "invalid_idempotency_key",
            "The header must have 1 to 255 visible ASCII characters, such as a UUID.",
        ))
    }
}

#[cfg(test)]
#[path = "idempotency_tests.rs"]
mod tests;
