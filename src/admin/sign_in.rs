//! Signing in with name, password and, where it is on, the second factor.

use super::failures::Try;
use super::identity::{Identity, Place};
use super::passwords::Lane;
use super::save::{Actor, Note, Save, note, saved_at};
use super::totp::{self, Factor};
use super::{AdminError, Auth, logins, users};
use crate::domain::account::User;
use crate::domain::network::neighbourhood;
use crate::recorder::Recorder;
use crate::store::catalog::{Change, ConfigKey, ConfigObject, Precondition};
use crate::telemetry;
use serde::Deserialize;
use std::sync::atomic::Ordering;

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

/// Somebody who has just signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The text that their browser keeps while they are signed in.
    pub text: String,
    /// The text by which their browser is known later.
    pub browser: String,
    /// Who they are.
    pub identity: Identity,
}

/// Signs in. Wrong names and wrong passwords are refused alike, after the same time.
pub async fn sign_in(
    auth: &Auth,
    recorder: &Recorder,
    credentials: Credentials,
    place: &Place,
) -> Result<SignedIn, AdminError> {
    let Credentials {
        login,
        password,
        code,
    } = credentials;
    let name = login.trim();
    let (catalog, now_ms) = (recorder.catalog(), recorder.clock().now_ms());
    let user = users::of_login(&catalog, name).filter(|user| !user.is_disabled);
    let kept = place.browser.as_deref();
    let browser = user.and_then(|user| auth.browsers.known(kept?, &user.id, now_ms));
    let begun = auth.sign_ins.begin(&Try {
        from: place.ip,
        login: Some(name),
        browser,
    });
    let ticket = begun.inspect_err(|error| locked_out(place, error))?;
    let lane = browser.map_or(Lane::Network(neighbourhood(place.ip)), |_| Lane::Known);
    let hash = user.map(|user| user.password_hash.clone());
    let judged = match (auth.hasher.verify(lane, password, hash).await, user) {
        (Ok(true), Some(user)) => totp::judge(user, code.as_deref(), now_ms).map(|factor| (user, factor)),
        (Ok(_), _) => Err(AdminError::WrongCredentials),
        (Err(error), _) => Err(error),
    };
    let written = match judged {
        Ok((user, factor)) => write_login(auth, recorder, user, factor, place).await,
        Err(error) => Err(error),
    };
    // Who has the password and has not been asked for the code yet guesses nothing.
    let has_guessed = match &written {
        Err(AdminError::SecondFactor) => code.is_some(),
        Err(AdminError::WrongCredentials | AdminError::Catalog(_)) => true,
        _ => false,
    };
    if has_guessed {
        failed(auth, recorder, user, place, &written).await;
    } else {
        auth.sign_ins.give_back(&ticket);
    }
    written
}

/// Tells that somebody has to wait.
fn locked_out(place: &Place, error: &AdminError) {
    telemetry::login("throttled");
    if let Some(left_out) = telemetry::occasionally("locked_out") {
        tracing::warn!(code = error.code(), from = %place.ip, left_out, "a try to sign in was refused: {error}");
    }
}

/// Writes the login, and uses up the code that opened it.
async fn write_login(
    auth: &Auth,
    recorder: &Recorder,
    user: &User,
    factor: Factor,
    place: &Place,
) -> Result<SignedIn, AdminError> {
    let now_ms = recorder.clock().now_ms();
    let identity = Identity::of_login(user, String::new(), place.ip);
    let (text, login) = logins::new(user, &place.ip.to_string(), &place.user_agent, now_ms)?;
    let save = Save {
        // The user must still be as it was when the password was compared: of two that come with one code at once
        // the second finds it changed.
        preconditions: vec![Precondition::Unchanged(
            ConfigKey::User(user.id.clone()),
            user.updated_at_ms,
        )],
        changes: spent(user, factor, saved_at(now_ms, user.updated_at_ms))
            .into_iter()
            .collect(),
        notes: vec![Note::new("login.success", &user.login)],
    };
    let actor = identity.actor();
    let written = recorder.try_run(move |group| {
        save.write(group, &actor)?;
        logins::insert(group, &login).map_err(AdminError::from)
    });
    written.await??;
    telemetry::login("ok");
    let browser = auth.browsers.issue(place.browser.as_deref(), &user.id, now_ms)?;
    Ok(SignedIn {
        text,
        browser,
        identity,
    })
}

/// Counts a failed login and enters it in the audit log: when there are many, as a number.
async fn failed(
    auth: &Auth,
    recorder: &Recorder,
    user: Option<&User>,
    place: &Place,
    outcome: &Result<SignedIn, AdminError>,
) {
    telemetry::login("wrong");
    let Err(why) = outcome else { return };
    if auth.audit.check().is_err() {
        auth.unaudited.fetch_add(1, Ordering::AcqRel);
        return;
    }
    // What was typed as a name may be a password; only names that exist are entered.
    let subject = user.map_or("(unknown name)", |user| &user.login);
    let detail = match auth.unaudited.swap(0, Ordering::AcqRel) {
        0 => why.code().to_owned(),
        more => format!("{}; {more} more failed logins before it", why.code()),
    };
    let entry = Note::new("login.fail", subject).detail(detail);
    let actor = Actor {
        name: "nobody".into(),
        from: place.ip.to_string(),
    };
    if let Err(error) = note(recorder, actor, entry).await
        && let Some(left_out) = telemetry::occasionally("login_not_audited")
    {
        tracing::warn!(
            code = error.code(),
            left_out,
            "a failed login could not be entered in the audit log"
        );
    }
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
