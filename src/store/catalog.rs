//! The configuration in memory: an immutable, indexed [`Catalog`] that is swapped whole when an operator
//! saves. Its home is the store; readers take no lock and read no disk.
//!
//! [`Catalog::apply`] is pure: it checks that what refers to something refers to something that exists, and
//! gives the next catalog. What a single object may look like is checked where it is parsed.

mod error;
mod objects;

pub use error::CatalogError;
pub use objects::{ConfigKey, ConfigObject};

use crate::domain::account::{ApiToken, Role, Settings, User};
use crate::domain::activity::ActivityKind;
use crate::domain::ids::{LinkToken, OfferId, PartnerId, RuleId, TokenId, UserId};
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::domain::rule::{Credit, Rule, RuleScope};
use crate::domain::secret::{PartnerSecret, SecretId, SecretText};
use crate::domain::template::{CompiledRule, compile};
use crate::store::sealing::Sealing;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

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
    /// Secrets of partners by id.
    pub secrets: BTreeMap<SecretId, Arc<PartnerSecret>>,
    /// What seals the secrets that are stored.
    pub sealing: Arc<Sealing>,
    by_offer: HashMap<OfferId, Vec<Arc<CompiledRule>>>,
    by_partner: HashMap<PartnerId, Vec<Arc<CompiledRule>>>,
    /// Rules of partners that hear every conversion.
    of_any: Vec<Arc<CompiledRule>>,
}

impl Catalog {
    /// Builds the catalog from what the store holds. Links whose offer is gone are left out; rules that do
    /// not compile are set apart.
    pub fn load(objects: Vec<ConfigObject>, sealing: Arc<Sealing>) -> Self {
        let mut catalog = Self {
            sealing,
            ..Self::default()
        };
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
                ConfigObject::Secret(s) => drop(catalog.secrets.insert(s.id(), Arc::new(s))),
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
        self.of_any.clear();
        for rule in self.rules.values() {
            match &rule.rule.scope {
                RuleScope::Offer { offer } => {
                    self.by_offer.entry(offer.clone()).or_default().push(rule.clone());
                }
                RuleScope::Partner { .. } if rule.rule.credit == Credit::Any => {
                    self.of_any.push(rule.clone());
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
        rules.extend(self.of_any.iter().filter(|rule| hears(rule, offer)).cloned());
        rules
    }

    /// Whether any rule can fire for clicks or impressions of the offer and partner.
    pub fn has_rules_of(&self, kind: ActivityKind, offer: &OfferId, partner: Option<&PartnerId>) -> bool {
        let of_partner = partner.and_then(|partner| self.by_partner.get(partner));
        let rules = self.by_offer.get(offer).into_iter().chain(of_partner).flatten();
        rules
            .into_iter()
            .any(|rule| rule.rule.kinds.is_empty() || rule.rule.kinds.contains(&kind))
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
            ConfigKey::Secret(id) => ConfigObject::Secret((**self.secrets.get(id)?).clone()),
            ConfigKey::Settings => ConfigObject::Settings((*self.settings).clone()),
        })
    }

    /// The secrets of a partner, by name.
    pub fn secrets_of<'a>(&'a self, partner: &'a str) -> impl Iterator<Item = &'a Arc<PartnerSecret>> {
        self.secrets
            .values()
            .filter(move |secret| secret.partner.as_str() == partner)
    }

    /// Whether anything is sealed with a key that is not at hand.
    pub fn has_sealed(&self) -> bool {
        let is_sealed = |secret: &Option<SecretText>| secret.as_ref().is_some_and(SecretText::is_sealed);
        let alerts = &self.settings.alerts;
        self.secrets.values().any(|secret| secret.value.is_sealed())
            || self
                .rules
                .values()
                .any(|rule| is_sealed(&rule.rule.signing_secret))
            || self
                .offers
                .values()
                .any(|offer| is_sealed(&offer.trust.hmac_secret))
            || self
                .partners
                .values()
                .any(|partner| is_sealed(&partner.trust.hmac_secret))
            || self.users.values().any(|user| is_sealed(&user.totp_secret))
            || [&alerts.webhook_url, &alerts.email.password, &alerts.line.token]
                .into_iter()
                .any(is_sealed)
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
            ConfigObject::Secret(s) => {
                if !self.partners.contains_key(&s.partner) {
                    return Err(missing("partner", "partner", s.partner.as_str()));
                }
                self.secrets.insert(s.id(), Arc::new(s));
            }
            ConfigObject::Settings(s) => self.settings = Arc::new(s),
        }
        Ok(())
    }

    fn remove(&mut self, key: &ConfigKey) -> Result<(), CatalogError> {
        let existed = match key {
            ConfigKey::Offer(id) => self.offers.remove(id).is_some(),
            ConfigKey::Partner(id) => {
                self.secrets.retain(|_, secret| secret.partner != *id);
                self.partners.remove(id).is_some()
            }
            ConfigKey::Link(id) => self.links.remove(id).is_some(),
            ConfigKey::Rule(id) => {
                let broken = self.broken_rules.len();
                self.broken_rules.retain(|b| b.rule.id != *id);
                self.rules.remove(id).is_some() || self.broken_rules.len() < broken
            }
            ConfigKey::User(id) => self.users.remove(id).is_some(),
            ConfigKey::Token(id) => self.tokens.remove(id).is_some(),
            ConfigKey::Secret(id) => self.secrets.remove(id).is_some(),
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
            let owner = rule.secret_owner().or(partner);
            if let Some(offer) = offer.filter(|o| !self.offers.contains_key(*o)) {
                return Err(dangling(
                    ConfigKey::Offer(offer.clone()),
                    format!("rule {}", rule.id),
                ));
            }
            if let Some(partner) = owner.filter(|p| !self.partners.contains_key(*p)) {
                return Err(dangling(
                    ConfigKey::Partner(partner.clone()),
                    format!("rule {}", rule.id),
                ));
            }
        }
        let has_owner = self
            .users
            .values()
            .any(|u| u.role == Role::Owner && !u.is_disabled);
        if !self.users.is_empty() && !has_owner {
            return Err(CatalogError::LastOwner);
        }
        Ok(())
    }
}

/// Whether a rule that hears every conversion hears those of an offer.
fn hears(rule: &CompiledRule, offer: &OfferId) -> bool {
    match &rule.rule.scope {
        RuleScope::Partner { offer: own, .. } => own.as_ref().is_none_or(|own| own == offer),
        RuleScope::Offer { offer: own } => own == offer,
    }
}

fn missing(field: &'static str, kind: &'static str, id: &str) -> CatalogError {
    CatalogError::Missing {
        field,
        kind,
        id: id.into(),
    }
}
