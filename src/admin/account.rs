//! What users do with their own account: name, language, password, second factor, logins.

use super::failures::Try;
use super::identity::{Credential, Identity};
use super::passwords::Lane;
use super::save::{Note, Save, audit, saved_at};
use super::users::check_account;
use super::{AdminError, Auth, logins, passwords, totp};
use crate::domain::account::{Role, User};
use crate::domain::ids::{PartnerId, UserId};
use crate::domain::secret::SecretText;
use crate::recorder::Recorder;
use crate::store::catalog::{Catalog, ConfigObject};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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

/// Who somebody is, as they are told.
pub fn me(catalog: &Catalog, identity: &Identity) -> Me {
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

/// A change of one's own password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The present one.
    #[schema(max_length = 256)]
    pub old_password: String,
    /// The new one, at least 12 characters.
    #[schema(min_length = 12, max_length = 256)]
    pub password: String,
}

/// A secret for an authenticator app; it is not in force until it is confirmed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TotpOffer {
    /// Base32, to be typed.
    pub secret: String,
    /// For a QR code.
    pub url: String,
}

/// Switches the second factor on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpConfirm {
    /// The secret that was proposed.
    pub secret: String,
    /// What the app shows for it now.
    #[schema(max_length = 100)]
    pub code: String,
    /// The present password.
    #[schema(max_length = 256)]
    pub password: String,
}

/// Codes for the day that the app is lost: the only time that they are shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RecoveryCodes {
    /// Each is good once.
    pub codes: Vec<String>,
}

/// The present password, to switch the second factor off.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpOff {
    /// The present password.
    #[schema(max_length = 256)]
    pub password: String,
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

/// The user behind an identity.
fn own_user(catalog: &Catalog, identity: &Identity) -> Result<Arc<User>, AdminError> {
    let user = identity.user.as_ref().and_then(|id| catalog.users.get(id));
    user.cloned().ok_or(AdminError::State {
        code: "not_a_user",
        message: "an API token has no account of its own: sign in as a user to change one".into(),
    })
}

/// Somebody at work on their own account.
pub struct Own<'a> {
    /// The one writer.
    pub recorder: &'a Recorder,
    /// Hashes and throttles.
    pub auth: &'a Auth,
    /// Who they are.
    pub identity: &'a Identity,
}

impl Own<'_> {
    fn user(&self) -> Result<Arc<User>, AdminError> {
        own_user(&self.recorder.catalog(), self.identity)
    }

    fn now_ms(&self) -> i64 {
        self.recorder.clock().now_ms()
    }

    /// Changes name and language.
    pub async fn change(&self, change: MeChange) -> Result<(), AdminError> {
        let before = self.user()?;
        check_account(&before.login, &change.name, change.language.as_deref())?;
        let user = User {
            name: change.name,
            language: change.language,
            updated_at_ms: saved_at(self.now_ms(), before.updated_at_ms),
            ..(*before).clone()
        };
        let note = Note::new("me.update", &before.login);
        let save = Save::replace(before.updated_at_ms, ConfigObject::User(user), note);
        save.commit(self.recorder, self.identity.actor()).await
    }

    /// Refuses who does not know the present password.
    async fn prove_password(&self, user: &User, field: &str, given: String) -> Result<(), AdminError> {
        // Of an account's logins each has a count of its own, as known browsers have.
        let login = match &self.identity.credential {
            Credential::Login(id) => Some(id.as_str()),
            Credential::Token(_) => None,
        };
        let ticket = self.auth.sign_ins.begin(&Try {
            from: self.identity.ip,
            login: Some(&user.login),
            browser: login,
        })?;
        let hash = Some(user.password_hash.clone());
        let judged = self.auth.hasher.verify(Lane::Known, given, hash).await;
        if !matches!(judged, Ok(false)) {
            self.auth.sign_ins.give_back(&ticket);
        }
        if judged? {
            return Ok(());
        }
        Err(AdminError::invalid(
            field,
            "wrong_password",
            "this is not your present password",
        ))
    }

    /// Changes the password; every other login of the account ends. Gives the text of a new one.
    pub async fn change_password(
        &self,
        change: PasswordChange,
        user_agent: &str,
    ) -> Result<String, AdminError> {
        let before = self.user()?;
        passwords::check("password", &change.password, &before.login)?;
        self.prove_password(&before, "old_password", change.old_password)
            .await?;
        let user = User {
            password_hash: self.auth.hasher.hash(Lane::Known, change.password).await?,
            ..(*before).clone()
        };
        let note = Note::new("me.password", &before.login);
        self.sign_in_anew(&before, user, user_agent, note).await
    }

    /// Proposes a secret for the second factor; it is not in force until it is confirmed.
    pub fn offer_totp(&self) -> Result<TotpOffer, AdminError> {
        let (secret, url) = totp::new_secret(&self.user()?.login)?;
        Ok(TotpOffer { secret, url })
    }

    /// Switches the second factor on; every other login of the account ends. Gives the text of a new one.
    pub async fn set_totp(
        &self,
        confirm: TotpConfirm,
        user_agent: &str,
    ) -> Result<(String, RecoveryCodes), AdminError> {
        let before = self.user()?;
        self.prove_password(&before, "password", confirm.password).await?;
        let wrong = |field: &str| {
            AdminError::invalid(
                field,
                "wrong_code",
                "scan the code again and enter what the app shows now",
            )
        };
        let step = totp::step(&confirm.secret, &confirm.code, self.now_ms()).map_err(|_| wrong("secret"))?;
        let step = step
            .filter(|step| *step > before.totp_step)
            .ok_or_else(|| wrong("code"))?;
        let (codes, hashes) = totp::recovery_codes()?;
        let user = User {
            totp_secret: Some(SecretText::Open(confirm.secret)),
            totp_step: step,
            recovery_codes: hashes,
            ..(*before).clone()
        };
        let note = Note::new("me.totp_on", &before.login);
        let text = self.sign_in_anew(&before, user, user_agent, note).await?;
        Ok((text, RecoveryCodes { codes }))
    }

    /// Switches the second factor off; every other login of the account ends. Gives the text of a new one.
    pub async fn remove_totp(&self, off: TotpOff, user_agent: &str) -> Result<String, AdminError> {
        let before = self.user()?;
        self.prove_password(&before, "password", off.password).await?;
        let user = User {
            totp_secret: None,
            recovery_codes: Vec::new(),
            ..(*before).clone()
        };
        let note = Note::new("me.totp_off", &before.login);
        self.sign_in_anew(&before, user, user_agent, note).await
    }

    /// Saves the user, ends every login of theirs and makes a new one, in one commit.
    async fn sign_in_anew(
        &self,
        before: &User,
        user: User,
        user_agent: &str,
        note: Note,
    ) -> Result<String, AdminError> {
        let now_ms = self.now_ms();
        let user = User {
            epoch: before.epoch + 1,
            updated_at_ms: saved_at(now_ms, before.updated_at_ms),
            ..user
        };
        let (text, login) = logins::new(&user, &self.identity.ip.to_string(), user_agent, now_ms)?;
        let save = Save::replace(before.updated_at_ms, ConfigObject::User(user), note);
        let actor = self.identity.actor();
        let written = self.recorder.try_run(move |group| {
            save.write(group, &actor)?;
            logins::insert(group, &login).map_err(AdminError::from)
        });
        written.await??;
        Ok(text)
    }

    /// The logins of the account, newest first.
    pub fn logins(&self) -> Result<LoginList, AdminError> {
        let (user, catalog) = (self.user()?, self.recorder.catalog());
        let found = logins::list(self.recorder.reader(), &catalog, Some(&user.id), self.now_ms())?;
        let items = found.into_iter().map(|(id, login)| LoginDto {
            is_this: self.identity.credential == Credential::Login(id.clone()),
            id,
            created_at_ms: login.created_at_ms,
            seen_at_ms: login.seen_at_ms,
            from: login.from,
            user_agent: login.user_agent,
        });
        Ok(LoginList {
            items: items.collect(),
        })
    }

    /// Ends one of the logins of the account.
    pub async fn end_login(&self, id: String) -> Result<(), AdminError> {
        if !self.logins()?.items.iter().any(|login| login.id == id) {
            return Err(AdminError::not_found("login", id));
        }
        end_login(self.recorder, self.identity, id).await
    }
}

/// Ends a login.
pub async fn end_login(recorder: &Recorder, identity: &Identity, id: String) -> Result<(), AdminError> {
    let actor = identity.actor();
    let removed = recorder.try_run(move |group| {
        logins::remove(group, &id);
        let note = Note::new("login.end", id.chars().take(12).collect::<String>());
        audit(group, &actor, note)
    });
    Ok(removed.await??)
}
