//! The configuration in memory: an immutable, indexed [`Catalog`] that is swapped whole when an operator
//! saves. Its home is the store; readers take no lock and read no disk.
//!
//! [`Catalog::apply`] is pure: it checks that what refers to something refers to something that exists, and
//! gives the next catalog. What a single object may look like is checked where it is parsed.

use crate::domain::account::{ApiToken, Settings, User};
use crate::domain::ids::{LinkToken, OfferId, PartnerId, RuleId, TokenId, UserId};
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::domain::rule::{Rule, RuleScope};
use crate::domain::template::{CompiledRule, compile};
use crate::store::{Db, StoreError, codec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// One object of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigObject {
    /// An offer.
    Offer(Offer),
    /// A partner.
    Partner(Partner),
    /// A link.
    Link(Link),
    /// A rule.
    Rule(Rule),
    /// A user.
    User(User),
    /// An API token.
    Token(ApiToken),
    /// The settings of the instance.
    Settings(Settings),
}

/// Names one object of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigKey {
    /// An offer.
    Offer(OfferId),
    /// A partner.
    Partner(PartnerId),
    /// A link.
    Link(LinkToken),
    /// A rule.
    Rule(RuleId),
    /// A user.
    User(UserId),
    /// An API token.
    Token(TokenId),
    /// The settings of the instance.
    Settings,
}

impl ConfigKey {
    /// The byte of the kind in keys of the store.
    pub fn kind_byte(&self) -> u8 {
        match self {
            Self::Offer(_) => b'o',
            Self::Partner(_) => b'p',
            Self::Link(_) => b'l',
            Self::Rule(_) => b'r',
            Self::User(_) => b'u',
            Self::Token(_) => b't',
            Self::Settings => b's',
        }
    }

    /// The id as text; empty for the settings.
    pub fn id_text(&self) -> &str {
        match self {
            Self::Offer(id) => id.as_str(),
            Self::Partner(id) => id.as_str(),
            Self::Link(id) => id.as_str(),
            Self::Rule(id) => id.as_str(),
            Self::User(id) => id.as_str(),
            Self::Token(id) => id.as_str(),
            Self::Settings => "",
        }
    }

    /// The word for the kind in messages and the audit log.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Offer(_) => "offer",
            Self::Partner(_) => "partner",
            Self::Link(_) => "link",
            Self::Rule(_) => "rule",
            Self::User(_) => "user",
            Self::Token(_) => "token",
            Self::Settings => "settings",
        }
    }
}

impl ConfigObject {
    /// Its name.
    pub fn key(&self) -> ConfigKey {
        match self {
            Self::Offer(o) => ConfigKey::Offer(o.id.clone()),
            Self::Partner(p) => ConfigKey::Partner(p.id.clone()),
            Self::Link(l) => ConfigKey::Link(l.token.clone()),
            Self::Rule(r) => ConfigKey::Rule(r.id.clone()),
            Self::User(u) => ConfigKey::User(u.id.clone()),
            Self::Token(t) => ConfigKey::Token(t.id.clone()),
            Self::Settings(_) => ConfigKey::Settings,
        }
    }

    /// Reads the stored form of an object by the kind byte of its key; `None` for a kind of a later version.
    pub fn decode(kind: u8, value: &[u8], key: &[u8]) -> Result<Option<Self>, StoreError> {
        let object = match kind {
            b'o' => Self::Offer(codec::decode_json(value, Db::Hot, key)?),
            b'p' => Self::Partner(codec::decode_json(value, Db::Hot, key)?),
            b'l' => Self::Link(codec::decode_json(value, Db::Hot, key)?),
            b'r' => Self::Rule(codec::decode_json(value, Db::Hot, key)?),
            b'u' => Self::User(codec::decode_json(value, Db::Hot, key)?),
            b't' => Self::Token(codec::decode_json(value, Db::Hot, key)?),
            b's' => Self::Settings(codec::decode_json(value, Db::Hot, key)?),
            _ => return Ok(None),
        };
        Ok(Some(object))
    }

    /// The stored form: the object itself as JSON, its kind being in the key.
    pub fn encode(&self) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Offer(o) => codec::encode_json(o),
            Self::Partner(p) => codec::encode_json(p),
            Self::Link(l) => codec::encode_json(l),
            Self::Rule(r) => codec::encode_json(r),
            Self::User(u) => codec::encode_json(u),
            Self::Token(t) => codec::encode_json(t),
            Self::Settings(s) => codec::encode_json(s),
        }
    }

    /// When it was last saved, as the object itself says; `None` for kinds that do not say.
    fn updated_at_ms(&self) -> Option<i64> {
        match self {
            Self::Offer(o) => Some(o.updated_at_ms),
            Self::Partner(p) => Some(p.updated_at_ms),
            Self::Link(l) => Some(l.updated_at_ms),
            Self::Rule(r) => Some(r.updated_at_ms),
            Self::User(u) => Some(u.updated_at_ms),
            Self::Settings(s) => Some(s.updated_at_ms),
            Self::Token(_) => None,
        }
    }
}

/// A change of the configuration. Changes that are given together are made together or not at all.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "changes are few and short-lived; a box would only cost readability"
)]
pub enum Change {
    /// Makes or replaces an object.
    Put(ConfigObject),
    /// Removes one.
    Remove(ConfigKey),
}

/// What must hold for changes to be made; checked by the one writer, so of parallel saves one wins.
#[derive(Debug, Clone, PartialEq)]
pub enum Precondition {
    /// The object does not exist yet.
    Absent(ConfigKey),
    /// The object exists and was last saved at this time (unix milliseconds).
    Unchanged(ConfigKey, i64),
    /// There is no user account at all: the set-up was not claimed.
    NoUsers,
}

/// Why changes were not made. Each has a stable code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Names something that does not exist.
    #[error("{kind} {id} does not exist: create it first or correct the reference")]
    Missing {
        /// Which field refers to it.
        field: &'static str,
        /// What kind of object.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// Still in use.
    #[error("{kind} {id} is still used by {used_by}: remove that first")]
    InUse {
        /// What kind of object.
        kind: &'static str,
        /// Its id.
        id: String,
        /// What uses it.
        used_by: String,
    },
    /// Exists already.
    #[error("{kind} {id} exists already: choose another id")]
    Exists {
        /// What kind of object.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// Somebody else saved in between.
    #[error("{kind} {id} was changed by somebody else in the meantime: load it again and repeat your change")]
    Conflict {
        /// What kind of object.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// The set-up was claimed before.
    #[error("this instance is already set up: sign in instead")]
    AlreadyClaimed,
    /// Two users with one sign-in name.
    #[error("another user has the sign-in name {login}: choose another")]
    LoginTaken {
        /// The name.
        login: String,
    },
    /// The last owner cannot go.
    #[error("at least one enabled owner must remain: make another user owner first")]
    LastOwner,
    /// A rule that does not compile.
    #[error("rule {id} cannot be used: {message}")]
    BrokenRule {
        /// Its id.
        id: String,
        /// The first finding.
        message: String,
    },
}

impl CatalogError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing_reference",
            Self::InUse { .. } => "in_use",
            Self::Exists { .. } => "already_exists",
            Self::Conflict { .. } => "conflict",
            Self::AlreadyClaimed => "already_set_up",
            Self::LoginTaken { .. } => "login_taken",
            Self::LastOwner => "last_owner",
            Self::BrokenRule { .. } => "broken_rule",
        }
    }
}

/// A link with what it belongs to.
#[derive(Debug)]
pub struct LinkEntry {
    /// The link.
    pub link: Link,
    /// Its offer.
    pub offer: Arc<Offer>,
    /// Its partner.
    pub partner: Option<Arc<Partner>>,
}

/// A stored rule that no longer compiles; it is kept and shown, and never fires.
#[derive(Debug, Clone)]
pub struct BrokenRule {
    /// The rule.
    pub rule: Rule,
    /// Why, in a sentence.
    pub message: String,
}

/// The whole configuration.
#[derive(Debug, Default, Clone)]
pub struct Catalog {
    /// Raised by every change.
    pub revision: u64,
    /// Settings of the instance.
    pub settings: Arc<Settings>,
    /// Offers by id.
    pub offers: BTreeMap<OfferId, Arc<Offer>>,
    /// Partners by id.
    pub partners: BTreeMap<PartnerId, Arc<Partner>>,
    /// Links by token.
    pub links: BTreeMap<LinkToken, Arc<LinkEntry>>,
    /// Rules by id.
    pub rules: BTreeMap<RuleId, Arc<CompiledRule>>,
    /// Rules that do not compile.
    pub broken_rules: Vec<BrokenRule>,
    /// Users by id.
    pub users: BTreeMap<UserId, Arc<User>>,
    /// API tokens by id.
    pub tokens: BTreeMap<TokenId, Arc<ApiToken>>,
    by_offer: HashMap<OfferId, Vec<Arc<CompiledRule>>>,
    by_partner: HashMap<PartnerId, Vec<Arc<CompiledRule>>>,
}

impl Catalog {
    /// Builds the catalog from what the store holds. Links whose offer is gone are left out; rules that do
    /// not compile are set apart.
    pub fn load(objects: Vec<ConfigObject>) -> Self {
        let mut catalog = Self::default();
        let mut links = Vec::new();
        for object in objects {
            match object {
                ConfigObject::Offer(o) => drop(catalog.offers.insert(o.id.clone(), Arc::new(o))),
                ConfigObject::Partner(p) => drop(catalog.partners.insert(p.id.clone(), Arc::new(p))),
                ConfigObject::Link(l) => links.push(l),
                ConfigObject::Rule(r) => match compile(&r) {
                    Ok(rule) => drop(catalog.rules.insert(r.id.clone(), Arc::new(rule))),
                    Err(findings) => {
                        let message = findings.first().map(|f| f.message.clone()).unwrap_or_default();
                        catalog.broken_rules.push(BrokenRule { rule: r, message });
                    }
                },
                ConfigObject::User(u) => drop(catalog.users.insert(u.id.clone(), Arc::new(u))),
                ConfigObject::Token(t) => drop(catalog.tokens.insert(t.id.clone(), Arc::new(t))),
                ConfigObject::Settings(s) => catalog.settings = Arc::new(s),
            }
        }
        for link in links {
            catalog.insert_link(link);
        }
        catalog.index();
        catalog
    }

    fn insert_link(&mut self, link: Link) {
        let Some(offer) = self.offers.get(&link.offer).cloned() else {
            return;
        };
        let partner = link.partner.as_ref().and_then(|p| self.partners.get(p)).cloned();
        self.links
            .insert(link.token.clone(), Arc::new(LinkEntry { link, offer, partner }));
    }

    fn index(&mut self) {
        self.by_offer.clear();
        self.by_partner.clear();
        for rule in self.rules.values() {
            match &rule.rule.scope {
                RuleScope::Offer { offer } => {
                    self.by_offer.entry(offer.clone()).or_default().push(rule.clone());
                }
                RuleScope::Partner { partner, .. } => {
                    self.by_partner
                        .entry(partner.clone())
                        .or_default()
                        .push(rule.clone());
                }
            }
        }
    }

    /// Rules that may speak for an activity of the offer credited to the partner: offer-wide ones first.
    pub fn rules_for(&self, offer: &OfferId, partner: Option<&PartnerId>) -> Vec<Arc<CompiledRule>> {
        let mut rules = self.by_offer.get(offer).cloned().unwrap_or_default();
        if let Some(of_partner) = partner.and_then(|p| self.by_partner.get(p)) {
            rules.extend(of_partner.iter().cloned());
        }
        rules
    }

    /// Whether any rule can fire for engagements and activities of the offer and partner.
    pub fn has_rules_for(&self, offer: &OfferId, partner: Option<&PartnerId>) -> bool {
        self.by_offer.contains_key(offer) || partner.is_some_and(|p| self.by_partner.contains_key(p))
    }

    /// The object of a name, as it was saved.
    pub fn get(&self, key: &ConfigKey) -> Option<ConfigObject> {
        Some(match key {
            ConfigKey::Offer(id) => ConfigObject::Offer((**self.offers.get(id)?).clone()),
            ConfigKey::Partner(id) => ConfigObject::Partner((**self.partners.get(id)?).clone()),
            ConfigKey::Link(id) => ConfigObject::Link(self.links.get(id)?.link.clone()),
            ConfigKey::Rule(id) => ConfigObject::Rule(self.rule(id)?.clone()),
            ConfigKey::User(id) => ConfigObject::User((**self.users.get(id)?).clone()),
            ConfigKey::Token(id) => ConfigObject::Token((**self.tokens.get(id)?).clone()),
            ConfigKey::Settings => ConfigObject::Settings((*self.settings).clone()),
        })
    }

    /// A rule, whether it compiles or not.
    pub fn rule(&self, id: &RuleId) -> Option<&Rule> {
        match self.rules.get(id) {
            Some(rule) => Some(&rule.rule),
            None => self.broken_rules.iter().map(|b| &b.rule).find(|r| r.id == *id),
        }
    }

    /// Checks the preconditions and gives the catalog after the changes.
    pub fn apply(&self, preconditions: &[Precondition], changes: &[Change]) -> Result<Self, CatalogError> {
        for precondition in preconditions {
            self.check(precondition)?;
        }
        let mut next = self.clone();
        next.revision += 1;
        let mut relink = false;
        for change in changes {
            relink |= matches!(
                change,
                Change::Put(ConfigObject::Offer(_) | ConfigObject::Partner(_))
                    | Change::Remove(ConfigKey::Offer(_) | ConfigKey::Partner(_))
            );
            match change {
                Change::Put(object) => next.put(object.clone())?,
                Change::Remove(key) => next.remove(key)?,
            }
        }
        if relink {
            let links: Vec<Link> = next.links.values().map(|entry| entry.link.clone()).collect();
            next.links.clear();
            for link in links {
                if !next.offers.contains_key(&link.offer) {
                    let used_by = format!("link {}", link.token);
                    return Err(CatalogError::InUse {
                        kind: "offer",
                        id: link.offer.to_string(),
                        used_by,
                    });
                }
                next.insert_link(link);
            }
        }
        next.check_references(self)?;
        next.index();
        Ok(next)
    }

    fn check(&self, precondition: &Precondition) -> Result<(), CatalogError> {
        match precondition {
            Precondition::Absent(key) => match self.get(key) {
                Some(_) => Err(CatalogError::Exists {
                    kind: key.kind_name(),
                    id: key.id_text().into(),
                }),
                None => Ok(()),
            },
            Precondition::Unchanged(key, at_ms) => match self.get(key) {
                None => Err(missing("id", key.kind_name(), key.id_text())),
                Some(object) if object.updated_at_ms().is_some_and(|saved| saved != *at_ms) => {
                    Err(CatalogError::Conflict {
                        kind: key.kind_name(),
                        id: key.id_text().into(),
                    })
                }
                Some(_) => Ok(()),
            },
            Precondition::NoUsers if self.users.is_empty() => Ok(()),
            Precondition::NoUsers => Err(CatalogError::AlreadyClaimed),
        }
    }

    fn put(&mut self, object: ConfigObject) -> Result<(), CatalogError> {
        match object {
            ConfigObject::Offer(o) => drop(self.offers.insert(o.id.clone(), Arc::new(o))),
            ConfigObject::Partner(p) => drop(self.partners.insert(p.id.clone(), Arc::new(p))),
            ConfigObject::Link(link) => {
                if !self.offers.contains_key(&link.offer) {
                    return Err(missing("offer", "offer", link.offer.as_str()));
                }
                self.insert_link(link);
            }
            ConfigObject::Rule(rule) => {
                let compiled = compile(&rule).map_err(|findings| CatalogError::BrokenRule {
                    id: rule.id.to_string(),
                    message: findings.first().map(|f| f.message.clone()).unwrap_or_default(),
                })?;
                self.broken_rules.retain(|b| b.rule.id != rule.id);
                self.rules.insert(rule.id.clone(), Arc::new(compiled));
            }
            ConfigObject::User(user) => {
                let taken = |other: &Arc<User>| {
                    other.id != user.id && other.login.to_lowercase() == user.login.to_lowercase()
                };
                if self.users.values().any(taken) {
                    return Err(CatalogError::LoginTaken { login: user.login });
                }
                self.users.insert(user.id.clone(), Arc::new(user));
            }
            ConfigObject::Token(t) => drop(self.tokens.insert(t.id.clone(), Arc::new(t))),
            ConfigObject::Settings(s) => self.settings = Arc::new(s),
        }
        Ok(())
    }

    fn remove(&mut self, key: &ConfigKey) -> Result<(), CatalogError> {
        let existed = match key {
            ConfigKey::Offer(id) => self.offers.remove(id).is_some(),
            ConfigKey::Partner(id) => self.partners.remove(id).is_some(),
            ConfigKey::Link(id) => self.links.remove(id).is_some(),
            ConfigKey::Rule(id) => {
                let broken = self.broken_rules.len();
                self.broken_rules.retain(|b| b.rule.id != *id);
                self.rules.remove(id).is_some() || self.broken_rules.len() < broken
            }
            ConfigKey::User(id) => self.users.remove(id).is_some(),
            ConfigKey::Token(id) => self.tokens.remove(id).is_some(),
            ConfigKey::Settings => {
                self.settings = Arc::default();
                true
            }
        };
        if existed {
            Ok(())
        } else {
            Err(missing("id", key.kind_name(), key.id_text()))
        }
    }

    /// What refers to something must refer to something that exists, and an owner must remain.
    fn check_references(&self, before: &Self) -> Result<(), CatalogError> {
        let dangling = |key: ConfigKey, used_by: String| match before.get(&key) {
            Some(_) => CatalogError::InUse {
                kind: key.kind_name(),
                id: key.id_text().into(),
                used_by,
            },
            None => missing(key.kind_name(), key.kind_name(), key.id_text()),
        };
        for entry in self.links.values() {
            let link = &entry.link;
            if let Some(partner) = &link.partner
                && !self.partners.contains_key(partner)
            {
                return Err(dangling(
                    ConfigKey::Partner(partner.clone()),
                    format!("link {}", link.token),
                ));
            }
        }
        for rule in self
            .rules
            .values()
            .map(|r| &r.rule)
            .chain(self.broken_rules.iter().map(|b| &b.rule))
        {
            let (offer, partner) = match &rule.scope {
                RuleScope::Offer { offer } => (Some(offer), None),
                RuleScope::Partner { partner, offer } => (offer.as_ref(), Some(partner)),
            };
            if let Some(offer) = offer.filter(|o| !self.offers.contains_key(*o)) {
                return Err(dangling(
                    ConfigKey::Offer(offer.clone()),
                    format!("rule {}", rule.id),
                ));
            }
            if let Some(partner) = partner.filter(|p| !self.partners.contains_key(*p)) {
                return Err(dangling(
                    ConfigKey::Partner(partner.clone()),
                    format!("rule {}", rule.id),
                ));
            }
        }
        let has_owner = self
            .users
            .values()
            .any(|u| u.role == crate::domain::account::Role::Owner && !u.is_disabled);
        if !self.users.is_empty() && !has_owner {
            return Err(CatalogError::LastOwner);
        }
        Ok(())
    }
}

fn missing(field: &'static str, kind: &'static str, id: &str) -> CatalogError {
    CatalogError::Missing {
        field,
        kind,
        id: id.into(),
    }
}
