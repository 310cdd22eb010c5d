//! Partners (媒体 / 連携先): who sends traffic and wants to be told.

use super::activity::ConversionStatus;
use super::ids::{EventToken, OfferId, PartnerId};
use super::offer::{AttributionPolicy, Charset, Payout, TrustPolicy};
use super::preset::{self, PresetClickParameter};
use super::stop::Stop;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// How the partner's postbacks are sent. Everything unset is the default.
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

/// What a partner calls the statuses of conversions and the events of offers: the values of `{partner_status}` and
/// `{partner_event}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Wording {
    /// Its word for a status; a status without one keeps ours.
    pub statuses: BTreeMap<ConversionStatus, String>,
    /// Its word for an event, by token; an event without one keeps its name.
    pub events: BTreeMap<EventToken, String>,
}

impl Wording {
    fn is_none(&self) -> bool {
        self.statuses.is_empty() && self.events.is_empty()
    }
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
    /// For installs of the app, and for no event.
    #[serde(default)]
    pub installs: bool,
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
    /// Stopped, now or at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// The last time that a stop held its postbacks and was ended by hand: from when until when, unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_held: Option<(i64, i64)>,
    /// What it appends to our click URL.
    #[serde(default)]
    pub click_parameters: Vec<ClickParameter>,
    /// Hosts, or beginnings of URLs (`https://cb.example/install`), that callbacks carried on the click URL may name;
    /// empty: they are ignored and counted.
    #[serde(default)]
    pub callback_hosts: Vec<String>,
    /// How its postbacks are sent.
    #[serde(default)]
    pub delivery: DeliverySettings,
    /// Payouts of its own.
    #[serde(default)]
    pub payouts: Vec<PartnerPayout>,
    /// What it calls statuses and events.
    #[serde(default, skip_serializing_if = "Wording::is_none")]
    pub wording: Wording,
    /// Character set of what it sends and is not UTF-8; found by the text unless set.
    #[serde(default)]
    pub charset: Option<Charset>,
    /// Overrides of the offers' attribution policies; a link's own go first.
    #[serde(default)]
    pub attribution: AttributionPolicy,
    /// Who may send for it (claims, costs).
    #[serde(default)]
    pub trust: TrustPolicy,
    /// Free text for the operator.
    #[serde(default)]
    pub note: String,
    /// 媒体カテゴリ: what lists and reports are cut by; at most two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Unix milliseconds.
    #[serde(default)]
    pub created_at_ms: i64,
    /// Unix milliseconds of the last save.
    #[serde(default)]
    pub updated_at_ms: i64,
}

impl Partner {
    /// When its postbacks were held by a stop, in order; the present one last, with its end or `i64::MAX`.
    pub fn held_times(&self, now_ms: i64) -> Vec<(i64, i64)> {
        let stop = self
            .stop
            .as_ref()
            .filter(|stop| stop.hold_postbacks && stop.from_ms <= now_ms);
        let current = stop.map(|stop| (stop.from_ms, stop.until_ms.unwrap_or(i64::MAX)));
        self.was_held.into_iter().chain(current).collect()
    }

    /// Parameters whose value the operator still has to ask the partner for: they are taken as PARA1 to PARA5, and
    /// neither has the partner named its variable nor does it append them itself.
    pub fn parameters_to_ask_for(&self) -> impl Iterator<Item = &ClickParameter> {
        let preset = self.preset.as_deref().and_then(preset::find);
        let is_appended = move |parameter: &ClickParameter| {
            let same = |of: &&PresetClickParameter| of.name == parameter.name;
            preset.is_some_and(|preset| preset.click.iter().find(same).is_some_and(|of| of.is_appended))
        };
        self.click_parameters.iter().filter(move |parameter| {
            let is_named = parameter
                .macro_text
                .as_deref()
                .is_some_and(|text| !text.is_empty());
            parameter.para.is_some() && !is_named && !is_appended(parameter)
        })
    }

    /// Whether the partner brings its id of the click (PARA1), as far as its settings tell.
    pub fn sends_click_id(&self) -> bool {
        let is_first = |parameter: &ClickParameter| parameter.para == Some(1);
        self.click_parameters.iter().any(is_first) && !self.parameters_to_ask_for().any(is_first)
    }
}
