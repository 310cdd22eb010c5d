//! Every change of the configuration goes through here: checked, written, entered in the audit log, and
//! swapped in, all in one commit.

use crate::domain::account::{AuditEntry, Settings};
use crate::domain::ids::TimeId;
use crate::http::State;
use crate::http::auth::Identity;
use crate::http::problem::ApiError;
use crate::recorder::Group;
use crate::store::catalog::{Catalog, Change, ConfigKey, ConfigObject, Precondition};
use crate::store::{StoreError, codec, keys};

/// Longest detail of an audit entry, bytes.
const DETAIL_BYTES: usize = 4000;
/// Links that a refusal names at most.
const MOST_NAMED: usize = 3;

/// What the audit log says about a change.
#[derive(Debug, Clone)]
pub struct Note {
    /// `offer.create`, `login.fail`, ...
    pub action: &'static str,
    /// What it was done to.
    pub subject: String,
    /// Before and after, secrets masked.
    pub detail: String,
}

impl Note {
    /// A note without detail.
    pub fn new(action: &'static str, subject: impl Into<String>) -> Self {
        Self {
            action,
            subject: subject.into(),
            detail: String::new(),
        }
    }

    /// With a detail.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// Writes an entry of the audit log.
pub fn audit(group: &mut Group<'_>, actor: &str, from: &str, note: Note) -> Result<(), StoreError> {
    let at_ms = group.now_ms();
    let detail = crate::tracking::query::cut(&note.detail, DETAIL_BYTES).to_owned();
    let entry = AuditEntry {
        at_ms,
        actor: actor.into(),
        from: from.into(),
        action: note.action.into(),
        subject: note.subject,
        detail,
    };
    group.put(
        keys::audit(TimeId::new(at_ms, rand::random())),
        codec::encode_json(&entry)?,
    );
    Ok(())
}

/// Stages changes of the configuration, with the bytes that are stored.
pub fn stage(
    group: &mut Group<'_>,
    preconditions: &[Precondition],
    changes: &[Change],
) -> Result<(), ApiError> {
    let next = group.catalog().apply(preconditions, changes)?;
    refuse_lost_domains(group.catalog(), &next)?;
    for change in changes {
        match change {
            Change::Put(object) => {
                let key = object.key();
                group.put(keys::config(key.kind_byte(), key.id_text()), object.encode()?);
            }
            Change::Remove(key) => {
                if let ConfigKey::Link(token) = key
                    && let Some(entry) = group.catalog().links.get(token).cloned()
                {
                    group.put(keys::removed_link(token), codec::encode_json(&entry.link)?);
                }
                group.delete(keys::config(key.kind_byte(), key.id_text()));
            }
        }
    }
    group.set_catalog(next);
    Ok(())
}

/// An address on which links were issued stays known: partners have those links.
pub fn refuse_lost_domains(before: &Catalog, next: &Catalog) -> Result<(), ApiError> {
    let known = |settings: &Settings, address: &String| {
        *address == settings.public_url || settings.tracking_domains.contains(address)
    };
    let addresses = before
        .settings
        .tracking_domains
        .iter()
        .chain([&before.settings.public_url]);
    for lost in addresses.filter(|address| !known(&next.settings, address)) {
        let links = next.links.values().map(|entry| &entry.link);
        let mut names: Vec<String> = links
            .filter(|link| link.domain.as_ref() == Some(lost))
            .map(|link| format!("{} ({})", link.full_name(), link.token))
            .collect();
        if !names.is_empty() {
            names.sort_unstable();
            return Err(domain_in_use(lost, &names));
        }
    }
    Ok(())
}

fn domain_in_use(domain: &str, links: &[String]) -> ApiError {
    let use_it = match links.len() {
        1 => "1 link still uses".to_owned(),
        count => format!("{count} links still use"),
    };
    let named = links[..links.len().min(MOST_NAMED)].join(", ");
    let more = if links.len() > MOST_NAMED { ", ..." } else { "" };
    let message = format!(
        "{use_it} {domain}: {named}{more}; keep the domain here, or give those links another one or remove them first"
    );
    ApiError::invalid("tracking_domains", "domain_in_use", message)
}

/// Makes changes of the configuration and their audit entry; returns once they are durable and in use.
async fn save(
    state: &State,
    identity: &Identity,
    preconditions: Vec<Precondition>,
    changes: Vec<Change>,
    note: Note,
) -> Result<(), ApiError> {
    let (actor, from) = (identity.actor.clone(), identity.from());
    state
        .recorder
        .try_run(move |group| {
            stage(group, &preconditions, &changes)?;
            audit(group, &actor, &from, note).map_err(ApiError::from)
        })
        .await?
}

/// Makes an object that is not there yet.
pub async fn insert(
    state: &State,
    identity: &Identity,
    object: ConfigObject,
    note: Note,
) -> Result<(), ApiError> {
    let absent = vec![Precondition::Absent(object.key())];
    save(state, identity, absent, vec![Change::Put(object)], note).await
}

/// Replaces an object, if the preconditions hold ([`unchanged`]).
pub async fn update(
    state: &State,
    identity: &Identity,
    preconditions: Vec<Precondition>,
    object: ConfigObject,
    note: Note,
) -> Result<(), ApiError> {
    save(state, identity, preconditions, vec![Change::Put(object)], note).await
}

/// Removes an object.
pub async fn remove(state: &State, identity: &Identity, key: ConfigKey, note: Note) -> Result<(), ApiError> {
    save(state, identity, vec![], vec![Change::Remove(key)], note).await
}

/// Enters something in the audit log that changes no configuration.
pub async fn note(state: &State, actor: &str, from: &str, note: Note) -> Result<(), ApiError> {
    let (actor, from) = (actor.to_owned(), from.to_owned());
    state
        .recorder
        .try_run(move |group| audit(group, &actor, &from, note))
        .await??;
    Ok(())
}

/// The time of a save that replaces what was saved at `before_ms`: always later, so that two saves in one
/// millisecond are told apart.
pub fn saved_at(state: &State, before_ms: i64) -> i64 {
    state.recorder.clock().now_ms().max(before_ms + 1)
}

/// What must hold for a replacement: the object is as the caller saw it.
pub fn unchanged(key: ConfigKey, updated_at_ms: Option<i64>) -> Result<Vec<Precondition>, ApiError> {
    match updated_at_ms {
        Some(at_ms) => Ok(vec![Precondition::Unchanged(key, at_ms)]),
        None => Err(ApiError::invalid(
            "updated_at_ms",
            "missing_field",
            "send updated_at_ms as you read it, so that nobody else's change is overwritten",
        )),
    }
}

/// What changed, field by field, for the audit log: `name: "a" -> "b"`. Both values must be free of secrets.
pub fn difference(before: &serde_json::Value, after: &serde_json::Value) -> String {
    let mut lines = Vec::new();
    compare("", before, after, &mut lines);
    lines.join("; ")
}

fn compare(path: &str, before: &serde_json::Value, after: &serde_json::Value, lines: &mut Vec<String>) {
    use serde_json::Value;
    match (before, after) {
        _ if before == after || matches!(path, "updated_at_ms" | "created_at_ms" | "urls") => {}
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(
                    &path,
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    lines,
                );
            }
        }
        _ => lines.push(format!("{path}: {before} -> {after}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_names_what_changed() {
        let before = json!({"name": "a", "trust": {"mode": "off"}, "events": [1], "updated_at_ms": 1});
        let after = json!({"name": "b", "trust": {"mode": "test"}, "events": [1], "updated_at_ms": 2});
        assert_eq!(
            difference(&before, &after),
            r#"name: "a" -> "b"; trust.mode: "off" -> "test""#
        );
        assert_eq!(difference(&before, &before), "");
    }
}
