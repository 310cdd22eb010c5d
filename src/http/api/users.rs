//! User accounts and API tokens, for owners.

use super::account::check_account;
use super::made_id;
use super::page::{ConfigQuery, Ordered, Page, holds};
use super::save::{self, Note, saved_at, unchanged};
use super::{check, to_json};
use crate::domain::account::{ApiToken, Role, TokenScope, User};
use crate::domain::ids::{PartnerId, TokenId, UserId};
use crate::http::State;
use crate::http::auth::{Owner, TOKEN_PREFIX, password, random_text, sha256_hex};
use crate::http::extract::{Json, Query, id};
use crate::http::problem::ApiError;
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};
use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 86_400_000;

/// A user as the API shows and takes it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserDto {
    /// Made by the server.
    #[serde(default)]
    pub id: Option<UserId>,
    /// Sign-in name: an e-mail address or one word.
    pub login: String,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// A viewer limited to these partners (子アカウント); empty means all.
    #[serde(default)]
    pub partners: Vec<PartnerId>,
    /// `en` or `ja`.
    #[serde(default)]
    pub language: Option<String>,
    /// Off: cannot sign in.
    #[serde(default)]
    pub is_disabled: bool,
    /// A new password; never shown. Needed for a new user; ends every login of an existing one.
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
    /// Whether a second factor is on; set by the server.
    #[serde(default)]
    pub has_totp: bool,
    /// Unix milliseconds; set by the server.
    #[serde(default)]
    pub created_at_ms: i64,
    /// Unix milliseconds of the last save; must be sent back unchanged to replace.
    #[serde(default)]
    pub updated_at_ms: Option<i64>,
}

impl From<&User> for UserDto {
    fn from(u: &User) -> Self {
        Self {
            id: Some(u.id.clone()),
            login: u.login.clone(),
            name: u.name.clone(),
            role: u.role,
            partners: u.partners.clone(),
            language: u.language.clone(),
            is_disabled: u.is_disabled,
            password: None,
            has_totp: u.totp_secret.is_some(),
            created_at_ms: u.created_at_ms,
            updated_at_ms: Some(u.updated_at_ms),
        }
    }
}

impl UserDto {
    fn check(&self, catalog: &Catalog) -> Result<(), ApiError> {
        check_account(&self.login, &self.name, self.language.as_deref())?;
        if !self.partners.is_empty() && self.role != Role::Viewer {
            return Err(ApiError::invalid(
                "partners",
                "viewers_only",
                "only viewers can be limited to partners",
            ));
        }
        for (n, partner) in self.partners.iter().enumerate() {
            if !catalog.partners.contains_key(partner) {
                return Err(ApiError::invalid(
                    format!("partners[{n}]"),
                    "missing_reference",
                    "there is no such partner",
                ));
            }
        }
        self.password
            .as_ref()
            .map_or(Ok(()), |p| password::check("password", p, &self.login))
    }
}

fn find<'a>(catalog: &'a Catalog, text: &str) -> Result<&'a User, ApiError> {
    let key: UserId = id("user", text)?;
    catalog
        .users
        .get(&key)
        .map(|u| &**u)
        .ok_or_else(|| ApiError::not_found("user", text))
}

/// Lists users, newest first.
#[utoipa::path(tag = "users", params(ConfigQuery), responses((status = 200, body = Page<UserDto>)))]
#[get("/users")]
pub async fn list_users(
    state: Data<State>,
    _owner: Owner,
    query: Query<ConfigQuery>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let word = query.0.word();
    let all = catalog
        .users
        .values()
        .filter(|u| holds(&u.login, word) || holds(&u.name, word))
        .map(|u| Ordered {
            at_ms: u.created_at_ms,
            id: u.id.to_string(),
            item: UserDto::from(&**u),
        });
    let page = query.0.page(all)?;
    Ok(HttpResponse::Ok().json(page))
}

/// Reads one user.
#[utoipa::path(tag = "users", responses((status = 200, body = UserDto)))]
#[get("/users/{id}")]
pub async fn get_user(
    state: Data<State>,
    _owner: Owner,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(UserDto::from(find(&state.recorder.catalog(), &path)?)))
}

/// Makes a user.
#[utoipa::path(tag = "users", responses((status = 201, body = UserDto)))]
#[post("/users")]
pub async fn create_user(
    state: Data<State>,
    owner: Owner,
    body: Json<UserDto>,
) -> Result<HttpResponse, ApiError> {
    let dto = body.0;
    dto.check(&state.recorder.catalog())?;
    let Some(password) = dto.password else {
        return Err(ApiError::invalid(
            "password",
            "missing_field",
            "give the new user a password; they can change it",
        ));
    };
    let now_ms = saved_at(&state, 0);
    let user = User {
        id: made_id(None, UserId::from_random)?,
        login: dto.login,
        name: dto.name,
        password_hash: state.auth.hasher.hash(password).await?,
        role: dto.role,
        partners: dto.partners,
        language: dto.language,
        totp_secret: None,
        totp_step: 0,
        recovery_codes: Vec::new(),
        epoch: 0,
        is_disabled: dto.is_disabled,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    };
    let view = UserDto::from(&user);
    let note = Note::new("user.create", user.login.clone()).detail(to_json(&view).to_string());
    save::insert(&state, &owner.0, ConfigObject::User(user), note).await?;
    Ok(HttpResponse::Created().json(view))
}

/// Replaces a user. A new password, another role or other partners end every login of the user.
#[utoipa::path(tag = "users", responses((status = 200, body = UserDto)))]
#[put("/users/{id}")]
pub async fn replace_user(
    state: Data<State>,
    owner: Owner,
    path: Path<String>,
    body: Json<UserDto>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let (before, dto) = (find(&catalog, &path)?, body.0);
    dto.check(&catalog)?;
    let preconditions = unchanged(ConfigKey::User(before.id.clone()), dto.updated_at_ms)?;
    let ends_logins = dto.password.is_some() || dto.role != before.role || dto.partners != before.partners;
    let password_hash = match dto.password.clone() {
        Some(password) => state.auth.hasher.hash(password).await?,
        None => before.password_hash.clone(),
    };
    let user = User {
        login: dto.login,
        name: dto.name,
        password_hash,
        role: dto.role,
        partners: dto.partners,
        language: dto.language,
        is_disabled: dto.is_disabled,
        epoch: before.epoch + u32::from(ends_logins),
        updated_at_ms: saved_at(&state, before.updated_at_ms),
        ..before.clone()
    };
    let view = UserDto::from(&user);
    let mut detail = save::difference(&to_json(&UserDto::from(before)), &to_json(&view));
    if dto.password.is_some() {
        detail.push_str("; new password");
    }
    let note = Note::new("user.update", user.login.clone()).detail(detail);
    save::update(&state, &owner.0, preconditions, ConfigObject::User(user), note).await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Removes a user; the last owner stays.
#[utoipa::path(tag = "users", responses((status = 204)))]
#[delete("/users/{id}")]
pub async fn delete_user(
    state: Data<State>,
    owner: Owner,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let user = find(&catalog, &path)?;
    let note = Note::new("user.delete", user.login.clone());
    save::remove(&state, &owner.0, ConfigKey::User(user.id.clone()), note).await?;
    Ok(HttpResponse::NoContent().finish())
}

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
    pub name: String,
    /// What it is good for.
    pub scope: TokenScope,
    /// Days until it expires, 1 to 3650; `null`: it does not.
    #[serde(default)]
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

/// Lists API tokens, newest first.
#[utoipa::path(tag = "tokens", params(ConfigQuery), responses((status = 200, body = Page<TokenDto>)))]
#[get("/tokens")]
pub async fn list_tokens(
    state: Data<State>,
    _owner: Owner,
    query: Query<ConfigQuery>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let word = query.0.word();
    let all = catalog
        .tokens
        .values()
        .filter(|t| holds(&t.name, word))
        .map(|t| Ordered {
            at_ms: t.created_at_ms,
            id: t.id.to_string(),
            item: TokenDto::from(&**t),
        });
    let page = query.0.page(all)?;
    Ok(HttpResponse::Ok().json(page))
}

/// Makes an API token; its secret is shown once.
#[utoipa::path(tag = "tokens", responses((status = 201, body = IssuedToken)))]
#[post("/tokens")]
pub async fn create_token(
    state: Data<State>,
    owner: Owner,
    body: Json<NewToken>,
) -> Result<HttpResponse, ApiError> {
    check::name("name", &body.0.name)?;
    if let Some(days) = body.0.days {
        check::within("days", days, 1, 3650)?;
    }
    let secret = format!("{TOKEN_PREFIX}{}", random_text()?);
    let now_ms = state.now_ms();
    let token = ApiToken {
        id: made_id(None, TokenId::from_random)?,
        name: body.0.name,
        sha256: sha256_hex(secret.as_bytes()),
        scope: body.0.scope,
        created_by: owner.0.actor.clone(),
        created_at_ms: now_ms,
        expires_at_ms: body.0.days.map(|days| now_ms + i64::from(days) * DAY_MS),
    };
    let view = TokenDto::from(&token);
    let note = Note::new("token.create", token.name.clone()).detail(to_json(&view).to_string());
    save::insert(&state, &owner.0, ConfigObject::Token(token), note).await?;
    Ok(HttpResponse::Created().json(IssuedToken { token: view, secret }))
}

/// Ends an API token at once.
#[utoipa::path(tag = "tokens", responses((status = 204)))]
#[delete("/tokens/{id}")]
pub async fn delete_token(
    state: Data<State>,
    owner: Owner,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let key: TokenId = id("token", &path)?;
    let catalog = state.recorder.catalog();
    let token = catalog
        .tokens
        .get(&key)
        .ok_or_else(|| ApiError::not_found("token", path.into_inner()))?;
    let note = Note::new("token.revoke", token.name.clone());
    save::remove(&state, &owner.0, ConfigKey::Token(key), note).await?;
    Ok(HttpResponse::NoContent().finish())
}
