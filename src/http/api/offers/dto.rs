//! Offers and events as the API shows and takes them.

use super::checks::{check_attribution, check_host, checked_destinations, checked_events};
use crate::domain::ids::{EventToken, OfferId};
use crate::domain::money::Currency;
use crate::domain::offer::{
    Approval, AttributionPolicy, Destinations, DuplicatePolicy, Event, IpPrivacy, Offer, OfferKind, Payout,
    RunState, TrustPolicy,
};
use crate::http::api::trust::TrustDto;
use crate::http::api::{check, made_id, same_id};
use crate::http::problem::ApiError;
use serde::{Deserialize, Serialize};

/// An event as the API shows and takes it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventDto {
    /// Fixed; made by the server when it is left out.
    #[serde(default)]
    pub token: Option<EventToken>,
    /// Changeable; unique within the offer.
    pub name: String,
    /// App events: counted once a device.
    #[serde(default)]
    pub is_unique: bool,
    /// Whether an amount is expected.
    #[serde(default)]
    pub has_revenue: bool,
    /// How repeated conversions are recognised.
    #[serde(default)]
    pub duplicates: DuplicatePolicy,
    /// How it becomes approved.
    #[serde(default)]
    pub approval: Approval,
    /// What partners are owed, unless a partner has its own.
    #[serde(default)]
    pub payout: Option<Payout>,
}

/// An offer as the API shows and takes it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferDto {
    /// CID; made by the server when it is left out.
    #[serde(default)]
    pub id: Option<OfferId>,
    /// For people.
    pub name: String,
    /// Site or app.
    #[serde(default)]
    pub kind: OfferKind,
    /// Paused: clicks answer 404.
    #[serde(default)]
    pub state: RunState,
    /// Where clicks lead.
    #[serde(default)]
    pub destinations: Destinations,
    /// Name under which the SID is added to destinations.
    #[serde(default = "default_sid_param")]
    pub sid_param: String,
    /// Hosts that `redirect`, `deep_link` and `fallback` of a click may name.
    #[serde(default)]
    pub redirect_hosts: Vec<String>,
    /// Origins of the offer's site.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Conversion points, in order; the first is the default of `/cv`.
    #[serde(default)]
    pub events: Vec<EventDto>,
    /// Currency of amounts that come without one; the instance's own when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Windows and limits.
    #[serde(default)]
    pub attribution: AttributionPolicy,
    /// A conversion may name the partner's click id in place of a SID.
    #[serde(default)]
    pub accept_partner_click_id: bool,
    /// Repeated clicks within this many seconds are flagged (連続クリック); 0 = off.
    #[serde(default = "default_repeat_click_s")]
    pub repeat_click_s: u32,
    /// What is stored of addresses.
    #[serde(default)]
    pub ip_privacy: IpPrivacy,
    /// Bots and prefetches count like people.
    #[serde(default)]
    pub count_bots: bool,
    /// Who may send conversions.
    #[serde(default)]
    pub trust: TrustDto,
    /// Store id, apps only.
    #[serde(default)]
    pub app_id: Option<String>,
    /// Unix milliseconds; set by the server.
    #[serde(default)]
    pub created_at_ms: i64,
    /// Unix milliseconds of the last save; must be sent back unchanged to replace.
    #[serde(default)]
    pub updated_at_ms: Option<i64>,
}

fn default_sid_param() -> String {
    "sid".into()
}
fn default_repeat_click_s() -> u32 {
    10
}

impl From<&Event> for EventDto {
    fn from(e: &Event) -> Self {
        Self {
            token: Some(e.token.clone()),
            name: e.name.clone(),
            is_unique: e.is_unique,
            has_revenue: e.has_revenue,
            duplicates: e.duplicates,
            approval: e.approval,
            payout: e.payout,
        }
    }
}

impl From<&Offer> for OfferDto {
    fn from(o: &Offer) -> Self {
        Self {
            id: Some(o.id.clone()),
            name: o.name.clone(),
            kind: o.kind,
            state: o.state,
            destinations: o.destinations.clone(),
            sid_param: o.sid_param.clone(),
            redirect_hosts: o.redirect_hosts.clone(),
            sites: o.sites.clone(),
            events: o.events.iter().map(EventDto::from).collect(),
            currency: Some(o.currency),
            attribution: o.attribution.clone(),
            accept_partner_click_id: o.accept_partner_click_id,
            repeat_click_s: o.repeat_click_s,
            ip_privacy: o.ip_privacy,
            count_bots: o.count_bots,
            trust: TrustDto::from(&o.trust),
            app_id: o.app_id.clone(),
            created_at_ms: o.created_at_ms,
            updated_at_ms: Some(o.updated_at_ms),
        }
    }
}

/// What a check of an offer needs besides the offer.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long sessions are kept; no window may be longer.
    pub sessions_days: u32,
    /// Currency when none is given.
    pub currency: Currency,
}

impl OfferDto {
    /// Checks every field and gives what is stored.
    pub fn into_offer(
        self,
        before: Option<&Offer>,
        limits: Limits,
        saved_at_ms: i64,
    ) -> Result<Offer, ApiError> {
        check::name("name", &self.name)?;
        check::parameter_name("sid_param", &self.sid_param)?;
        check::within("repeat_click_s", self.repeat_click_s, 0, 86_400)?;
        check::at_most("redirect_hosts", &self.redirect_hosts, 100)?;
        for (n, host) in self.redirect_hosts.iter().enumerate() {
            check_host(&format!("redirect_hosts[{n}]"), host)?;
        }
        check::at_most("sites", &self.sites, 100)?;
        let sites = self
            .sites
            .iter()
            .enumerate()
            .map(|(n, site)| check::origin(&format!("sites[{n}]"), site));
        if let Some(app_id) = &self.app_id {
            check::text_up_to("app_id", app_id, check::NAME_CHARS)?;
        }
        check_attribution("attribution", &self.attribution, limits.sessions_days)?;
        let nothing = TrustPolicy::default();
        Ok(Offer {
            id: match before {
                Some(before) => same_id(self.id, &before.id)?,
                None => made_id(self.id, OfferId::from_random)?,
            },
            name: self.name.trim().to_owned(),
            kind: self.kind,
            state: self.state,
            destinations: checked_destinations("destinations", self.destinations, true)?,
            sid_param: self.sid_param,
            redirect_hosts: self.redirect_hosts,
            sites: sites.collect::<Result<_, _>>()?,
            events: checked_events(self.events)?,
            currency: self.currency.unwrap_or(limits.currency),
            attribution: self.attribution,
            accept_partner_click_id: self.accept_partner_click_id,
            repeat_click_s: self.repeat_click_s,
            ip_privacy: self.ip_privacy,
            count_bots: self.count_bots,
            trust: self.trust.into_policy(before.map_or(&nothing, |o| &o.trust))?,
            app_id: self.app_id.filter(|a| !a.is_empty()),
            created_at_ms: before.map_or(saved_at_ms, |o| o.created_at_ms),
            updated_at_ms: saved_at_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::extract::parse_json;

    const LIMITS: Limits = Limits {
        sessions_days: 90,
        currency: Currency::JPY,
    };

    fn save_json(json: &str) -> Result<Offer, ApiError> {
        parse_json::<OfferDto>(json.as_bytes())?.into_offer(None, LIMITS, 5)
    }

    #[test]
    fn little_is_needed_and_the_server_makes_ids_and_tokens() {
        let offer =
            save_json(r#"{"name":" Shop ","destinations":{"default":"https://shop.example/lp"},"events":[{"name":"purchase"}]}"#)
                .unwrap();
        assert_eq!(
            (offer.name.as_str(), offer.id.as_str().len()),
            ("Shop", OfferId::LEN)
        );
        assert_eq!(offer.events[0].token.as_str().len(), 6);
        assert_eq!(
            (offer.currency, offer.created_at_ms, offer.updated_at_ms),
            (Currency::JPY, 5, 5)
        );
    }

    #[test]
    fn what_was_read_can_be_saved_as_it_is() {
        let offer = save_json(
            r#"{"name":"Shop","destinations":{"default":"https://shop.example/"},"trust":{"mode":"enforced","hmac_secret":"0123456789abcdef","allowed_ips":["192.0.2.7"]},
               "events":[{"name":"a","payout":{"type":"percent","percent":"5.5"}},{"name":"b","payout":{"type":"fixed","amount":"1000","currency":"JPY"}}]}"#,
        )
        .unwrap();
        let json = serde_json::to_string(&OfferDto::from(&offer)).unwrap();
        assert!(!json.contains("0123456789abcdef"));
        let again = parse_json::<OfferDto>(json.as_bytes())
            .unwrap()
            .into_offer(Some(&offer), LIMITS, 5)
            .unwrap();
        assert_eq!(again, offer);
    }

    #[test]
    fn wrong_fields_are_named() {
        let base = r#""destinations":{"default":"https://shop.example/"}"#;
        for (fields, code, field) in [
            (r#""name":"""#, "empty", "name"),
            (
                r#""name":"x","sid_param":"a b""#,
                "invalid_parameter_name",
                "sid_param",
            ),
            (
                r#""name":"x","events":[{"name":"a"},{"name":"a"}]"#,
                "duplicate",
                "events[1].name",
            ),
            (
                r#""name":"x","events":[{"name":"a","duplicates":{"days":0}}]"#,
                "out_of_range",
                "events[0].duplicates.days",
            ),
            (
                r#""name":"x","attribution":{"web_window_days":91}"#,
                "window_too_long",
                "attribution.web_window_days",
            ),
            (
                r#""name":"x","sites":["shop.example"]"#,
                "invalid_origin",
                "sites[0]",
            ),
            (
                r#""name":"x","events":[{"name":"a","payout":{"type":"fixed","amount":"1.5","currency":"JPY"}}]"#,
                "too_many_decimals",
                "events[0].payout.amount",
            ),
            (
                r#""name":"x","events":[{"name":"a","payout":{"type":"fixed","amount":"1e3","currency":"JPY"}}]"#,
                "wrong_type",
                "events[0].payout",
            ),
            (
                r#""name":"x","events":[{"name":"a","payout":{"type":"percent","percent":"+7"}}]"#,
                "wrong_type",
                "events[0].payout",
            ),
            (r#""name":"x","colour":"red""#, "unknown_field", "colour"),
            (r#""name":"x","kind":"site""#, "wrong_type", "kind"),
        ] {
            let error = save_json(&format!("{{{base},{fields}}}")).unwrap_err();
            assert_eq!(
                (error.row().1, error.field().unwrap_or_default()),
                (code, field),
                "{fields}: {error}"
            );
        }
        assert_eq!(
            save_json(r#"{"name":"x"}"#).unwrap_err().field(),
            Some("destinations.default")
        );
    }
}
