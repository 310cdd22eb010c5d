//! Secrets in configuration objects: they can be set and removed, and are never shown.

use crate::domain::secret::{SEALED, SecretText};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

/// A secret as the API shows and takes it: `{"is_set": true}` when read; a string sets it, `null` removes it,
/// and the shown form (or leaving the field out) keeps what is there.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Secret {
    /// Shown: whether there is one. Taken: keep what is there.
    Shown {
        /// Whether there is one.
        is_set: bool,
    },
    /// Taken: keep what is there.
    #[default]
    Keep,
    /// Taken: remove it.
    Remove,
    /// Taken: set it.
    Set(String),
}

impl Secret {
    /// The form that is shown.
    pub fn shown(value: Option<&SecretText>) -> Self {
        Self::Shown {
            is_set: value.is_some(),
        }
    }

    /// What is stored after a save.
    pub fn resolve(self, before: Option<SecretText>) -> Option<SecretText> {
        match self {
            Self::Shown { .. } | Self::Keep => before,
            Self::Remove => None,
            Self::Set(value) => Some(SecretText::Open(value)),
        }
    }

    /// The new value, when one is set.
    pub fn new_value(&self) -> Option<&str> {
        match self {
            Self::Set(value) => Some(value),
            Self::Shown { .. } | Self::Keep | Self::Remove => None,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shown { is_set: true } => "(set)",
            Self::Shown { is_set: false } => "(not set)",
            Self::Keep => "(keep)",
            Self::Remove => "(remove)",
            Self::Set(_) => "(new)",
        })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let is_set = matches!(self, Self::Shown { is_set: true } | Self::Set(_));
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("is_set", &is_set)?;
        map.end()
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string to set it, null to remove it, or {\"is_set\": true} to keep it")
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Secret, E> {
        if value.is_empty() {
            Ok(Secret::Remove)
        } else if value.starts_with(SEALED) {
            Err(E::custom(
                "a secret cannot begin like a sealed one; paste the secret itself",
            ))
        } else {
            Ok(Secret::Set(value.to_owned()))
        }
    }
    fn visit_unit<E: Error>(self) -> Result<Secret, E> {
        Ok(Secret::Remove)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let mut is_set = false;
        while let Some(key) = map.next_key::<String>()? {
            if key != "is_set" {
                return Err(A::Error::unknown_field(&key, &["is_set"]));
            }
            is_set = map.next_value()?;
        }
        Ok(Secret::Shown { is_set })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

impl utoipa::PartialSchema for Secret {
    fn schema() -> utoipa::openapi::RefOr<Schema> {
        let shown = ObjectBuilder::new()
            .property("is_set", ObjectBuilder::new().schema_type(Type::Boolean))
            .required("is_set");
        OneOfBuilder::new()
            .description(Some(
                "Shown as is_set; a string sets it, null removes it, anything else keeps it.",
            ))
            .item(shown)
            .item(ObjectBuilder::new().schema_type(Type::String))
            .item(ObjectBuilder::new().schema_type(Type::Null))
            .into()
    }
}
impl utoipa::ToSchema for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_set_kept_and_removed_and_never_shown() {
        let parse = |json: &str| serde_json::from_str::<Secret>(json).unwrap();
        let old = || Some(SecretText::from("old"));
        assert_eq!(parse(r#""new""#).resolve(old()), Some("new".into()));
        assert_eq!(parse("null").resolve(old()), None);
        assert_eq!(parse(r#"{"is_set":true}"#).resolve(old()), old());
        assert_eq!(Secret::default().resolve(old()), old());
        assert!(serde_json::from_str::<Secret>(r#"{"isset":true}"#).is_err());
        assert!(serde_json::from_str::<Secret>("5").is_err());
        assert!(serde_json::from_str::<Secret>(r#""sealed:v1:x""#).is_err());
        let set = Secret::Set("hush".into());
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"{"is_set":true}"#);
        assert!(!format!("{set:?}").contains("hush"));
    }
}
