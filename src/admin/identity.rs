//! Who asks, and how they proved it.

use super::save::Actor;
use super::tokens::{self, role_of};
use super::{AdminError, logins};
use crate::domain::account::{ApiToken, Login, Role, User};
use crate::domain::ids::{PartnerId, UserId};
use crate::recorder::Recorder;
use crate::reports::PartnerScope;
use crate::store::catalog::Catalog;
use std::net::IpAddr;

/// Where somebody sits.
#[derive(Debug, Clone)]
pub struct Place {
    /// Their address.
    pub ip: IpAddr,
    /// What their browser calls itself.
    pub user_agent: String,
    /// What their browser keeps of earlier logins, unproven.
    pub browser: Option<String>,
}

/// How somebody proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
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
    pub credential: Credential,
    /// Their address.
    pub ip: IpAddr,
}

impl Identity {
    /// A user who has signed in.
    pub fn of_login(user: &User, login: String, ip: IpAddr) -> Self {
        Self {
            actor: format!("user {}", user.login),
            role: user.role,
            user: Some(user.id.clone()),
            // Only viewers can be limited; a limit left over from an earlier role does not hide anything.
            partners: if user.role == Role::Viewer {
                user.partners.clone()
            } else {
                Vec::new()
            },
            credential: Credential::Login(login),
            ip,
        }
    }

    /// A program with a token.
    pub fn of_token(token: &ApiToken, ip: IpAddr) -> Self {
        Self {
            actor: format!("token {}", token.name),
            role: role_of(token.scope),
            user: None,
            partners: Vec::new(),
            credential: Credential::Token(token.id.to_string()),
            ip,
        }
    }

    /// Whether they may see what belongs to a partner (or to none).
    pub fn sees(&self, partner: Option<&PartnerId>) -> bool {
        self.partners.is_empty() || partner.is_some_and(|partner| self.partners.contains(partner))
    }

    /// What of reports they may see.
    pub fn scope(&self) -> PartnerScope {
        PartnerScope::only(self.partners.clone())
    }

    /// Refuses accounts that are limited to partners.
    pub fn whole(&self) -> Result<(), AdminError> {
        if self.partners.is_empty() {
            Ok(())
        } else {
            Err(AdminError::PartnerLimited)
        }
    }

    /// Refuses those whose role is too low.
    pub fn may(&self, needs: Role) -> Result<(), AdminError> {
        if self.role < needs {
            Err(AdminError::Forbidden { needs })
        } else {
            Ok(())
        }
    }

    /// Who they are for the audit log.
    pub fn actor(&self) -> Actor {
        Actor {
            name: self.actor.clone(),
            from: self.ip.to_string(),
        }
    }
}

/// Whether somebody who was let in may still do what they could then: their login or token is there, and may as much
/// and sees as much. A login that was idle counts as long as it is not older than logins become.
pub fn is_still_good(recorder: &Recorder, then: &Identity) -> bool {
    let (catalog, now_ms) = (recorder.catalog(), recorder.clock().now_ms());
    let now = match &then.credential {
        Credential::Login(id) => match logins::owner(recorder.reader(), &catalog, id, now_ms) {
            Ok(user) => user.map(|user| Identity::of_login(&user, id.clone(), then.ip)),
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "a login could not be read");
                None
            }
        },
        Credential::Token(id) => (catalog.tokens.values())
            .find(|token| token.id.as_str() == id && token.expires_at_ms.is_none_or(|end_ms| now_ms < end_ms))
            .map(|token| Identity::of_token(token, then.ip)),
    };
    now.is_some_and(|now| now.role >= then.role && now.partners == then.partners)
}

/// Who sent the secret of a token, if it is one that is good.
pub fn by_token(catalog: &Catalog, secret: &str, ip: IpAddr, now_ms: i64) -> Option<Identity> {
    let found = tokens::find(catalog.tokens.values().map(|token| &**token), secret, now_ms);
    found.map(|token| Identity::of_token(token, ip))
}

/// Who sent the text of a login, if it is one that is good, with its record.
pub fn by_login(
    recorder: &Recorder,
    text: &str,
    ip: IpAddr,
) -> Result<Option<(Identity, Login)>, AdminError> {
    let (catalog, now_ms) = (recorder.catalog(), recorder.clock().now_ms());
    let found = logins::find(recorder.reader(), &catalog, text, now_ms)?;
    Ok(found.map(|(id, login, user)| (Identity::of_login(&user, id, ip), login)))
}
