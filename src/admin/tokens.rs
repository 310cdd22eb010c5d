//! API tokens: programs send them in place of a login.

use super::random::{new_id, random_text, sha256_hex};
use super::save::{Note, Save, to_json};
use super::{AdminError, check};
use crate::domain::account::{ApiToken, Role, TokenScope};
use crate::domain::ids::TokenId;
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject};
use serde::{Deserialize, Serialize};

/// What API tokens begin with.
pub const PREFIX: &str = "ybk_";
const DAY_MS: i64 = 86_400_000;

/// An API token as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenDto {
    /// Public id.
    pub id: TokenId,
    /// For people.
    pub name: String,
    /// What it is good for.
    pub scope: TokenScope,
    /// Who made it.
    pub created_by: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds; `null`: it does not expire.
    pub expires_at_ms: Option<i64>,
}

impl From<&ApiToken> for TokenDto {
    fn from(t: &ApiToken) -> Self {
        Self {
            id: t.id.clone(),
            name: t.name.clone(),
            scope: t.scope,
            created_by: t.created_by.clone(),
            created_at_ms: t.created_at_ms,
            expires_at_ms: t.expires_at_ms,
        }
    }
}

/// What a new token is called and good for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What it is good for.
    pub scope: TokenScope,
    /// Days until it expires, 1 to 3650; `null`: it does not.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    pub days: Option<u16>,
}

/// A new token: the only time that its secret is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IssuedToken {
    /// The token.
    pub token: TokenDto,
    /// Send it as `Authorization: Bearer ybk_...`.
    pub secret: String,
}

/// Makes a token. Gives it with its secret, and the change that saves it.
pub fn issue(new: NewToken, made_by: &str, now_ms: i64) -> Result<(IssuedToken, Save), AdminError> {
    check::name("name", &new.name)?;
    if let Some(days) = new.days {
        check::within("days", days, 1, 3650)?;
    }
    let secret = format!("{PREFIX}{}", random_text()?);
    let token = ApiToken {
        id: new_id(TokenId::from_random)?,
        name: new.name,
        sha256: sha256_hex(secret.as_bytes()),
        scope: new.scope,
        created_by: made_by.into(),
        created_at_ms: now_ms,
        expires_at_ms: new.days.map(|days| now_ms + i64::from(days) * DAY_MS),
    };
    let shown = TokenDto::from(&token);
    let note = Note::new("token.create", &token.name).detail(to_json(&shown).to_string());
    let save = Save::insert(ConfigObject::Token(token), note);
    Ok((IssuedToken { token: shown, secret }, save))
}

/// The change that ends a token at once.
pub fn revoke(id: &str, catalog: &Catalog) -> Result<Save, AdminError> {
    let key: TokenId = check::id("token", id)?;
    let found = catalog.tokens.get(&key);
    let token = found.ok_or_else(|| AdminError::not_found("token", id))?;
    Ok(Save::remove(
        ConfigKey::Token(key),
        Note::new("token.revoke", &token.name),
    ))
}

/// What a scope lets its holder do.
pub fn role_of(scope: TokenScope) -> Role {
    match scope {
        TokenScope::Read => Role::Viewer,
        TokenScope::Write => Role::Editor,
        TokenScope::Admin => Role::Owner,
    }
}

/// The token that a secret belongs to, unless it has expired.
pub fn find<'a>(
    mut tokens: impl Iterator<Item = &'a ApiToken>,
    secret: &str,
    now_ms: i64,
) -> Option<&'a ApiToken> {
    if !secret.starts_with(PREFIX) {
        return None;
    }
    let hash = sha256_hex(secret.as_bytes());
    tokens.find(|t| t.sha256 == hash && t.expires_at_ms.is_none_or(|end_ms| now_ms < end_ms))
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
        let find = |secret, now_ms| find(tokens.iter(), secret, now_ms).map(|t| t.name.as_str());
        assert_eq!(find("ybk_a", 1_000_000), Some("a"));
        assert_eq!(find("ybk_b", 99), Some("b"));
        assert_eq!(find("ybk_b", 100), None);
        assert_eq!(find(&tokens[0].sha256, 0), None, "the stored hash is no secret");
    }

    #[test]
    fn whoever_makes_a_token_its_name_and_days_are_checked() {
        let issue = |name: &str, days| {
            let new = NewToken {
                name: name.into(),
                scope: TokenScope::Read,
                days,
            };
            let issued = issue(new, "command line", 5).map(|(issued, _)| issued.token.expires_at_ms);
            issued.map_err(|error| (error.code(), error.field().unwrap_or_default().to_owned()))
        };
        assert_eq!(issue("deploy", Some(1)), Ok(Some(5 + DAY_MS)));
        assert_eq!(issue("deploy", None), Ok(None));
        assert_eq!(issue(" ", None), Err(("empty", "name".into())));
        assert_eq!(issue("deploy", Some(0)), Err(("out_of_range", "days".into())));
        assert_eq!(issue("deploy", Some(3651)), Err(("out_of_range", "days".into())));
    }
}
