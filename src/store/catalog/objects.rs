//! Objects of the configuration, and their names.

use crate::domain::account::{ApiToken, Settings, User};
use crate::domain::ids::{LinkToken, OfferId, PartnerId, RuleId, TokenId, UserId};
use crate::domain::link::Link;
use crate::domain::offer::Offer;
use crate::domain::partner::Partner;
use crate::domain::rule::Rule;
use crate::domain::secret::{PartnerSecret, SecretId, SecretText};
use crate::store::database::Db;
use crate::store::error::StoreError;
use crate::store::records::{Record, from_json, to_json, unreadable};
use crate::store::sealing::Sealing;
use serde::{Deserialize, Serialize};

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
    /// A secret of a partner.
    Secret(PartnerSecret),
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
    /// A secret of a partner.
    Secret(SecretId),
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
            Self::Secret(_) => b'k',
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
            Self::Secret(id) => id.as_str(),
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
            Self::Secret(_) => "secret",
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
            Self::Secret(s) => ConfigKey::Secret(s.id()),
            Self::Settings(_) => ConfigKey::Settings,
        }
    }

    /// Reads the stored form of an object by the kind byte of its key; `None` for a kind of a later version.
    pub(in crate::store) fn from_json(
        kind: u8,
        value: &[u8],
        key: &[u8],
    ) -> Result<Option<Self>, StoreError> {
        let object = match kind {
            b'o' => Self::Offer(from_json(value, Db::Hot, key)?),
            b'p' => Self::Partner(from_json(value, Db::Hot, key)?),
            b'l' => Self::Link(from_json(value, Db::Hot, key)?),
            b'r' => Self::Rule(from_json(value, Db::Hot, key)?),
            b'u' => Self::User(from_json(value, Db::Hot, key)?),
            b't' => Self::Token(from_json(value, Db::Hot, key)?),
            b'k' => Self::Secret(from_json(value, Db::Hot, key)?),
            b's' => Self::Settings(from_json(value, Db::Hot, key)?),
            _ => return Ok(None),
        };
        Ok(Some(object))
    }

    /// The stored form: the object itself as JSON, its kind being in the key.
    pub(in crate::store) fn to_json(&self) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Offer(o) => to_json(o),
            Self::Partner(p) => to_json(p),
            Self::Link(l) => to_json(l),
            Self::Rule(r) => to_json(r),
            Self::User(u) => to_json(u),
            Self::Token(t) => to_json(t),
            Self::Secret(s) => to_json(s),
            Self::Settings(s) => to_json(s),
        }
    }

    /// Every secret in it.
    fn secrets_mut(&mut self) -> Vec<&mut SecretText> {
        match self {
            Self::Offer(o) => o.trust.hmac_secret.iter_mut().collect(),
            Self::Partner(p) => p.trust.hmac_secret.iter_mut().collect(),
            Self::Rule(r) => r.signing_secret.iter_mut().collect(),
            Self::User(u) => u.totp_secret.iter_mut().collect(),
            Self::Secret(s) => vec![&mut s.value],
            Self::Settings(s) => {
                let alerts = &mut s.alerts;
                let secrets = alerts.webhook_url.iter_mut().chain(&mut alerts.email.password);
                secrets.chain(&mut alerts.line.token).collect()
            }
            Self::Link(_) | Self::Token(_) => Vec::new(),
        }
    }

    fn place(&self) -> String {
        let key = self.key();
        format!("{} {}", key.kind_name(), key.id_text())
    }

    /// As it is stored: its secrets sealed, when there is a key.
    pub fn sealed(&self, sealing: &Sealing) -> Self {
        let (mut object, place) = (self.clone(), self.place());
        for secret in object.secrets_mut() {
            *secret = sealing.seal(secret, &place);
        }
        object
    }

    /// As it is used: its secrets open, as far as there is a key. Gives whether it is stored as it should be.
    pub fn opened(mut self, sealing: &Sealing) -> (Self, bool) {
        let place = self.place();
        let mut is_well = true;
        for secret in self.secrets_mut() {
            let (open, is_stored_well) = sealing.open(secret, &place);
            *secret = open;
            is_well &= is_stored_well;
        }
        (self, is_well)
    }

    /// When it was last saved, as the object itself says; `None` for kinds that do not say.
    pub(super) fn updated_at_ms(&self) -> Option<i64> {
        match self {
            Self::Offer(o) => Some(o.updated_at_ms),
            Self::Partner(p) => Some(p.updated_at_ms),
            Self::Link(l) => Some(l.updated_at_ms),
            Self::Rule(r) => Some(r.updated_at_ms),
            Self::User(u) => Some(u.updated_at_ms),
            Self::Secret(s) => Some(s.updated_at_ms),
            Self::Settings(s) => Some(s.updated_at_ms),
            Self::Token(_) => None,
        }
    }
}

/// An object of the configuration: itself as JSON, its kind being in the key.
impl Record for ConfigObject {
    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        self.to_json()
    }

    fn decode(bytes: &[u8], db: Db, key: &[u8]) -> Result<Self, StoreError> {
        let kind = key.get(1).copied();
        let object = kind.map_or(Ok(None), |kind| Self::from_json(kind, bytes, key))?;
        object.ok_or_else(|| unreadable(db, key, "its kind is not known"))
    }
}
