//! From the stored request of a postback to the one that is sent: secrets in their holes, tokens that expire among
//! them. What comes back is masked with what went in.

use super::holds::HoldCause;
use super::tokens::{Asking, Tokens, Unfilled};
use super::{DeliveryPolicy, Ledger};
use crate::domain::ids::PartnerId;
use crate::domain::postback::{Origin, Request};
use crate::domain::rule::{AnswerPolicy, SecondLook};
use crate::domain::secret::{FULL_ADDRESS, PartnerSecret, SecretText};
use crate::domain::template::hole::{self, Filled, HoleError};
use crate::store::catalog::Catalog;
use crate::wire::Client;
use std::cell::RefCell;

/// What a rule says of how its requests are sent and their answers read.
#[derive(Debug, Clone, Default)]
pub struct RuleTerms {
    /// Signing secret.
    pub signing_secret: Option<SecretText>,
    /// How answers are read.
    pub answers: Option<AnswerPolicy>,
    /// What is asked later of what was taken.
    pub second_look: Option<SecondLook>,
    /// Whose secrets it uses.
    pub owner: Option<PartnerId>,
}

impl RuleTerms {
    /// Of what made a postback: nothing for a callback of a click URL, or when the rule is gone.
    pub fn of(origin: &Origin, catalog: &Catalog) -> Self {
        let rule = match origin {
            Origin::Rule(id) | Origin::Test(id) => catalog.rule(id),
            Origin::Link(_) => None,
        };
        rule.map_or_else(Self::default, |rule| Self {
            signing_secret: rule.signing_secret.clone(),
            answers: rule.answers.clone(),
            second_look: rule.second_look.clone(),
            owner: rule.secret_owner().cloned(),
        })
    }
}

/// Why there are no secrets for a request.
const OWNERLESS: &str = "the rule that made it is gone or names no partner, so its secrets are not known; send it again with today's rule";

/// A request with its secrets.
pub(super) struct Ready {
    pub(super) filled: Filled,
    pub(super) signing_secret: Option<String>,
    /// Names of secrets in it that come from a token endpoint.
    pub(super) tokens: Vec<String>,
    /// When it began to be filled; what an endpoint gave since then was fetched for it.
    pub(super) began_ms: i64,
}

/// Where secrets come from.
pub(super) struct Source<'a> {
    pub(super) ledger: &'a dyn Ledger,
    pub(super) tokens: &'a Tokens,
    pub(super) client: &'a Client,
    pub(super) policy: &'a DeliveryPolicy,
    pub(super) now_ms: i64,
    /// The visitor's whole address, asked for where a request has it.
    pub(super) address: &'a dyn Fn() -> Option<String>,
}

impl Source<'_> {
    /// The request with everything in place.
    pub(super) fn fill(&self, request: &Request, terms: &RuleTerms) -> Result<Ready, Unfilled> {
        let signing_secret = match &terms.signing_secret {
            None => None,
            Some(secret) => match secret.open() {
                Some(open) => Some(open.to_owned()),
                None => return Err(Unfilled::Held(HoldCause::SecretSealed, "signing_secret".into())),
            },
        };
        if !hole::has_holes(request) {
            return Ok(Ready {
                filled: Filled::whole(request.clone()),
                signing_secret,
                tokens: Vec::new(),
                began_ms: self.now_ms,
            });
        }
        let refused: RefCell<Option<Unfilled>> = RefCell::default();
        let tokens: RefCell<Vec<String>> = RefCell::default();
        let secret = |name: &str| {
            let value = match &terms.owner {
                _ if name == FULL_ADDRESS => (self.address)().ok_or(Unfilled::NoAddress),
                Some(owner) => self.value(owner, name, &tokens),
                None => Err(Unfilled::Wrong(OWNERLESS.into())),
            };
            value.map_err(|why| *refused.borrow_mut() = Some(why)).ok()
        };
        match hole::fill(request, &secret) {
            Ok(filled) => Ok(Ready {
                filled,
                signing_secret,
                tokens: tokens.into_inner(),
                began_ms: self.now_ms,
            }),
            Err(HoleError::Missing(name)) => Err(refused
                .into_inner()
                .unwrap_or(Unfilled::Held(HoldCause::SecretMissing, name))),
            Err(error) => Err(Unfilled::Wrong(error.to_string())),
        }
    }

    fn value(&self, owner: &PartnerId, name: &str, used: &RefCell<Vec<String>>) -> Result<String, Unfilled> {
        let secret = self.known(owner, name)?;
        let Some(source) = &secret.token else {
            return open(&secret);
        };
        let mut used = used.borrow_mut();
        if !used.iter().any(|known| known == name) {
            used.push(name.to_owned());
        }
        drop(used);
        let own = |name: &str| self.known(owner, name).ok().filter(|own| own.token.is_none());
        let asking = Asking {
            client: self.client,
            limits: self.policy.limits(),
            now_ms: self.now_ms,
        };
        let get = |name: &str| own(name).and_then(|own| open(&own).ok());
        self.tokens.get(&secret, source, &asking, &get)
    }

    fn known(&self, owner: &PartnerId, name: &str) -> Result<PartnerSecret, Unfilled> {
        let missing = || Unfilled::Held(HoldCause::SecretMissing, name.to_owned());
        self.ledger.secret(owner, name).ok_or_else(missing)
    }
}

fn open(secret: &PartnerSecret) -> Result<String, Unfilled> {
    let sealed = || Unfilled::Held(HoldCause::SecretSealed, secret.name.as_str().to_owned());
    secret.value.open().map(str::to_owned).ok_or_else(sealed)
}
