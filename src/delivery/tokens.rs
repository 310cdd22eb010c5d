//! Tokens that expire: asked for at their endpoint by one worker at a time, kept in memory until shortly before they
//! end, and asked for anew once a receiver refuses one.

use super::holds::HoldCause;
use crate::domain::postback::{Method, Outcome, Request};
use crate::domain::secret::{PartnerSecret, TokenSource};
use crate::domain::service_account;
use crate::domain::template::hole::{self, HoleError};
use crate::domain::template::token_form;
use crate::wire::{Client, Limits};
use parking_lot::Mutex;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

/// How long a token counts whose answer does not say so, milliseconds.
const LIFE_MS: i64 = 3_600_000;
/// It is renewed this long before it ends, milliseconds, but never before half of its life.
const MARGIN_MS: i64 = 60_000;
/// Longest life that is believed, milliseconds.
const MOST_LIFE_MS: i64 = 24 * 3_600_000;
/// A token that is refused this soon after another one was is no better, milliseconds.
const SOON_MS: i64 = 60_000;
/// Longest token, bytes.
const MOST_BYTES: usize = 16 * 1024;

/// Why a request cannot be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// The partner's postbacks wait.
    Held(HoldCause, String),
    /// The visitor's whole address is not, or no longer, kept: it is not sent.
    NoAddress,
    /// This one fails; a sentence says why.
    Wrong(String),
}

#[derive(Clone)]
struct Token {
    text: String,
    until_ms: i64,
    /// Of which version of the secret it is.
    of_ms: i64,
    fetched_at_ms: i64,
}

/// What is known of one token.
#[derive(Default)]
struct Known {
    token: Option<Token>,
    /// When one was last let go because a receiver refused it.
    let_go_at_ms: Option<i64>,
}

type Slot = Arc<Mutex<Known>>;

/// How an endpoint is asked.
pub(super) struct Asking<'a> {
    pub(super) client: &'a Client,
    pub(super) limits: Limits,
    pub(super) now_ms: i64,
}

/// Tokens in memory.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<(String, String), Slot>>);

impl Tokens {
    fn slot(&self, partner: &str, name: &str) -> Slot {
        let mut slots = self.0.lock();
        slots
            .entry((partner.to_owned(), name.to_owned()))
            .or_default()
            .clone()
    }

    /// A token that counts now; `secret` gives the secrets that its form names.
    pub(super) fn get(
        &self,
        secret: &PartnerSecret,
        source: &TokenSource,
        asking: &Asking<'_>,
        other: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, Unfilled> {
        let slot = self.slot(secret.partner.as_str(), secret.name.as_str());
        let mut slot = slot.lock();
        let is_good = |token: &&Token| token.of_ms == secret.updated_at_ms && asking.now_ms < token.until_ms;
        if let Some(token) = slot.token.as_ref().filter(is_good) {
            return Ok(token.text.clone());
        }
        let token = fetch(secret, source, asking, other)?;
        let text = token.text.clone();
        slot.token = Some(token);
        Ok(text)
    }

    /// A receiver refused the token of a request that began to be filled at `began_ms`. `true` when another one may do
    /// better: the refused one is an old one. Of several requests that are refused at once with a new one, none says so.
    pub(super) fn refused(&self, partner: &str, name: &str, began_ms: i64, now_ms: i64) -> bool {
        let slot = self.slot(partner, name);
        let mut slot = slot.lock();
        let let_go_at_ms = slot.let_go_at_ms.filter(|at_ms| began_ms - at_ms < SOON_MS);
        match (let_go_at_ms, &slot.token) {
            // It went out with the one that was let go meanwhile.
            (Some(at_ms), _) if began_ms <= at_ms => true,
            (Some(_), _) => {
                slot.token = None;
                false
            }
            (None, Some(token)) if token.fetched_at_ms >= began_ms => {
                slot.token = None;
                false
            }
            (None, _) => {
                slot.token = None;
                slot.let_go_at_ms = Some(now_ms);
                true
            }
        }
    }
}

fn fetch(
    secret: &PartnerSecret,
    source: &TokenSource,
    asking: &Asking<'_>,
    other: &dyn Fn(&str) -> Option<String>,
) -> Result<Token, Unfilled> {
    let refused = |why: String| {
        Unfilled::Held(
            HoldCause::TokenEndpoint,
            format!("{}: {why}", secret.name.as_str()),
        )
    };
    let own = |name: &str| {
        if name == secret.name.as_str() {
            secret.value.open().map(str::to_owned)
        } else {
            other(name)
        }
    };
    let form = token_form(&source.form).map_err(|_| refused("its form cannot be read".into()))?;
    let request = Request {
        method: Method::Post,
        url: source.url.clone(),
        headers: vec![("Content-Type".into(), "application/x-www-form-urlencoded".into())],
        body: Some(form),
    };
    // The key of a service account signs, and stays here.
    let unsigned = Cell::new(None);
    let told = |name: &str| {
        let value = own(name)?;
        if !service_account::is_key(&value) {
            return Some(value);
        }
        let signed = service_account::assertion(&value, &source.form, &source.url, asking.now_ms);
        signed.map_err(|error| unsigned.set(Some(error))).ok()
    };
    let filled = hole::fill(&request, &told).map_err(|error| match (unsigned.get(), error) {
        (Some(error), _) => refused(error.to_string()),
        (None, HoleError::Missing(name)) => Unfilled::Held(HoldCause::SecretMissing, name),
        (None, error) => refused(error.to_string()),
    })?;
    let exchange = asking
        .client
        .exchange(&filled.request, asking.limits, asking.now_ms);
    let status = match exchange.outcome {
        Outcome::Answered { status, .. } => status,
        Outcome::Error { message, .. } => return Err(refused(filled.mask(&message))),
    };
    let json: serde_json::Value = serde_json::from_str(&exchange.body).unwrap_or_default();
    if !(200..=299).contains(&status) {
        let said = ["/error_description", "/error"]
            .into_iter()
            .find_map(|at| json.pointer(at)?.as_str());
        let said: String = said.unwrap_or_default().chars().take(200).collect();
        return Err(refused(filled.mask(format!("{status} {said}").trim())));
    }
    let pointer = if source.pointer.is_empty() {
        "/access_token"
    } else {
        &source.pointer
    };
    let text = json.pointer(pointer).and_then(serde_json::Value::as_str);
    let text = text.filter(|text| !text.is_empty() && text.len() <= MOST_BYTES);
    let text = text.ok_or_else(|| refused(format!("its answer has no text at {pointer}")))?;
    let seconds = json
        .pointer("/expires_in")
        .and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
    let life_ms = seconds
        .map_or(LIFE_MS, |s| s.saturating_mul(1_000))
        .clamp(0, MOST_LIFE_MS);
    Ok(Token {
        text: text.to_owned(),
        until_ms: asking.now_ms + (life_ms - MARGIN_MS).max(life_ms / 2),
        of_ms: secret.updated_at_ms,
        fetched_at_ms: asking.now_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(tokens: &Tokens, at_ms: i64) {
        tokens.slot("p", "t").lock().token = Some(Token {
            text: "token".into(),
            until_ms: at_ms + LIFE_MS,
            of_ms: 0,
            fetched_at_ms: at_ms,
        });
    }

    #[test]
    fn an_old_token_is_let_go_once_and_a_new_one_that_is_refused_is_the_end() {
        let tokens = Tokens::default();
        let refused = |began_ms, now_ms| tokens.refused("p", "t", began_ms, now_ms);
        fetched(&tokens, 1_000);
        assert!(refused(5_000, 5_050), "an old one");
        assert!(refused(5_010, 5_060), "the old one too, on its way");
        // Two requests with the new one, refused in either order: the one that fetched it, and one that came later.
        for order in [[5_100, 5_110], [5_110, 5_100]] {
            fetched(&tokens, 5_100);
            assert_eq!(order.map(|began_ms| refused(began_ms, 5_200)), [false, false]);
        }
        fetched(&tokens, 70_000);
        assert!(refused(90_000, 90_010), "later it is an old one again");
    }

    #[test]
    fn a_token_that_was_fetched_for_the_request_that_is_refused_is_no_old_one() {
        let tokens = Tokens::default();
        fetched(&tokens, 1_000);
        assert!(!tokens.refused("p", "t", 1_000, 1_300), "however long it took");
    }
}
