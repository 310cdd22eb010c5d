//! Set-up, signing in and out, and what users do with their own account.

use super::check;
use super::save::{self, Note, audit, note, saved_at, stage};
use crate::domain::account::{Role, User};
use crate::domain::ids::{PartnerId, UserId};
use crate::http::State;
use crate::http::auth::csrf::{Source, source};
use crate::http::auth::totp::{self, Factor};
use crate::http::auth::{Identity, Proof, Viewer, login, password};
use crate::http::client::{Caller, caller};
use crate::http::extract::Json;
use crate::http::host;
use crate::http::problem::ApiError;
use crate::store::catalog::{Change, ConfigKey, ConfigObject, Precondition};
use crate::telemetry;
use actix_web::http::header::USER_AGENT;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use serde::{Deserialize, Serialize};

/// Header that carries the set-up token.
pub const SETUP_HEADER: &str = "x-setup-token";

/// Whether the set-up token is good.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SetupStatus {
    /// Always true: a wrong token is answered 403.
    pub is_open: bool,
    /// The public address that the browser called, to be proposed in the wizard.
    pub origin: String,
    /// `en` or `ja`, from Accept-Language.
    pub language: String,
    /// Version of the server.
    pub version: &'static str,
}

/// 410 once there is an owner, 403 without the token: checked before anything else is looked at.
fn may_set_up(request: &HttpRequest, state: &State) -> Result<Caller, ApiError> {
    let caller = caller(request, &state.config.trusted_proxies);
    if !state.recorder.catalog().users.is_empty() {
        return Err(ApiError::AlreadySetUp);
    }
    let token = request.headers().get(SETUP_HEADER).and_then(|v| v.to_str().ok());
    if let Err(error) = state.auth.setup.check(token, state.now_ms()) {
        state.auth.throttle.check(caller.ip, None)?;
        return Err(error);
    }
    Ok(caller)
}

/// Tells whether the set-up link is good. Needs the header `X-Setup-Token`.
#[utoipa::path(tag = "setup", responses((status = 200, body = SetupStatus)))]
#[get("/setup/status")]
pub async fn setup_status(state: Data<State>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let caller = may_set_up(&request, &state)?;
    let accepted = request
        .headers()
        .get("accept-language")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let language = if accepted.trim_start().to_ascii_lowercase().starts_with("ja") {
        "ja"
    } else {
        "en"
    };
    Ok(HttpResponse::Ok().json(SetupStatus {
        is_open: true,
        origin: caller.origin(),
        language: language.into(),
        version: env!("CARGO_PKG_VERSION"),
    }))
}

/// The first owner.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Sign-in name.
    pub login: String,
    /// At least 12 characters.
    pub password: String,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// `en` or `ja`.
    #[serde(default)]
    pub language: Option<String>,
}

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

fn me(state: &State, identity: &Identity) -> Me {
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

fn user_agent(request: &HttpRequest) -> String {
    let value = request
        .headers()
        .get(USER_AGENT)
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    value.unwrap_or_default()
}

/// Takes over the instance: makes the first owner and signs them in. Of several claims exactly one wins.
#[utoipa::path(tag = "setup", responses((status = 201, body = Me)))]
#[post("/setup/claim")]
pub async fn setup_claim(
    state: Data<State>,
    request: HttpRequest,
    body: Json<Claim>,
) -> Result<HttpResponse, ApiError> {
    let caller = may_set_up(&request, &state)?;
    refuse_other_sites(&request, &caller)?;
    let claim = body.0;
    check_account(&claim.login, &claim.name, claim.language.as_deref())?;
    password::check("password", &claim.password, &claim.login)?;
    let password_hash = state.auth.hasher.hash(claim.password).await?;
    let now_ms = state.now_ms();
    let owner = User {
        id: super::made_id(None, UserId::from_random)?,
        login: claim.login,
        name: claim.name,
        password_hash,
        role: Role::Owner,
        partners: Vec::new(),
        language: claim.language,
        totp_secret: None,
        totp_step: 0,
        recovery_codes: Vec::new(),
        epoch: 0,
        is_disabled: false,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    };
    let (cookie, new_login) = login::new(&owner, &caller.ip.to_string(), &user_agent(&request), now_ms)?;
    let (from, actor, user) = (
        caller.ip.to_string(),
        format!("user {}", owner.login),
        owner.clone(),
    );
    let name = host::name_of(&caller.host);
    let claimed = state.recorder.run(move |group| {
        let mut changes = vec![Change::Put(ConfigObject::User(user.clone()))];
        // Who holds the set-up token says by the address in the browser what this server is called.
        let mut settings = (*group.catalog().settings).clone();
        if let Some(name) = name.filter(|name| !settings.admin_hosts.contains(name)) {
            settings.admin_hosts.push(name);
            changes.push(Change::Put(ConfigObject::Settings(settings)));
        }
        stage(group, &[Precondition::NoUsers], &changes)?;
        login::insert(group, &new_login)?;
        audit(group, &actor, &from, Note::new("setup.claim", user.login)).map_err(ApiError::from)
    });
    claimed.await??;
    state.auth.setup.spend();
    state.applied().await?;
    let identity = identity_of(&owner, &caller);
    Ok(HttpResponse::Created()
        .cookie(login::cookie(caller.is_tls, cookie))
        .json(me(&state, &identity)))
}

fn identity_of(user: &User, caller: &Caller) -> Identity {
    Identity {
        actor: format!("user {}", user.login),
        role: user.role,
        user: Some(user.id.clone()),
        partners: user.partners.clone(),
        proof: Proof::Login(String::new()),
        caller: caller.clone(),
    }
}

/// Programs without these headers may sign in; browsers only from our own pages.
fn refuse_other_sites(request: &HttpRequest, caller: &Caller) -> Result<(), ApiError> {
    match source(request.headers(), &caller.origin()) {
        Source::SameOrigin | Source::Unknown => Ok(()),
        Source::Other => Err(ApiError::CrossSite),
    }
}

/// Name and password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Sign-in name.
    pub login: String,
    /// Password.
    pub password: String,
    /// Code of the authenticator app, or a recovery code, when the second factor is on.
    #[serde(default)]
    pub code: Option<String>,
}

/// Signs in: sets the cookie. Wrong names and wrong passwords are answered alike, after the same time.
#[utoipa::path(tag = "account", responses((status = 200, body = Me)))]
#[post("/login")]
pub async fn sign_in(
    state: Data<State>,
    request: HttpRequest,
    body: Json<Credentials>,
) -> Result<HttpResponse, ApiError> {
    let caller = caller(&request, &state.config.trusted_proxies);
    refuse_other_sites(&request, &caller)?;
    let (name, from) = (body.0.login.trim().to_owned(), caller.ip.to_string());
    if let Err(error) = state.auth.throttle.check(caller.ip, Some(&name)) {
        telemetry::login("throttled");
        return Err(error);
    }
    let catalog = state.recorder.catalog();
    let user = catalog
        .users
        .values()
        .find(|u| u.login.to_lowercase() == name.to_lowercase() && !u.is_disabled)
        .cloned();
    let is_right = state
        .auth
        .hasher
        .verify(body.0.password, user.as_ref().map(|u| u.password_hash.clone()))
        .await?;
    let judged = match (&user, is_right) {
        (Some(user), true) => totp::judge(user, body.0.code.as_deref(), state.now_ms()),
        _ => Err(ApiError::WrongCredentials),
    };
    let (user, factor) = match (user, judged) {
        (Some(user), Ok(factor)) => (user, factor),
        (user, judged) => {
            let error = judged.err().unwrap_or(ApiError::WrongCredentials);
            return Err(failed(&state, user.as_deref(), &from, error).await);
        }
    };
    let (cookie, new_login) = login::new(&user, &from, &user_agent(&request), state.now_ms())?;
    let change = spent(&user, factor, saved_at(&state, user.updated_at_ms));
    let changes: Vec<Change> = change.into_iter().collect();
    // The user must still be as it was when the password was compared: of two that come with one code at once
    // the second finds it changed.
    let unchanged = vec![Precondition::Unchanged(
        ConfigKey::User(user.id.clone()),
        user.updated_at_ms,
    )];
    let actor = format!("user {}", user.login);
    let (subject, address) = (user.login.clone(), from.clone());
    let written = state.recorder.run(move |group| {
        stage(group, &unchanged, &changes)?;
        login::insert(group, &new_login)?;
        let entry = Note::new("login.success", subject);
        audit(group, &actor, &address, entry).map_err(ApiError::from)
    });
    match written.await? {
        Ok(()) => telemetry::login("ok"),
        Err(error @ ApiError::Catalog(_)) => return Err(failed(&state, Some(&user), &from, error).await),
        Err(error) => return Err(error),
    }
    state.applied().await?;
    let identity = identity_of(&user, &caller);
    Ok(HttpResponse::Ok()
        .cookie(login::cookie(caller.is_tls, cookie))
        .json(me(&state, &identity)))
}

/// Counts a failed login and enters it in the audit log.
async fn failed(state: &State, user: Option<&User>, from: &str, error: ApiError) -> ApiError {
    telemetry::login("wrong");
    // What was typed as a name may be a password; only names that exist are entered.
    let subject = user.map_or("(unknown name)", |user| &user.login);
    let entry = Note::new("login.fail", subject).detail(error.row().1);
    if let Err(error) = note(state, "nobody", from, entry).await {
        tracing::warn!(
            code = error.row().1,
            "a failed login could not be entered in the audit log"
        );
    }
    error
}

/// The user without the code that was used, if one was.
fn spent(user: &User, factor: Factor, saved_at_ms: i64) -> Option<Change> {
    let mut user = User {
        updated_at_ms: saved_at_ms,
        ..user.clone()
    };
    match factor {
        Factor::Unneeded => return None,
        Factor::Code(step) => user.totp_step = step,
        Factor::Recovery(hash) => user.recovery_codes.retain(|code| *code != hash),
    }
    Some(Change::Put(ConfigObject::User(user)))
}

/// Signs out: ends the login on the server too.
#[utoipa::path(tag = "account", responses((status = 204)))]
#[post("/logout")]
pub async fn sign_out(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
    let is_tls = viewer.0.caller.is_tls;
    if let Proof::Login(id) = viewer.0.proof.clone() {
        end_login(&state, &viewer.0, id).await?;
    }
    Ok(HttpResponse::NoContent()
        .cookie(login::cookie(is_tls, String::new()))
        .finish())
}

async fn end_login(state: &State, identity: &Identity, id: String) -> Result<(), ApiError> {
    let (actor, from) = (identity.actor.clone(), identity.from());
    let removed = state.recorder.run(move |group| {
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
    let written = state.recorder.run(move |group| {
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
pub async fn list_logins(state: Data<State>, viewer: Viewer) -> Result<HttpResponse, ApiError> {
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
