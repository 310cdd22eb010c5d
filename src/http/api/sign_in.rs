//! Signing in and out.

use super::account::{Me, end_login, identity_of, me, user_agent};
use super::save::{Note, audit, note, saved_at, stage};
use crate::domain::account::User;
use crate::http::State;
use crate::http::auth::csrf::{Source, source};
use crate::http::auth::totp::{self, Factor};
use crate::http::auth::{Proof, Viewer, login};
use crate::http::client::{Caller, caller};
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use crate::store::catalog::{Change, ConfigKey, ConfigObject, Precondition};
use crate::telemetry;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use serde::Deserialize;

/// Programs without these headers may sign in; browsers only from our own pages.
pub(super) fn refuse_other_sites(request: &HttpRequest, caller: &Caller) -> Result<(), ApiError> {
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
    let written = state.recorder.try_run(move |group| {
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
