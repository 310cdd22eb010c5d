//! What users do with their own account and its logins.

use super::check;
use super::page::NoQuery;
use super::save::{self, Note, audit, saved_at, stage};
use crate::domain::account::{Role, User};
use crate::domain::ids::{PartnerId, UserId};
use crate::http::State;
use crate::http::auth::{Identity, Proof, Viewer, login, password};
use crate::http::client::Caller;
use crate::http::extract::{Json, Query};
use crate::http::problem::ApiError;
use crate::store::catalog::{Change, ConfigKey, ConfigObject, Precondition};
use actix_web::http::header::USER_AGENT;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use serde::{Deserialize, Serialize};

/// Somebody who has signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Me {
    /// User or token, for people.
    pub actor: String,
    /// What they may do.
    pub role: Role,
    /// The user, unless it is a token.
    pub user: Option<UserId>,
    /// Sign-in name.
    pub login: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// Partners that they are limited to; empty means all.
    pub partners: Vec<PartnerId>,
    /// `en` or `ja`; `null` follows the browser.
    pub language: Option<String>,
    /// Whether a second factor is on.
    pub has_totp: bool,
    /// Whether the set-up wizard was finished.
    pub is_set_up: bool,
    /// IANA time zone of reports.
    pub time_zone: String,
    /// Version of the server.
    pub version: &'static str,
}

pub(super) fn me(state: &State, identity: &Identity) -> Me {
    let catalog = state.recorder.catalog();
    let user = identity.user.as_ref().and_then(|id| catalog.users.get(id));
    Me {
        actor: identity.actor.clone(),
        role: identity.role,
        user: identity.user.clone(),
        login: user.map(|u| u.login.clone()),
        name: user.map(|u| u.name.clone()),
        partners: identity.partners.clone(),
        language: user.and_then(|u| u.language.clone()),
        has_totp: user.is_some_and(|u| u.totp_secret.is_some()),
        is_set_up: catalog.settings.is_set_up,
        time_zone: catalog.settings.time_zone.clone(),
        version: env!("CARGO_PKG_VERSION"),
    }
}

/// Checks the fields that every new account has.
pub fn check_account(login: &str, name: &str, language: Option<&str>) -> Result<(), ApiError> {
    check::name("login", login)?;
    if login.chars().any(char::is_whitespace) {
        return Err(ApiError::invalid(
            "login",
            "white_space",
            "use an e-mail address or one word",
        ));
    }
    check::text_up_to("name", name, check::NAME_CHARS)?;
    language.map_or(Ok(()), |l| check::language("language", l))
}

pub(super) fn user_agent(request: &HttpRequest) -> String {
    let value = request
        .headers()
        .get(USER_AGENT)
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    value.unwrap_or_default()
}

pub(super) fn identity_of(user: &User, caller: &Caller) -> Identity {
    Identity {
        actor: format!("user {}", user.login),
        role: user.role,
        user: Some(user.id.clone()),
        partners: user.partners.clone(),
        proof: Proof::Login(String::new()),
        caller: caller.clone(),
    }
}

pub(super) async fn end_login(state: &State, identity: &Identity, id: String) -> Result<(), ApiError> {
    let (actor, from) = (identity.actor.clone(), identity.from());
    let removed = state.recorder.try_run(move |group| {
        login::remove(group, &id);
        audit(
            group,
            &actor,
            &from,
            Note::new("login.end", id.chars().take(12).collect::<String>()),
        )
    });
    removed.await??;
    state.applied().await
}

/// Who is asking.
#[utoipa::path(tag = "account", responses((status = 200, body = Me)))]
#[get("/me")]
pub async fn get_me(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(me(&state, &viewer.0)))
}

/// What users change of themselves.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeChange {
    /// For people.
    pub name: String,
    /// `en` or `ja`; `null` follows the browser.
    #[serde(default)]
    pub language: Option<String>,
}

pub(super) fn own_user(state: &State, identity: &Identity) -> Result<std::sync::Arc<User>, ApiError> {
    let catalog = state.recorder.catalog();
    let user = identity
        .user
        .as_ref()
        .and_then(|id| catalog.users.get(id))
        .cloned();
    user.ok_or(ApiError::State {
        code: "not_a_user",
        message: "an API token has no account of its own: sign in as a user to change one".into(),
    })
}

async fn save_user(
    state: &State,
    identity: &Identity,
    before: &User,
    user: User,
    note: Note,
) -> Result<(), ApiError> {
    let preconditions = vec![Precondition::Unchanged(
        ConfigKey::User(user.id.clone()),
        before.updated_at_ms,
    )];
    save::update(state, identity, preconditions, ConfigObject::User(user), note).await
}

/// Changes one's own name and language.
#[utoipa::path(tag = "account", responses((status = 200, body = Me)))]
#[put("/me")]
pub async fn change_me(
    state: Data<State>,
    viewer: Viewer,
    body: Json<MeChange>,
) -> Result<HttpResponse, ApiError> {
    let before = own_user(&state, &viewer.0)?;
    check_account(&before.login, &body.0.name, body.0.language.as_deref())?;
    let user = User {
        name: body.0.name,
        language: body.0.language,
        updated_at_ms: saved_at(&state, before.updated_at_ms),
        ..(*before).clone()
    };
    save_user(
        &state,
        &viewer.0,
        &before,
        user,
        Note::new("me.update", before.login.clone()),
    )
    .await?;
    Ok(HttpResponse::Ok().json(me(&state, &viewer.0)))
}

/// A change of one's own password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The present one.
    pub old_password: String,
    /// The new one, at least 12 characters.
    pub password: String,
}

pub(super) async fn prove_password(
    state: &State,
    user: &User,
    caller: &Caller,
    field: &str,
    given: String,
) -> Result<(), ApiError> {
    state.auth.throttle.check(caller.ip, Some(&user.login))?;
    if state
        .auth
        .hasher
        .verify(given, Some(user.password_hash.clone()))
        .await?
    {
        return Ok(());
    }
    Err(ApiError::invalid(
        field,
        "wrong_password",
        "this is not your present password",
    ))
}

/// Changes one's own password; every other login of the account ends, and this one begins anew.
#[utoipa::path(tag = "account", responses((status = 204)))]
#[put("/me/password")]
pub async fn change_password(
    state: Data<State>,
    request: HttpRequest,
    viewer: Viewer,
    body: Json<PasswordChange>,
) -> Result<HttpResponse, ApiError> {
    let before = own_user(&state, &viewer.0)?;
    password::check("password", &body.0.password, &before.login)?;
    prove_password(
        &state,
        &before,
        &viewer.0.caller,
        "old_password",
        body.0.old_password,
    )
    .await?;
    let user = User {
        password_hash: state.auth.hasher.hash(body.0.password).await?,
        epoch: before.epoch + 1,
        updated_at_ms: saved_at(&state, before.updated_at_ms),
        ..(*before).clone()
    };
    replace_logins(
        &state,
        &request,
        &viewer.0,
        &before,
        user,
        Note::new("me.password", before.login.clone()),
    )
    .await
}

/// Saves a user whose epoch was raised and signs them in anew, in one commit.
pub(super) async fn replace_logins(
    state: &State,
    request: &HttpRequest,
    identity: &Identity,
    before: &User,
    user: User,
    entry: Note,
) -> Result<HttpResponse, ApiError> {
    let (cookie, new_login) = login::new(&user, &identity.from(), &user_agent(request), state.now_ms())?;
    let unchanged = [Precondition::Unchanged(
        ConfigKey::User(user.id.clone()),
        before.updated_at_ms,
    )];
    let (actor, from) = (identity.actor.clone(), identity.from());
    let written = state.recorder.try_run(move |group| {
        stage(group, &unchanged, &[Change::Put(ConfigObject::User(user))])?;
        login::insert(group, &new_login)?;
        audit(group, &actor, &from, entry).map_err(ApiError::from)
    });
    written.await??;
    state.applied().await?;
    Ok(HttpResponse::NoContent()
        .cookie(login::cookie(identity.caller.is_tls, cookie))
        .finish())
}

/// A login that is in use.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LoginDto {
    /// For ending it.
    pub id: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds of the last use, within a minute.
    pub seen_at_ms: i64,
    /// Address that it was made from.
    pub from: String,
    /// Browser that it was made with.
    pub user_agent: String,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// The logins of one's own account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LoginList {
    /// Newest first.
    pub items: Vec<LoginDto>,
}

/// Lists one's own logins.
#[utoipa::path(tag = "account", responses((status = 200, body = LoginList)))]
#[get("/me/logins")]
pub async fn list_logins(
    state: Data<State>,
    viewer: Viewer,
    _query: Query<NoQuery>,
) -> Result<HttpResponse, ApiError> {
    let user = own_user(&state, &viewer.0)?;
    let found = login::list(
        state.recorder.reader(),
        &state.recorder.catalog(),
        Some(&user.id),
        state.now_ms(),
    )?;
    let items = found.into_iter().map(|(id, login)| LoginDto {
        is_this: viewer.0.proof == Proof::Login(id.clone()),
        id,
        created_at_ms: login.created_at_ms,
        seen_at_ms: login.seen_at_ms,
        from: login.from,
        user_agent: login.user_agent,
    });
    Ok(HttpResponse::Ok().json(LoginList {
        items: items.collect(),
    }))
}

/// Ends one of one's own logins.
#[utoipa::path(tag = "account", responses((status = 204)))]
#[delete("/me/logins/{id}")]
pub async fn delete_login(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let user = own_user(&state, &viewer.0)?;
    let own = login::list(
        state.recorder.reader(),
        &state.recorder.catalog(),
        Some(&user.id),
        state.now_ms(),
    )?;
    if !own.iter().any(|(id, _)| *id == *path) {
        return Err(ApiError::not_found("login", path.into_inner()));
    }
    end_login(&state, &viewer.0, path.into_inner()).await?;
    Ok(HttpResponse::NoContent().finish())
}
