//! To schema 2: keys in the headers of rules become secrets of the partner, and are taken out of what was stored with
//! them: waiting and settled postbacks, attempts, the audit log.
//!
//! What is stored is changed first and the rules last, in one commit: run again after an interruption, the same is
//! found in the rules and done to the rest.

use super::super::catalog::ConfigObject;
use super::super::database::Db;
use super::super::error::StoreError;
use super::super::keys::{self, PeriodKind};
use super::super::reader::Reader;
use super::super::records::{Key, Record};
use super::super::writer::Writer;
use super::super::{Commit, Op};
use crate::domain::account::AuditEntry;
use crate::domain::ids::{OfferId, PartnerId, PostbackId, RuleId};
use crate::domain::partner::Partner;
use crate::domain::postback::{Attempt, Origin, Outcome, Postback};
use crate::domain::rule::{Rule, RuleScope};
use crate::domain::secret::{PartnerSecret, SecretName, SecretText};
use crate::domain::template::hole;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Words before the key itself in `Authorization`.
const SCHEMES: [&str; 4] = ["Bearer ", "Basic ", "Token ", "Key "];
/// Shorter values are not looked for in texts.
const MASKED_FROM: usize = 8;
/// Writes of one commit.
const BATCH: usize = 200;

/// A header whose value moves.
struct Moved {
    header: String,
    /// As it stood in the rule, and in every request of it.
    value: String,
    /// What stands before the key.
    lead: String,
    secret: SecretName,
}

/// What is done.
#[derive(Default)]
struct Plan {
    changed: Vec<ConfigObject>,
    moved: BTreeMap<RuleId, Vec<Moved>>,
    /// Keys by the name that stands in for them.
    masks: BTreeSet<(String, String)>,
}

/// The step.
pub(super) fn run(writer: &mut Writer, reader: &Reader) -> Result<(), StoreError> {
    let plan = plan(reader)?;
    if plan.moved.is_empty() {
        return Ok(());
    }
    let mut work = Work {
        writer,
        plan: &plan,
        writes: Vec::new(),
    };
    work.postbacks(reader, Db::Hot, &keys::waiting_prefix())?;
    for period in reader.periods(PeriodKind::Postbacks) {
        let db = Db::Period(PeriodKind::Postbacks, period);
        work.postbacks(reader, db, &keys::postback_prefix())?;
        work.attempts(reader, db)?;
    }
    work.audit(reader)?;
    work.flush()?;
    let writes = plan.changed.iter().map(|object| {
        let key = object.key();
        let (db, bytes) = keys::config(key.kind_byte(), key.id_text()).into();
        Ok((db, Op::Put(bytes, object.encode()?)))
    });
    let writes = writes.collect::<Result<Vec<_>, StoreError>>()?;
    work.writer.commit(Commit { writes })?;
    tracing::info!(
        rules = plan.moved.len(),
        "keys in the headers of rules are secrets of their partners now; the backup that was made before still holds them"
    );
    Ok(())
}

fn config<T>(
    reader: &Reader,
    kind: u8,
    pick: impl Fn(ConfigObject) -> Option<T>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    reader.scan_prefix(Db::Hot, &keys::config_prefix(kind), false, |key, value| {
        // One that cannot be read is told when the catalog is loaded.
        found.extend(ConfigObject::decode(value, Db::Hot, key).ok().and_then(&pick));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn plan(reader: &Reader) -> Result<Plan, StoreError> {
    let rules = config(reader, b'r', |object| match object {
        ConfigObject::Rule(rule) => Some(rule),
        _ => None,
    })?;
    let partners = config(reader, b'p', |object| match object {
        ConfigObject::Partner(partner) => Some(partner.id),
        _ => None,
    })?;
    let mut plan = Plan::default();
    let mut known: BTreeMap<(PartnerId, String), String> = BTreeMap::new();
    let mut own: BTreeSet<OfferId> = BTreeSet::new();
    for mut rule in rules {
        let headers: Vec<usize> = (0..rule.headers.len())
            .filter(|n| rule.headers[*n].shows_key())
            .collect();
        if headers.is_empty() {
            continue;
        }
        let Some(owner) = owner(&mut rule, &partners, &mut own, &mut plan) else {
            continue;
        };
        for n in headers {
            let header = &mut rule.headers[n];
            let value = header.value.clone();
            let scheme = SCHEMES.iter().find(|scheme| value.starts_with(*scheme));
            let lead = scheme.map_or("", |scheme| *scheme).to_owned();
            let key = value[lead.len()..].to_owned();
            let Some(secret) = named(&header.name, &owner, &key, &mut known, &mut plan) else {
                continue;
            };
            header.value = format!("{lead}{{secret.{}}}", secret.as_str());
            if key.len() >= MASKED_FROM {
                plan.masks.insert((secret.as_str().to_owned(), key));
            }
            plan.moved.entry(rule.id.clone()).or_default().push(Moved {
                header: header.name.clone(),
                value,
                lead,
                secret,
            });
        }
        plan.changed.push(ConfigObject::Rule(rule));
    }
    Ok(plan)
}

/// The partner that the secrets go to. Rules of a whole offer get one of their own, which speaks for the advertiser's
/// servers.
fn owner(
    rule: &mut Rule,
    partners: &[PartnerId],
    own: &mut BTreeSet<OfferId>,
    plan: &mut Plan,
) -> Option<PartnerId> {
    let offer = match &rule.scope {
        RuleScope::Partner { partner, .. } => return Some(partner.clone()),
        RuleScope::Offer { offer } => offer.clone(),
    };
    let id: PartnerId = offer.as_str().parse().ok()?;
    if own.insert(offer) && !partners.contains(&id) {
        let partner = serde_json::json!({"id": id.as_str(), "name": "Own servers (自社サーバー)"});
        let partner: Partner = serde_json::from_value(partner).ok()?;
        plan.changed.push(ConfigObject::Partner(partner));
    }
    rule.secrets_of = Some(id.clone());
    Some(id)
}

/// The name of a key among the secrets of a partner; the same key has one name.
fn named(
    header: &str,
    owner: &PartnerId,
    key: &str,
    known: &mut BTreeMap<(PartnerId, String), String>,
    plan: &mut Plan,
) -> Option<SecretName> {
    let plain: String = header
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(50)
        .collect();
    let plain = if plain.starts_with(|c: char| c.is_ascii_alphabetic()) {
        plain
    } else {
        format!("h_{plain}")
    };
    for n in 1..100 {
        let name = if n == 1 {
            plain.clone()
        } else {
            format!("{plain}_{n}")
        };
        let at = (owner.clone(), name.clone());
        match known.get(&at) {
            Some(other) if other != key => {}
            Some(_) => return name.try_into().ok(),
            None => {
                known.insert(at, key.to_owned());
                let name: SecretName = name.try_into().ok()?;
                plan.changed.push(ConfigObject::Secret(PartnerSecret {
                    partner: owner.clone(),
                    name: name.clone(),
                    value: SecretText::Open(key.to_owned()),
                    token: None,
                    updated_at_ms: 0,
                }));
                return Some(name);
            }
        }
    }
    None
}

struct Work<'w> {
    writer: &'w mut Writer,
    plan: &'w Plan,
    writes: Vec<(Db, Op)>,
}

impl Work<'_> {
    fn save<T: Record>(&mut self, key: Key<T>, record: &T) -> Result<(), StoreError> {
        let (db, bytes) = key.into();
        self.writes.push((db, Op::Put(bytes, record.encode()?)));
        if self.writes.len() >= BATCH {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let writes = std::mem::take(&mut self.writes);
        if !writes.is_empty() {
            self.writer.commit(Commit { writes })?;
        }
        Ok(())
    }

    /// Every record below a prefix that `change` changes.
    fn each<T: Record>(
        &mut self,
        reader: &Reader,
        (db, prefix): (Db, &[u8]),
        change: impl Fn(&Plan, T) -> Option<T>,
    ) -> Result<(), StoreError> {
        let mut found = Vec::new();
        let plan = self.plan;
        reader.scan_prefix(db, prefix, false, |key, value| {
            // What cannot be read stays as it is, and is told by whoever reads it.
            let changed = T::decode(value, db, key)
                .ok()
                .and_then(|record| change(plan, record));
            found.extend(changed.map(|record| (Key::new(db, key.to_vec()), record)));
            ControlFlow::Continue(())
        })?;
        found
            .into_iter()
            .try_for_each(|(key, record)| self.save(key, &record))
    }

    fn postbacks(&mut self, reader: &Reader, db: Db, prefix: &[u8]) -> Result<(), StoreError> {
        self.each(reader, (db, prefix), |plan, mut postback: Postback| {
            let is_changed = plan.empty_headers(&mut postback);
            let is_masked = postback.last.as_mut().is_some_and(|last| plan.mask_attempt(last));
            (is_changed || is_masked).then_some(postback)
        })
    }

    fn attempts(&mut self, reader: &Reader, db: Db) -> Result<(), StoreError> {
        let (_, key) = keys::attempt(PostbackId::new(0, 0), 0).into();
        self.each(reader, (db, &key[..1]), |plan, mut attempt: Attempt| {
            plan.mask_attempt(&mut attempt).then_some(attempt)
        })
    }

    fn audit(&mut self, reader: &Reader) -> Result<(), StoreError> {
        self.each(
            reader,
            (Db::Hot, &keys::audit_prefix()),
            |plan, mut entry: AuditEntry| plan.mask(&mut entry.detail).then_some(entry),
        )
    }
}

impl Plan {
    /// Puts holes into the headers of a request whose values moved.
    fn empty_headers(&self, postback: &mut Postback) -> bool {
        let (Origin::Rule(rule) | Origin::Test(rule)) = &postback.origin else {
            return false;
        };
        let mut is_changed = false;
        for moved in self.moved.get(rule).into_iter().flatten() {
            let headers = postback.request.headers.iter_mut();
            let is_it = |(name, value): &&mut (String, String)| {
                name.eq_ignore_ascii_case(&moved.header) && *value == moved.value
            };
            for (_, value) in headers.filter(is_it) {
                *value = format!("{}{}", moved.lead, hole::of_header(&moved.secret));
                is_changed = true;
            }
        }
        is_changed
    }

    fn mask_attempt(&self, attempt: &mut Attempt) -> bool {
        let mut is_changed = self.mask(&mut attempt.excerpt) | self.mask(&mut attempt.url);
        for (_, value) in &mut attempt.headers {
            is_changed |= self.mask(value);
        }
        if let Outcome::Error { message, .. } = &mut attempt.outcome {
            is_changed |= self.mask(message);
        }
        is_changed
    }

    fn mask(&self, text: &mut String) -> bool {
        let mut is_changed = false;
        for (name, key) in &self.masks {
            let quoted = serde_json::Value::from(key.as_str()).to_string();
            for form in [key.as_str(), quoted.trim_matches('"')] {
                if text.contains(form) {
                    *text = text.replace(form, &format!("‹{name}›"));
                    is_changed = true;
                }
            }
        }
        is_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: serde_json::Value) -> Rule {
        let mut whole = serde_json::json!({"id": "rule01", "scope": {"type": "partner", "partner": "part1"},
            "text": "https://h.example/"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(json.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn only_keys_that_are_written_out_move() {
        let rule = rule(serde_json::json!({"headers": [
            {"name": "Authorization", "value": "Bearer abc"}, {"name": "X-Api-Key", "value": "k"},
            {"name": "Accept", "value": "*/*"}, {"name": "X-Token", "value": "{sid}"},
            {"name": "X-Access-Key", "value": " "}]}));
        let moving: Vec<bool> = (0..5).map(|n| rule.headers[n].shows_key()).collect();
        assert_eq!(moving, [true, true, false, false, false]);
    }

    #[test]
    fn one_key_has_one_name_and_another_key_another() {
        let (mut known, mut plan) = (BTreeMap::new(), Plan::default());
        let owner: PartnerId = "part1".parse().unwrap();
        let mut name = |header: &str, key: &str| {
            named(header, &owner, key, &mut known, &mut plan)
                .unwrap()
                .as_str()
                .to_owned()
        };
        assert_eq!(name("Authorization", "a"), "authorization");
        assert_eq!(name("authorization", "a"), "authorization");
        assert_eq!(name("Authorization", "b"), "authorization_2");
        assert_eq!(name("9-Key", "b"), "h_9_key");
        assert_eq!(plan.changed.len(), 3);
    }
}
