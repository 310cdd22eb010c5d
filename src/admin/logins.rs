//! Logins: the text that a browser keeps in a cookie, and the record that it stands for. The text is 256 random
//! bits; the store knows only their SHA-256.

use super::AdminError;
use super::random::{random_text, sha256_hex};
use crate::domain::account::{Login, User};
use crate::domain::ids::UserId;
use crate::recorder::{Group, Recorder};
use crate::store::catalog::Catalog;
use crate::store::{Db, KeyRange, Reader, Record, StoreError, keys};
use std::ops::ControlFlow;

/// A login that is not used ends after this long, milliseconds.
pub const IDLE_MS: i64 = 30 * 60 * 1000;
/// A login ends after this long in any case, milliseconds.
pub const ABSOLUTE_MS: i64 = 8 * 60 * 60 * 1000;
/// Use is noted at most this often, milliseconds.
const TOUCH_MS: i64 = 60 * 1000;
/// Logins looked at when old ones are removed.
const SWEEP: usize = 1000;

/// Whether a login is still good for the user that it belongs to.
pub fn is_good(login: &Login, user: &User, now_ms: i64) -> bool {
    !user.is_disabled
        && login.epoch == user.epoch
        && now_ms - login.seen_at_ms < IDLE_MS
        && now_ms - login.created_at_ms < ABSOLUTE_MS
}

/// A new login: the text for the browser, and the record to be written with [`insert`].
pub fn new(user: &User, from: &str, user_agent: &str, now_ms: i64) -> Result<(String, NewLogin), AdminError> {
    let text = random_text()?;
    let login = Login {
        user: user.id.clone(),
        epoch: user.epoch,
        created_at_ms: now_ms,
        seen_at_ms: now_ms,
        from: from.into(),
        user_agent: crate::tracking::query::cut(user_agent, 200).into(),
    };
    let id = sha256_hex(text.as_bytes());
    Ok((text, NewLogin { id, login }))
}

/// A login that is not written yet.
#[derive(Debug)]
pub struct NewLogin {
    id: String,
    login: Login,
}

/// Writes a login and removes those that have ended.
pub fn insert(group: &mut Group<'_>, new: &NewLogin) -> Result<(), StoreError> {
    let catalog = group.catalog().clone();
    let now_ms = group.now_ms();
    for (key, value) in group.scan(Db::Hot, KeyRange::prefix(&keys::config_prefix(b'g')), SWEEP)? {
        let login = Login::decode(&value, Db::Hot, &key)?;
        let ended = catalog
            .users
            .get(&login.user)
            .is_none_or(|user| !is_good(&login, user, now_ms));
        if ended {
            group.remove((Db::Hot, key));
        }
    }
    group.save(keys::login(&new.id), &new.login)
}

/// Finds the login of a text with its user. The id is what [`remove`] takes.
pub fn find(
    reader: &Reader,
    catalog: &Catalog,
    text: &str,
    now_ms: i64,
) -> Result<Option<(String, Login, std::sync::Arc<User>)>, StoreError> {
    let id = sha256_hex(text.as_bytes());
    let Some(login) = reader.load(&keys::login(&id))? else {
        return Ok(None);
    };
    let Some(user) = catalog
        .users
        .get(&login.user)
        .filter(|user| is_good(&login, user, now_ms))
    else {
        return Ok(None);
    };
    Ok(Some((id, login, user.clone())))
}

/// Whose login it is, by its id, unless it was ended or is too old.
pub fn owner(
    reader: &Reader,
    catalog: &Catalog,
    id: &str,
    now_ms: i64,
) -> Result<Option<std::sync::Arc<User>>, StoreError> {
    let Some(login) = reader.load(&keys::login(id))? else {
        return Ok(None);
    };
    let used = Login {
        seen_at_ms: now_ms,
        ..login
    };
    let user = catalog.users.get(&used.user);
    Ok(user.filter(|user| is_good(&used, user, now_ms)).cloned())
}

/// Notes that a login was used, at most once a minute. It does not wait: a lost note shortens the idle
/// time by a minute.
pub fn touch(recorder: &Recorder, id: &str, login: &Login) {
    if recorder.clock().now_ms() - login.seen_at_ms < TOUCH_MS {
        return;
    }
    let id = id.to_owned();
    let job = move |group: &mut Group<'_>| {
        let key = keys::login(&id);
        let touched = group.load(&key).and_then(|login| {
            let Some(mut login) = login else { return Ok(()) };
            login.seen_at_ms = login.seen_at_ms.max(group.now_ms());
            group.save(key, &login)
        });
        if let Err(error) = touched {
            tracing::warn!(code = error.code(), %error, "the use of a login could not be noted");
        }
    };
    if let Err((error, _)) = recorder.submit(Box::new(job)) {
        tracing::debug!(code = error.code(), "the use of a login was not noted");
    }
}

/// Ends a login.
pub fn remove(group: &mut Group<'_>, id: &str) {
    group.remove(keys::login(id));
}

/// The logins that are good, of one user or of all, newest first, with their ids; at most a thousand.
pub fn list(
    reader: &Reader,
    catalog: &Catalog,
    of: Option<&UserId>,
    now_ms: i64,
) -> Result<Vec<(String, Login)>, StoreError> {
    let mut found = Vec::new();
    let mut unreadable = None;
    reader.scan_prefix(Db::Hot, &keys::config_prefix(b'g'), false, |key, value| {
        match Login::decode(value, Db::Hot, key) {
            Ok(login) => {
                let is_wanted = of.is_none_or(|user| *user == login.user);
                let user = catalog.users.get(&login.user);
                if is_wanted && user.is_some_and(|user| is_good(&login, user, now_ms)) {
                    let id = keys::parse_config(key)
                        .map(|(_, id)| id.to_owned())
                        .unwrap_or_default();
                    found.push((id, login));
                }
            }
            Err(error) => unreadable = Some(error),
        }
        if found.len() < SWEEP {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    if let Some(error) = unreadable {
        return Err(error);
    }
    found.sort_by_key(|(_, login)| std::cmp::Reverse(login.created_at_ms));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Role;

    fn user(epoch: u32, is_disabled: bool) -> User {
        User {
            id: "hanako".parse().unwrap(),
            login: "hanako".into(),
            name: String::new(),
            password_hash: String::new(),
            role: Role::Owner,
            partners: vec![],
            language: None,
            totp_secret: None,
            totp_step: 0,
            recovery_codes: vec![],
            epoch,
            is_disabled,
            created_at_ms: 0,
            updated_at_ms: 0,
        }
    }

    #[test]
    fn a_login_ends_by_idleness_age_epoch_and_with_its_user() {
        let (_, new) = new(&user(1, false), "192.0.2.1", "browser", 0).unwrap();
        let login = |seen_at_ms| Login {
            seen_at_ms,
            ..new.login.clone()
        };
        assert!(is_good(&login(0), &user(1, false), IDLE_MS - 1));
        assert!(!is_good(&login(0), &user(1, false), IDLE_MS));
        assert!(!is_good(&login(ABSOLUTE_MS - 1), &user(1, false), ABSOLUTE_MS));
        assert!(!is_good(&login(0), &user(2, false), 1));
        assert!(!is_good(&login(0), &user(1, true), 1));
    }
}
