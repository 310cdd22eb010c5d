//! Partners (媒体 / 連携先): who sends traffic and wants to be told.

use super::ids::{EventToken, OfferId, PartnerId};
use super::offer::{AttributionPolicy, Payout, TrustPolicy};
use serde::{Deserialize, Serialize};

/// A query parameter that the partner sends under its own name, taken as PARA1 to PARA5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClickParameter {
    /// Name on the click URL (`a8`, `gclid`, `param1`).
    pub name: String,
    /// 1 to 5; `None` when the value is only kept (and comes back as `{dcp_<name>}`).
    #[serde(default)]
    pub para: Option<u8>,
    /// The partner's own macro that is written on the 入稿URL (`{click_id}`, `##sessionId##`); never touched by us.
    #[serde(default)]
    pub macro_text: Option<String>,
}

/// How the partner's postbacks are sent. Everything unset is the default of SPEC 5.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeliverySettings {
    /// Whole exchange, seconds, 1 to 30 (10).
    pub timeout_s: Option<u8>,
    /// Requests per second, at least 0.1.
    #[serde(deserialize_with = "super::money::plain_option")]
    #[schema(value_type = Option<String>, example = "5")]
    pub max_per_second: Option<rust_decimal::Decimal>,
    /// Concurrent requests.
    pub max_concurrent: Option<u16>,
    /// Seconds to wait after each failure that is retried in full.
    pub schedule_s: Option<Vec<u32>>,
    /// Seconds to wait after each 3xx or 4xx.
    pub short_schedule_s: Option<Vec<u32>>,
    /// Hours after acceptance at which a postback that was never answered is given up (96).
    pub ttl_h: Option<u16>,
}

/// A payout of this partner that replaces the one of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartnerPayout {
    /// Which offer.
    pub offer: OfferId,
    /// Which event; `None` means all events of the offer.
    #[serde(default)]
    pub event: Option<EventToken>,
    /// How much.
    pub payout: Payout,
}

/// A partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Partner {
    /// Never changes.
    pub id: PartnerId,
    /// For people; `{partner}`.
    pub name: String,
    /// The preset that it was made from.
    #[serde(default)]
    pub preset: Option<String>,
    /// What it appends to our click URL.
    #[serde(default)]
    pub click_parameters: Vec<ClickParameter>,
    /// Hosts that callbacks carried on the click URL may name; empty: they are ignored and counted.
    #[serde(default)]
    pub callback_hosts: Vec<String>,
    /// How its postbacks are sent.
    #[serde(default)]
    pub delivery: DeliverySettings,
    /// Payouts of its own.
    #[serde(default)]
    pub payouts: Vec<PartnerPayout>,
    /// Overrides of the offers' attribution policies; a link's own go first.
    #[serde(default)]
    pub attribution: AttributionPolicy,
    /// Who may send for it (claims, costs).
    #[serde(default)]
    pub trust: TrustPolicy,
    /// Free text for the operator.
    #[serde(default)]
    pub note: String,
    /// Unix milliseconds.
    #[serde(default)]
    pub created_at_ms: i64,
    /// Unix milliseconds of the last save.
    #[serde(default)]
    pub updated_at_ms: i64,
}
