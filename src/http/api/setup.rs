//! Set-up: the first owner takes the instance over.

use super::account::{Me, check_account, identity_of, me, user_agent};
use super::save::{Note, audit, stage};
use super::sign_in::refuse_other_sites;
use crate::domain::account::{Role, User};
use crate::domain::ids::UserId;
use crate::http::State;
use crate::http::auth::{login, password};
use crate::http::client::{Caller, caller};
use crate::http::extract::Json;
use crate::http::host;
use crate::http::problem::ApiError;
use crate::store::catalog::{Change, ConfigObject, Precondition};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};

/// Header that carries the set-up token.
const SETUP_HEADER: &str = "x-setup-token";

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
    let claimed = state.recorder.try_run(move |group| {
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
