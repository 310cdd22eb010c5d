//! Whether a public address reaches this server. The server asks itself: it calls a path of the tracking side under
//! the address with a fresh nonce, and the answer is bound to the nonce by a key that only this process knows.
//!
//! The caller learns one of a few words and never what was answered, so that this is no window into the network
//! that the server stands in: one fixed path, nothing followed, metadata services never called. An address that
//! is not public is called too, since people try things out on their own machine, but of one that does not lead
//! here they learn nothing more, after a fixed time.

use super::AdminError;
use super::random::random_text;
use crate::delivery::Delivery;
use crate::domain::postback::{ErrorClass, Method, Outcome, Request};
use crate::wire::{Exchange, Limits};
use aws_lc_rs::hmac;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Where the proof is asked for.
pub const PATH: &str = "/.well-known/yamabiko-check";
/// Characters of a nonce: 32 bytes in base64url.
const NONCE_CHARS: usize = 43;
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(3),
    total: Duration::from_secs(5),
};

/// The key of this process.
pub struct ReachKey(hmac::Key);

impl std::fmt::Debug for ReachKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReachKey")
    }
}

impl ReachKey {
    /// A new one.
    pub fn new() -> Result<Self, AdminError> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        hmac::Key::generate(hmac::HMAC_SHA256, &random)
            .map(Self)
            .map_err(|_| AdminError::Defect {
                what: "random numbers",
            })
    }

    /// The answer to a nonce; `None` when it is none of ours.
    pub fn answer(&self, nonce: &str) -> Option<String> {
        let is_nonce = nonce.len() == NONCE_CHARS
            && nonce
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        is_nonce.then(|| self.proof(nonce))
    }

    fn proof(&self, nonce: &str) -> String {
        let tag = hmac::sign(&self.0, nonce.as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// The address leads here.
    Ok,
    /// The address leads here, and is not public: partners and visitors cannot use it.
    OkPrivate,
    /// Something else answered.
    SomethingElse,
    /// A redirect was answered.
    Redirected,
    /// The name has no address.
    NotResolved,
    /// Nothing listens there.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The certificate is wrong.
    Tls,
    /// The address is not public and does not lead here.
    PrivateElsewhere,
}

impl Reached {
    /// A sentence that says what to do; the UI has its own texts.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Ok => "This address reaches the server.",
            Self::OkPrivate => {
                "This address reaches the server, but only from this machine or its network: partners and visitors need a public one."
            }
            Self::SomethingElse => {
                "Another server answers under this address: point its DNS, or the reverse proxy, to this one."
            }
            Self::Redirected => {
                "This address redirects: enter the one that it leads to, usually the same with https."
            }
            Self::NotResolved => {
                "The name has no address: make its DNS record, then wait some minutes until it is known."
            }
            Self::Refused => {
                "Nothing listens under this address: check the port, that the reverse proxy runs, and the firewall."
            }
            Self::TimedOut => {
                "There was no answer: check the firewall. Some routers do not let a server call its own public address; then open it from a phone."
            }
            Self::Tls => {
                "The certificate of this address is not valid: renew it, or check that it is made for this name."
            }
            Self::PrivateElsewhere => {
                "This is an address of a private network and does not lead here: enter the public address of the server."
            }
        }
    }
}

/// Checks whether an address (`scheme://host[:port]`) leads here. Waits for the answer, at most ten seconds.
pub fn check(key: &ReachKey, delivery: &Delivery, origin: &str) -> Result<Reached, AdminError> {
    let nonce = random_text()?;
    let request = Request {
        method: Method::Get,
        url: format!("{origin}{PATH}/{nonce}"),
        headers: Vec::new(),
        body: None,
    };
    let proof = key.proof(&nonce);
    let public = judge(&delivery.client().exchange(&request, LIMITS, 0), &proof);
    if let Some(reached) = public {
        return Ok(reached);
    }
    let begun = Instant::now();
    let own = judge(&delivery.client().exchange_with_own(&request, LIMITS, 0), &proof);
    if own == Some(Reached::Ok) {
        return Ok(Reached::OkPrivate);
    }
    // Whether something refused or was silent in there is nobody's business, nor is how long it took.
    std::thread::sleep(LIMITS.total.saturating_sub(begun.elapsed()));
    Ok(Reached::PrivateElsewhere)
}

/// What an exchange says; `None`: the address is not public and was not called.
fn judge(exchange: &Exchange, proof: &str) -> Option<Reached> {
    Some(match &exchange.outcome {
        Outcome::Answered { status: 200, .. } if exchange.body == proof => Reached::Ok,
        Outcome::Answered {
            status: 300..=399, ..
        } => Reached::Redirected,
        Outcome::Answered { .. } => Reached::SomethingElse,
        Outcome::Error { class, .. } => match class {
            ErrorClass::Dns => Reached::NotResolved,
            ErrorClass::Connect => Reached::Refused,
            ErrorClass::Tls => Reached::Tls,
            ErrorClass::Timeout => Reached::TimedOut,
            ErrorClass::Reset | ErrorClass::Malformed | ErrorClass::Internal => Reached::SomethingElse,
            ErrorClass::Egress => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_proof_of_this_nonce_counts() {
        let (ours, other) = (ReachKey::new().unwrap(), ReachKey::new().unwrap());
        let answered = |status, body: &str| Exchange {
            outcome: Outcome::Answered {
                status,
                retry_after_s: None,
            },
            body: body.into(),
            ..Exchange::failed(ErrorClass::Dns, "", Duration::ZERO)
        };
        let proof = ours.proof("nonce");
        for (status, body, reached) in [
            (200, proof.clone(), Reached::Ok),
            (200, ours.proof("another"), Reached::SomethingElse),
            (200, other.proof("nonce"), Reached::SomethingElse),
            (200, format!("{proof} "), Reached::SomethingElse),
            (404, proof.clone(), Reached::SomethingElse),
            (301, String::new(), Reached::Redirected),
        ] {
            assert_eq!(
                judge(&answered(status, &body), &proof),
                Some(reached),
                "{status} {body}"
            );
        }
        for (class, reached) in [
            (ErrorClass::Dns, Some(Reached::NotResolved)),
            (ErrorClass::Connect, Some(Reached::Refused)),
            (ErrorClass::Timeout, Some(Reached::TimedOut)),
            (ErrorClass::Tls, Some(Reached::Tls)),
            (ErrorClass::Malformed, Some(Reached::SomethingElse)),
            (ErrorClass::Egress, None),
        ] {
            assert_eq!(
                judge(&Exchange::failed(class, "", Duration::ZERO), &proof),
                reached
            );
        }
    }
}
