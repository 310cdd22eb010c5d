//! Every change of the configuration goes through here: checked, written, entered in the audit log, and
//! swapped in, all in one commit.

use super::AdminError;
use crate::domain::account::{AuditEntry, Settings};
use crate::domain::ids::TimeId;
use crate::recorder::{Group, Recorder};
use crate::store::catalog::{Catalog, Change, ConfigKey, ConfigObject, Precondition};
use crate::store::{StoreError, keys};

/// Longest detail of an audit entry, bytes.
const DETAIL_BYTES: usize = 4000;
/// Links that a refusal names at most.
const MOST_NAMED: usize = 3;

/// What the audit log says about a change.
#[derive(Debug, Clone)]
pub struct Note {
    /// `offer.create`, `login.fail`, ...
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// Before and after, secrets masked.
    pub detail: String,
}

impl Note {
    /// A note without detail.
    pub fn new(action: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            action: action.into(),
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

/// Who does something, as the audit log names them.
#[derive(Debug, Clone)]
pub struct Actor {
    /// `user hanako`, `token deploy`, `command line`.
    pub name: String,
    /// The address that they came from; empty for commands on this machine.
    pub from: String,
}

impl Actor {
    /// Somebody at the machine itself.
    pub fn command_line() -> Self {
        Self {
            name: "command line".into(),
            from: String::new(),
        }
    }
}

/// Writes an entry of the audit log.
pub fn audit(group: &mut Group<'_>, actor: &Actor, note: Note) -> Result<(), StoreError> {
    let at_ms = group.now_ms();
    let detail = crate::tracking::query::cut(&note.detail, DETAIL_BYTES).to_owned();
    let entry = AuditEntry {
        at_ms,
        actor: actor.name.clone(),
        from: actor.from.clone(),
        action: note.action,
        subject: note.subject,
        detail,
    };
    group.save(keys::audit(TimeId::new(at_ms, rand::random())), &entry)
}

/// Stages changes of the configuration, with the bytes that are stored.
pub fn stage(
    group: &mut Group<'_>,
    preconditions: &[Precondition],
    changes: &[Change],
) -> Result<(), AdminError> {
    let next = group.catalog().apply(preconditions, changes)?;
    refuse_lost_domains(group.catalog(), &next)?;
    for change in changes {
        match change {
            Change::Put(object) => {
                let key = object.key();
                let sealed = object.sealed(&group.catalog().sealing);
                group.save(keys::config(key.kind_byte(), key.id_text()), &sealed)?;
            }
            Change::Remove(key) => {
                if let ConfigKey::Link(token) = key
                    && let Some(entry) = group.catalog().links.get(token).cloned()
                {
                    group.save(keys::removed_link(token), &entry.link)?;
                }
                if let ConfigKey::Partner(partner) = key {
                    let catalog = group.catalog().clone();
                    for secret in catalog.secrets_of(partner.as_str()) {
                        let key = ConfigKey::Secret(secret.id());
                        group.remove(keys::config(key.kind_byte(), key.id_text()));
                    }
                }
                group.remove(keys::config(key.kind_byte(), key.id_text()));
            }
        }
    }
    group.set_catalog(next);
    Ok(())
}

/// An address on which links were issued stays known: partners have those links.
pub fn refuse_lost_domains(before: &Catalog, next: &Catalog) -> Result<(), AdminError> {
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

fn domain_in_use(domain: &str, links: &[String]) -> AdminError {
    let use_it = match links.len() {
        1 => "1 link still uses".to_owned(),
        count => format!("{count} links still use"),
    };
    let named = links[..links.len().min(MOST_NAMED)].join(", ");
    let more = if links.len() > MOST_NAMED { ", ..." } else { "" };
    let message = format!(
        "{use_it} {domain}: {named}{more}; keep the domain here, or give those links another one or remove them first"
    );
    AdminError::invalid("tracking_domains", "domain_in_use", message)
}

/// A change of the configuration that was checked and is not made yet.
#[derive(Debug, Clone, Default)]
pub struct Save {
    /// What must still hold when it is made.
    pub preconditions: Vec<Precondition>,
    /// What is written.
    pub changes: Vec<Change>,
    /// What the audit log says.
    pub notes: Vec<Note>,
}

impl Save {
    /// Makes an object that is not there yet.
    pub fn insert(object: ConfigObject, note: Note) -> Self {
        Self {
            preconditions: vec![Precondition::Absent(object.key())],
            changes: vec![Change::Put(object)],
            notes: vec![note],
        }
    }

    /// Replaces an object, if it was last saved at `saved_at_ms`.
    pub fn replace(saved_at_ms: i64, object: ConfigObject, note: Note) -> Self {
        Self {
            preconditions: vec![Precondition::Unchanged(object.key(), saved_at_ms)],
            changes: vec![Change::Put(object)],
            notes: vec![note],
        }
    }

    /// Removes an object.
    pub fn remove(key: ConfigKey, note: Note) -> Self {
        Self {
            preconditions: Vec::new(),
            changes: vec![Change::Remove(key)],
            notes: vec![note],
        }
    }

    /// Makes both, or neither of them.
    pub fn and(mut self, other: Self) -> Self {
        self.preconditions.extend(other.preconditions);
        self.changes.extend(other.changes);
        self.notes.extend(other.notes);
        self
    }

    /// Writes the change and its entries of the audit log.
    pub fn write(self, group: &mut Group<'_>, actor: &Actor) -> Result<(), AdminError> {
        stage(group, &self.preconditions, &self.changes)?;
        for note in self.notes {
            audit(group, actor, note)?;
        }
        Ok(())
    }

    /// Makes the change in one commit; returns once it is durable and in use.
    pub async fn commit(self, recorder: &Recorder, actor: Actor) -> Result<(), AdminError> {
        recorder.try_run(move |group| self.write(group, &actor)).await?
    }

    /// The same for callers on threads of their own.
    pub fn commit_blocking(self, recorder: &Recorder, actor: Actor) -> Result<(), AdminError> {
        recorder.try_run_blocking(move |group| self.write(group, &actor))?
    }
}

/// Enters something in the audit log that changes no configuration.
pub async fn note(recorder: &Recorder, actor: Actor, note: Note) -> Result<(), AdminError> {
    recorder
        .try_run(move |group| audit(group, &actor, note))
        .await??;
    Ok(())
}

/// The time of a save that replaces what was saved at `before_ms`: always later, so that two saves in one
/// millisecond are told apart.
pub fn saved_at(now_ms: i64, before_ms: i64) -> i64 {
    now_ms.max(before_ms + 1)
}

/// When the object that a form replaces was last saved, as its sender read it.
pub fn as_read(updated_at_ms: Option<i64>) -> Result<i64, AdminError> {
    updated_at_ms.ok_or_else(|| {
        AdminError::invalid(
            "updated_at_ms",
            "missing_field",
            "send updated_at_ms as you read it, so that nobody else's change is overwritten",
        )
    })
}

/// A form as JSON, for the audit log. Secrets are masked by the form itself.
pub fn to_json(form: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(form).unwrap_or_default()
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
