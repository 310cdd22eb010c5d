//! Who may send for an offer or partner, as operators see and save it.

use super::secret::Secret;
use super::{AdminError, check};
use crate::domain::offer::{BearerToken, TrustMode, TrustPolicy, TrustScope};
use serde::{Deserialize, Serialize};

/// Fewest characters of an HMAC secret.
const SECRET_CHARS: usize = 16;

/// Who may send conversions. Every check that is configured must pass.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrustDto {
    /// Off, test or enforced.
    pub mode: TrustMode,
    /// Tokens are made with their own endpoint; here they can be changed and removed, by name.
    pub bearer_tokens: Vec<BearerDto>,
    /// Secret of the HMAC signature.
    pub hmac_secret: Secret,
    /// Addresses or ranges that may call (`192.0.2.7`, `192.0.2.0/24`).
    #[schema(max_items = 200)]
    pub allowed_ips: Vec<String>,
    /// A listed address alone, without a token or signature, may change conversions.
    pub addresses_may_change: bool,
}

/// A bearer token, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BearerDto {
    /// Unique within the offer.
    pub name: String,
    /// What it is good for; empty means everything.
    #[serde(default)]
    pub scopes: Vec<TrustScope>,
    /// Off: kept, refused.
    #[serde(default = "super::yes")]
    pub enabled: bool,
}

impl From<&TrustPolicy> for TrustDto {
    fn from(policy: &TrustPolicy) -> Self {
        Self {
            mode: policy.mode,
            bearer_tokens: policy
                .bearer_tokens
                .iter()
                .map(|t| BearerDto {
                    name: t.name.clone(),
                    scopes: t.scopes.clone(),
                    enabled: t.enabled,
                })
                .collect(),
            hmac_secret: Secret::shown(policy.hmac_secret.as_ref()),
            allowed_ips: policy.allowed_ips.iter().map(ToString::to_string).collect(),
            addresses_may_change: policy.addresses_may_change,
        }
    }
}

impl TrustDto {
    /// Takes out the tokens and the secret of another server: an export names them and does not hold them. The policy
    /// that is here stays then; of a new object the check is off, since nobody could pass it. Gives the fields that
    /// were left out.
    pub(super) fn adopt(&mut self, before: Option<&TrustPolicy>) -> Vec<String> {
        let mut left_out = Vec::new();
        let is_known = |name: &str| before.is_some_and(|b| b.bearer_tokens.iter().any(|t| t.name == name));
        self.bearer_tokens.retain(|token| {
            let is_kept = is_known(&token.name);
            if !is_kept {
                left_out.push(format!("trust.bearer_tokens.{}", token.name));
            }
            is_kept
        });
        let is_set_here = before.is_some_and(|b| b.hmac_secret.is_some());
        if matches!(self.hmac_secret, Secret::Shown { is_set: true }) && !is_set_here {
            left_out.push("trust.hmac_secret".into());
        }
        match before {
            _ if left_out.is_empty() => {}
            Some(before) => *self = Self::from(before),
            None => self.mode = TrustMode::Off,
        }
        left_out
    }

    /// Checks it and gives what is stored; `before` holds the secrets that are kept.
    pub fn into_policy(self, before: &TrustPolicy) -> Result<TrustPolicy, AdminError> {
        if let Some(secret) = self.hmac_secret.new_value()
            && secret.chars().count() < SECRET_CHARS
        {
            return Err(AdminError::invalid(
                "trust.hmac_secret",
                "secret_too_short",
                format!("use at least {SECRET_CHARS} random characters"),
            ));
        }
        let mut bearer_tokens: Vec<BearerToken> = Vec::new();
        for (n, token) in self.bearer_tokens.into_iter().enumerate() {
            let field = format!("trust.bearer_tokens[{n}].name");
            let Some(known) = before.bearer_tokens.iter().find(|t| t.name == token.name) else {
                return Err(AdminError::invalid(
                    field,
                    "unknown_bearer_token",
                    "make a new token with the endpoint for it; here existing ones can be changed or removed",
                ));
            };
            if bearer_tokens.iter().any(|t| t.name == token.name) {
                return Err(AdminError::invalid(field, "duplicate", "name each token once"));
            }
            bearer_tokens.push(BearerToken {
                scopes: token.scopes,
                enabled: token.enabled,
                ..known.clone()
            });
        }
        check::at_most("trust.allowed_ips", &self.allowed_ips, 200)?;
        let mut allowed_ips = Vec::with_capacity(self.allowed_ips.len());
        for (n, text) in self.allowed_ips.iter().enumerate() {
            allowed_ips.push(network(&format!("trust.allowed_ips[{n}]"), text)?);
        }
        let policy = TrustPolicy {
            mode: self.mode,
            bearer_tokens,
            hmac_secret: self.hmac_secret.resolve(before.hmac_secret.clone()),
            allowed_ips,
            addresses_may_change: self.addresses_may_change,
        };
        let has_check = !policy.bearer_tokens.is_empty()
            || policy.hmac_secret.is_some()
            || !policy.allowed_ips.is_empty();
        if policy.mode != TrustMode::Off && !has_check {
            return Err(AdminError::invalid(
                "trust.mode",
                "nothing_to_check",
                "add a bearer token, an HMAC secret or an allowed address first, or switch the mode off",
            ));
        }
        Ok(policy)
    }
}

/// A single address or a range.
fn network(field: &str, text: &str) -> Result<ipnet::IpNet, AdminError> {
    let text = text.trim();
    let single = text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from);
    single
        .or_else(|| text.parse::<ipnet::IpNet>().ok().map(|net| net.trunc()))
        .ok_or_else(|| {
            AdminError::invalid(
                field,
                "invalid_network",
                "enter an address such as 192.0.2.7 or a range such as 192.0.2.0/24",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before() -> TrustPolicy {
        TrustPolicy {
            mode: TrustMode::Enforced,
            bearer_tokens: vec![BearerToken {
                name: "shop".into(),
                sha256: "ab".into(),
                scopes: vec![],
                enabled: true,
            }],
            hmac_secret: Some("0123456789abcdef".into()),
            allowed_ips: vec!["192.0.2.0/24".parse().unwrap()],
            addresses_may_change: false,
        }
    }

    #[test]
    fn what_was_read_can_be_saved_as_it_is() {
        let dto = TrustDto::from(&before());
        let json = serde_json::to_string(&dto).unwrap();
        assert!(
            !json.contains("0123456789abcdef") && !json.contains("\"ab\""),
            "{json}"
        );
        let again: TrustDto = serde_json::from_str(&json).unwrap();
        assert_eq!(again.into_policy(&before()).unwrap(), before());
    }

    #[test]
    fn wrong_fields_are_named() {
        let with = |change: fn(&mut TrustDto)| {
            let mut dto = TrustDto::from(&before());
            change(&mut dto);
            let error = dto.into_policy(&before()).unwrap_err();
            (error.code(), error.field().unwrap_or_default().to_owned())
        };
        assert_eq!(
            with(|d| d.allowed_ips.push("x".into())),
            ("invalid_network", "trust.allowed_ips[1]".into())
        );
        assert_eq!(
            with(|d| d.hmac_secret = Secret::Set("short".into())),
            ("secret_too_short", "trust.hmac_secret".into())
        );
        assert_eq!(
            with(|d| d.bearer_tokens[0].name = "x".into()).0,
            "unknown_bearer_token"
        );
        let nothing = TrustDto {
            mode: TrustMode::Enforced,
            ..TrustDto::default()
        };
        assert_eq!(
            nothing.into_policy(&TrustPolicy::default()).unwrap_err().code(),
            "nothing_to_check"
        );
    }
}
