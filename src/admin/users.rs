//! User accounts, for owners.

use super::failures::Failures;
use super::passwords::{self, Hasher, Lane};
use super::random::new_id;
use super::save::{Note, Save, as_read, difference, saved_at, to_json};
use super::{AdminError, check};
use crate::domain::account::{Role, User};
use crate::domain::ids::{PartnerId, UserId};
use crate::store::catalog::{Catalog, Change, ConfigKey, ConfigObject};
use serde::{Deserialize, Serialize};

/// A user as the API shows and takes it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserDto {
    /// Made by the server.
    #[serde(default)]
    pub id: Option<UserId>,
    /// Sign-in name: an e-mail address or one word.
    #[schema(min_length = 1, max_length = 200)]
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
    #[schema(min_length = 12, max_length = 256)]
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
    fn check(&self, catalog: &Catalog) -> Result<(), AdminError> {
        check_account(&self.login, &self.name, self.language.as_deref())?;
        if !self.partners.is_empty() && self.role != Role::Viewer {
            return Err(AdminError::invalid(
                "partners",
                "viewers_only",
                "only viewers can be limited to partners",
            ));
        }
        for (n, partner) in self.partners.iter().enumerate() {
            if !catalog.partners.contains_key(partner) {
                return Err(AdminError::invalid(
                    format!("partners[{n}]"),
                    "missing_reference",
                    "there is no such partner",
                ));
            }
        }
        self.password
            .as_ref()
            .map_or(Ok(()), |p| passwords::check("password", p, &self.login))
    }
}

/// Checks the fields that every new account has.
pub fn check_account(login: &str, name: &str, language: Option<&str>) -> Result<(), AdminError> {
    check::name("login", login)?;
    if login.chars().any(char::is_whitespace) {
        return Err(AdminError::invalid(
            "login",
            "white_space",
            "use an e-mail address or one word",
        ));
    }
    check::text_up_to("name", name, check::NAME_CHARS)?;
    language.map_or(Ok(()), |l| check::language("language", l))
}

/// What a new user begins with.
#[derive(Debug)]
pub struct NewUser {
    /// Sign-in name.
    pub login: String,
    /// For people.
    pub name: String,
    /// Hash of the password.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
    /// `en` or `ja`; `None` follows the browser.
    pub language: Option<String>,
}

impl NewUser {
    /// The user, limited to no partners and without a second factor.
    pub fn made(self, now_ms: i64) -> Result<User, AdminError> {
        Ok(User {
            id: new_id(UserId::from_random)?,
            login: self.login,
            name: self.name,
            password_hash: self.password_hash,
            role: self.role,
            partners: Vec::new(),
            language: self.language,
            totp_secret: None,
            totp_step: 0,
            recovery_codes: Vec::new(),
            epoch: 0,
            is_disabled: false,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        })
    }
}

/// The user of an id as it was typed.
pub fn find<'a>(catalog: &'a Catalog, text: &str) -> Result<&'a User, AdminError> {
    let id: UserId = check::id("user", text)?;
    let found = catalog.users.get(&id).map(|user| &**user);
    found.ok_or_else(|| AdminError::not_found("user", text))
}

/// The user of a sign-in name, letter case aside.
pub fn of_login<'a>(catalog: &'a Catalog, login: &str) -> Option<&'a User> {
    let login = login.to_lowercase();
    let mut users = catalog.users.values().map(|user| &**user);
    users.find(|user| user.login.to_lowercase() == login)
}

/// Checks a new user. Gives them as they will be shown, and the change that saves them.
pub async fn create(
    form: UserDto,
    catalog: &Catalog,
    hasher: &Hasher,
    now_ms: i64,
) -> Result<(UserDto, Save), AdminError> {
    form.check(catalog)?;
    let Some(password) = form.password else {
        return Err(AdminError::invalid(
            "password",
            "missing_field",
            "give the new user a password; they can change it",
        ));
    };
    let new = NewUser {
        login: form.login,
        name: form.name,
        password_hash: hasher.hash(Lane::Known, password).await?,
        role: form.role,
        language: form.language,
    };
    let user = User {
        partners: form.partners,
        is_disabled: form.is_disabled,
        ..new.made(saved_at(now_ms, 0))?
    };
    let shown = UserDto::from(&user);
    let note = Note::new("user.create", &user.login).detail(to_json(&shown).to_string());
    Ok((shown, Save::insert(ConfigObject::User(user), note)))
}

/// Checks what is to replace a user. A new password, another role or other partners end every login of the user.
pub async fn replace(
    id: &str,
    form: UserDto,
    catalog: &Catalog,
    hasher: &Hasher,
    now_ms: i64,
) -> Result<(UserDto, Save), AdminError> {
    let before = find(catalog, id)?;
    form.check(catalog)?;
    let read_at_ms = as_read(form.updated_at_ms)?;
    let has_new_password = form.password.is_some();
    let ends_logins = has_new_password || form.role != before.role || form.partners != before.partners;
    let password_hash = match form.password {
        Some(password) => hasher.hash(Lane::Known, password).await?,
        None => before.password_hash.clone(),
    };
    let user = User {
        login: form.login,
        name: form.name,
        password_hash,
        role: form.role,
        partners: form.partners,
        language: form.language,
        is_disabled: form.is_disabled,
        epoch: before.epoch + u32::from(ends_logins),
        updated_at_ms: saved_at(now_ms, before.updated_at_ms),
        ..before.clone()
    };
    let shown = UserDto::from(&user);
    let mut detail = difference(&to_json(&UserDto::from(before)), &to_json(&shown));
    if has_new_password {
        detail.push_str("; new password");
    }
    let note = Note::new("user.update", &user.login).detail(detail);
    Ok((shown, Save::replace(read_at_ms, ConfigObject::User(user), note)))
}

/// The change that removes a user; the last owner stays.
pub fn remove(id: &str, catalog: &Catalog) -> Result<Save, AdminError> {
    let user = find(catalog, id)?;
    let note = Note::new("user.delete", &user.login);
    Ok(Save::remove(ConfigKey::User(user.id.clone()), note))
}

/// The change that gives a user a new password and lets them sign in again; every login of theirs ends.
pub fn reset_password(
    login: &str,
    password: &str,
    catalog: &Catalog,
    now_ms: i64,
) -> Result<Save, AdminError> {
    let before = of_login(catalog, login).ok_or_else(|| AdminError::not_found("user", login))?;
    passwords::check("password", password, &before.login)?;
    let user = User {
        password_hash: passwords::hash_blocking(password)?,
        epoch: before.epoch + 1,
        is_disabled: false,
        updated_at_ms: saved_at(now_ms, before.updated_at_ms),
        ..before.clone()
    };
    let note = Note::new("user.reset_password", &user.login);
    Ok(Save::replace(
        before.updated_at_ms,
        ConfigObject::User(user),
        note,
    ))
}

/// Makes a user on the word of whoever sits at the server. The first one has to be an owner: set-up in the
/// browser is over then.
pub fn create_at_server(
    login: String,
    name: String,
    role: Role,
    password: &str,
    catalog: &Catalog,
    now_ms: i64,
) -> Result<Save, AdminError> {
    check_account(&login, &name, None)?;
    passwords::check("password", password, &login)?;
    if catalog.users.is_empty() && role != Role::Owner {
        return Err(AdminError::invalid(
            "role",
            "first_owner",
            "the first user has to be an owner: who else could make others",
        ));
    }
    let user = NewUser {
        login,
        name,
        password_hash: passwords::hash_blocking(password)?,
        role,
        language: None,
    }
    .made(now_ms)?;
    let note = Note::new("user.create", &user.login);
    Ok(Save::insert(ConfigObject::User(user), note))
}

/// The change that ends every login of one user, or of all of them; and how many users that are.
pub fn end_logins(login: Option<&str>, catalog: &Catalog) -> Result<(usize, Save), AdminError> {
    let users: Vec<&User> = match login {
        Some(login) => vec![of_login(catalog, login).ok_or_else(|| AdminError::not_found("user", login))?],
        None => catalog.users.values().map(|user| &**user).collect(),
    };
    let mut save = Save::default();
    for user in &users {
        let raised = User {
            epoch: user.epoch + 1,
            ..(*user).clone()
        };
        save.changes.push(Change::Put(ConfigObject::User(raised)));
    }
    save.notes
        .push(Note::new("user.revoke_logins", login.unwrap_or("all users")));
    Ok((users.len(), save))
}

/// Forgets the failed tries to sign in to an account; and the change that says so in the audit log.
pub fn unlock(login: &str, catalog: &Catalog, failures: &Failures) -> Result<Save, AdminError> {
    let user = of_login(catalog, login).ok_or_else(|| AdminError::not_found("user", login))?;
    failures.unlock(&user.login);
    Ok(Save {
        notes: vec![Note::new("user.unlock", &user.login)],
        ..Save::default()
    })
}
