//! Who may use the admin side: the set-up token, logins of users, API tokens, roles. Handlers name the role
//! that they need by their argument ([`Viewer`], [`Editor`], [`Owner`]); one without it cannot know who asks.
//!
//! 2026-11-21: API tokens are taken from the Authorization header only and need no CSRF defence; logins come
//! by cookie and every change by them must come from our own pages.

pub mod csrf;
pub mod login;
pub mod password;
pub mod setup;
pub mod throttle;
pub mod totp;

use super::State;
use super::client::{Caller, caller};
use super::problem::ApiError;
use super::reach::ReachKey;
use crate::domain::account::{ApiToken, Role, TokenScope};
use crate::domain::ids::{PartnerId, UserId};
use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::future::{Ready, ready};
use std::num::NonZeroU32;
use std::time::Duration;

/// What API tokens begin with.
pub const TOKEN_PREFIX: &str = "ybk_";

/// Looks at proof links from one address at once, then one every [`PROOF_EVERY`].
const PROOF_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
const PROOF_EVERY: Duration = Duration::from_secs(2);
/// Checks of public addresses from one address at once, then one every [`CHECK_EVERY`].
const CHECK_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const CHECK_EVERY: Duration = Duration::from_secs(6);

/// State of authentication; one for the instance.
#[derive(Debug)]
pub struct Auth {
    /// The set-up token.
    pub setup: setup::SetupTokens,
    /// Hashes passwords.
    pub hasher: password::Hasher,
    /// Counts tries.
    pub throttle: throttle::Throttle,
    /// Counts looks at proof links, known or not.
    pub proofs: throttle::Rate,
    /// Counts checks of public addresses.
    pub address_checks: throttle::Rate,
    /// Proves that an address leads to this process.
    pub reach: ReachKey,
}

impl Auth {
    /// Makes it; hashes one password.
    pub fn new() -> Result<Self, ApiError> {
        Ok(Self {
            setup: setup::SetupTokens::default(),
            hasher: password::Hasher::new()?,
            throttle: throttle::Throttle::default(),
            proofs: throttle::Rate::new(PROOF_BURST, PROOF_EVERY),
            address_checks: throttle::Rate::new(CHECK_BURST, CHECK_EVERY),
            reach: ReachKey::new()?,
        })
    }
}

/// How somebody proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// By a login: the id of its record.
    Login(String),
    /// By an API token: its public id.
    Token(String),
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Identity {
    /// For the audit log: `user hanako`, `token deploy`.
    pub actor: String,
    /// What they may do.
    pub role: Role,
    /// The user, unless it is a token.
    pub user: Option<UserId>,
    /// Partners that they are limited to; empty means all.
    pub partners: Vec<PartnerId>,
    /// How they proved it.
    pub proof: Proof,
    /// Where they are.
    pub caller: Caller,
}

impl Identity {
    /// Whether they may see what belongs to a partner (or to none).
    pub fn sees(&self, partner: Option<&PartnerId>) -> bool {
        self.partners.is_empty() || partner.is_some_and(|partner| self.partners.contains(partner))
    }

    /// Refuses accounts that are limited to partners.
    pub fn whole(&self) -> Result<(), ApiError> {
        if self.partners.is_empty() {
            Ok(())
        } else {
            Err(ApiError::PartnerLimited)
        }
    }

    /// The address as the audit log shows it.
    pub fn from(&self) -> String {
        self.caller.ip.to_string()
    }
}

/// 256 random bits as text (43 characters of base64url).
pub fn random_text() -> Result<String, ApiError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ApiError::Defect {
        what: "random numbers",
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Lower-case hex of the SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn role_of(scope: TokenScope) -> Role {
    match scope {
        TokenScope::Read => Role::Viewer,
        TokenScope::Write => Role::Editor,
        TokenScope::Admin => Role::Owner,
    }
}

/// The token that a secret belongs to, unless it has expired.
fn find_token<'a>(
    tokens: impl Iterator<Item = &'a ApiToken>,
    secret: &str,
    now_ms: i64,
) -> Option<&'a ApiToken> {
    let hash = sha256_hex(secret.as_bytes());
    let mut tokens = tokens;
    tokens.find(|t| t.sha256 == hash && t.expires_at_ms.is_none_or(|end_ms| now_ms < end_ms))
}

/// Proves who asks, by token or by cookie. With `notes_use` a login counts as used: what a page does by
/// itself must not keep a login alive.
pub fn identify(request: &HttpRequest, state: &State, notes_use: bool) -> Result<Identity, ApiError> {
    let caller = caller(request, &state.config.trusted_proxies);
    let catalog = state.recorder.catalog();
    let now_ms = state.recorder.clock().now_ms();
    if let Some(header) = request.headers().get(AUTHORIZATION) {
        let secret = header
            .to_str()
            .ok()
            .and_then(|h| h.strip_prefix("Bearer "))
            .map(str::trim);
        let token = secret
            .filter(|s| s.starts_with(TOKEN_PREFIX))
            .and_then(|s| find_token(catalog.tokens.values().map(|t| &**t), s, now_ms));
        let Some(token) = token else {
            state.auth.throttle.check(caller.ip, None)?;
            return Err(ApiError::Unauthenticated);
        };
        return Ok(Identity {
            actor: format!("token {}", token.name),
            role: role_of(token.scope),
            user: None,
            partners: Vec::new(),
            proof: Proof::Token(token.id.to_string()),
            caller,
        });
    }
    let none = || {
        if catalog.users.is_empty() {
            ApiError::SetupRequired
        } else {
            ApiError::Unauthenticated
        }
    };
    let cookie = request
        .cookie(login::cookie_name(caller.is_tls))
        .ok_or_else(none)?;
    let found = login::find(state.recorder.reader(), &catalog, cookie.value(), now_ms)?;
    let (id, login, user) = found.ok_or_else(none)?;
    if !csrf::is_safe(request.method())
        && csrf::source(request.headers(), &caller.origin()) != csrf::Source::SameOrigin
    {
        return Err(ApiError::CrossSite);
    }
    if notes_use {
        login::touch(state, &id, &login, now_ms);
    }
    Ok(Identity {
        actor: format!("user {}", user.login),
        role: user.role,
        user: Some(user.id.clone()),
        // Only viewers can be limited; a limit left over from an earlier role does not hide anything.
        partners: if user.role == Role::Viewer {
            user.partners.clone()
        } else {
            Vec::new()
        },
        proof: Proof::Login(id),
        caller,
    })
}

fn with_role(request: &HttpRequest, needs: Role) -> Result<Identity, ApiError> {
    let state = request.app_data::<web::Data<State>>().ok_or(ApiError::Defect {
        what: "missing state",
    })?;
    let identity = identify(request, state, true)?;
    if identity.role < needs {
        Err(ApiError::Forbidden { needs })
    } else {
        Ok(identity)
    }
}

macro_rules! role_extractor {
    ($(#[$doc:meta])* $name:ident, $role:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Identity);

        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;
            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready(with_role(request, $role).map(Self))
            }
        }
    };
}

role_extractor! {
    /// Somebody who may look.
    Viewer, Role::Viewer
}
role_extractor! {
    /// Somebody who may change offers, partners, links and rules, approve and resend.
    Editor, Role::Editor
}
role_extractor! {
    /// Somebody who may do everything.
    Owner, Role::Owner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_by_their_hash_until_they_expire() {
        let token = |name: &str, expires_at_ms| ApiToken {
            id: "token1".parse().unwrap(),
            name: name.into(),
            sha256: sha256_hex(format!("ybk_{name}").as_bytes()),
            scope: TokenScope::Read,
            created_by: String::new(),
            created_at_ms: 0,
            expires_at_ms,
        };
        let tokens = [token("a", None), token("b", Some(100))];
        let find = |secret, now_ms| find_token(tokens.iter(), secret, now_ms).map(|t| t.name.as_str());
        assert_eq!(find("ybk_a", 1_000_000), Some("a"));
        assert_eq!(find("ybk_b", 99), Some("b"));
        assert_eq!(find("ybk_b", 100), None);
        assert_eq!(find(&tokens[0].sha256, 0), None, "the stored hash is no secret");
    }

    #[test]
    fn hashes_and_random_texts_have_their_forms() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let (a, b) = (random_text().unwrap(), random_text().unwrap());
        assert!(a.len() == 43 && a != b);
    }
}
