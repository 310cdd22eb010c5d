//! Offers (広告 / アプリ) with their events, as operators see and save them.

use super::events::{EventDto, check_approval, checked_events};
use super::parts::{
    Replacing, check_host, check_install_payout, checked_destinations, checked_site, refuse_loops,
};
use super::random::given_or_new;
use super::stops::checked_unheld_stop;
use super::trust::TrustDto;
use super::{AdminError, Resource, ServerLimits, Showing, check};
use crate::domain::identity::IdentityPolicy;
use crate::domain::ids::OfferId;
use crate::domain::money::Currency;
use crate::domain::offer::{
    AttributionPolicy, Charset, Destinations, InstallTerms, IpPrivacy, Offer, OfferKind, RunState,
    TrustPolicy,
};
use crate::domain::stop::Stop;
use crate::reports::PartnerScope;
use crate::reports::page::{ConfigQuery, holds};
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject};
use serde::{Deserialize, Serialize};

/// An offer as the API shows and takes it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferDto {
    /// CID; made by the server when it is left out.
    #[serde(default)]
    pub id: Option<OfferId>,
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// 広告グループ: offers of one name are looked at together; empty without one.
    #[serde(default)]
    pub group: String,
    /// Site or app.
    #[serde(default)]
    pub kind: OfferKind,
    /// Paused: clicks answer 404.
    #[serde(default)]
    pub state: RunState,
    /// Stopped, now or at a time; left out: not stopped.
    #[serde(default)]
    pub stop: Option<Stop>,
    /// Where clicks lead.
    #[serde(default)]
    pub destinations: Destinations,
    /// Name under which the SID is added to destinations.
    #[serde(default = "default_sid_param")]
    pub sid_param: String,
    /// Hosts that `redirect`, `deep_link` and `fallback` of a click may name.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub redirect_hosts: Vec<String>,
    /// Origins of the offer's site.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub sites: Vec<String>,
    /// Conversion points, in order; the first is the default of `/cv`.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub events: Vec<EventDto>,
    /// Installs as conversions, apps only.
    #[serde(default)]
    pub installs: InstallTerms,
    /// Character set of what is sent for it and is not UTF-8; found by the text unless set.
    #[serde(default)]
    pub charset: Option<Charset>,
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
    #[schema(maximum = 86400)]
    pub repeat_click_s: u32,
    /// What is stored of addresses.
    #[serde(default)]
    pub ip_privacy: IpPrivacy,
    /// Bots and prefetches count like people.
    #[serde(default)]
    pub count_bots: bool,
    /// What is kept of e-mail, telephone number and external id.
    #[serde(default)]
    pub identity: IdentityPolicy,
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

impl From<&Offer> for OfferDto {
    fn from(o: &Offer) -> Self {
        Self {
            id: Some(o.id.clone()),
            name: o.name.clone(),
            group: o.group.clone(),
            kind: o.kind,
            state: o.state,
            stop: o.stop.clone(),
            destinations: o.destinations.clone(),
            sid_param: o.sid_param.clone(),
            redirect_hosts: o.redirect_hosts.clone(),
            sites: o.sites.clone(),
            events: o.events.iter().map(EventDto::from).collect(),
            installs: o.installs,
            charset: o.charset,
            currency: Some(o.currency),
            attribution: o.attribution.clone(),
            accept_partner_click_id: o.accept_partner_click_id,
            repeat_click_s: o.repeat_click_s,
            ip_privacy: o.ip_privacy,
            count_bots: o.count_bots,
            identity: o.identity.clone(),
            trust: TrustDto::from(&o.trust),
            app_id: o.app_id.clone(),
            created_at_ms: o.created_at_ms,
            updated_at_ms: Some(o.updated_at_ms),
        }
    }
}

impl Resource for Offer {
    const KIND: &'static str = "offer";
    type Id = OfferId;
    type Form = OfferDto;

    fn all(catalog: &Catalog) -> impl Iterator<Item = &Self> {
        catalog.offers.values().map(|offer| &**offer)
    }
    fn get<'a>(catalog: &'a Catalog, id: &OfferId) -> Option<&'a Self> {
        catalog.offers.get(id).map(|offer| &**offer)
    }
    fn id(&self) -> &OfferId {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn updated_at_ms(&self) -> i64 {
        self.updated_at_ms
    }
    fn listed_at_ms(&self) -> i64 {
        self.created_at_ms
    }
    fn key(&self) -> ConfigKey {
        ConfigKey::Offer(self.id.clone())
    }
    fn into_object(self) -> ConfigObject {
        ConfigObject::Offer(self)
    }

    /// All, or those that their partners have links of.
    fn is_seen(&self, catalog: &Catalog, scope: &PartnerScope) -> bool {
        let mut links = catalog.links.values().map(|entry| &entry.link);
        scope.is_all() || links.any(|link| link.offer == self.id && scope.sees(link.partner.as_ref()))
    }
    fn is_listed(&self, filter: &ConfigQuery) -> bool {
        holds(&self.name, filter.word()) || self.id.as_str().contains(filter.word())
    }

    fn id_of(form: &OfferDto) -> Option<&OfferId> {
        form.id.as_ref()
    }
    fn read_at_ms(form: &OfferDto) -> Option<i64> {
        form.updated_at_ms
    }
    fn check(
        form: OfferDto,
        before: Option<&Self>,
        catalog: &Catalog,
        saved_at_ms: i64,
    ) -> Result<Self, AdminError> {
        let offer = form.into_offer(before, catalog.settings.currency, saved_at_ms)?;
        refuse_loops(Replacing::Offer(&offer), catalog)?;
        Ok(offer)
    }
    fn refuse(&self, limits: ServerLimits<'_>) -> Result<(), AdminError> {
        limits.check_attribution(&self.attribution)
    }

    fn show(&self, _showing: Showing<'_>) -> OfferDto {
        OfferDto::from(self)
    }
    /// Who may send conversions is not told to those who are limited to partners.
    fn adopt(form: &mut OfferDto, before: Option<&Offer>) -> Vec<String> {
        form.trust.adopt(before.map(|offer| &offer.trust))
    }

    fn redact(form: &mut OfferDto) {
        form.trust = TrustDto::default();
    }
}

impl OfferDto {
    fn into_offer(
        self,
        before: Option<&Offer>,
        default_currency: Currency,
        saved_at_ms: i64,
    ) -> Result<Offer, AdminError> {
        check::name("name", &self.name)?;
        check::parameter_name("sid_param", &self.sid_param)?;
        check::text_up_to("group", &self.group, check::NAME_CHARS)?;
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
            .map(|(n, site)| checked_site(&format!("sites[{n}]"), site));
        if let Some(app_id) = &self.app_id {
            check::text_up_to("app_id", app_id, check::NAME_CHARS)?;
        }
        let nothing = TrustPolicy::default();
        Ok(Offer {
            id: match before {
                Some(before) => check::same_id(self.id, &before.id)?,
                None => given_or_new(self.id, OfferId::from_random)?,
            },
            name: self.name.trim().to_owned(),
            group: self.group.trim().to_owned(),
            kind: self.kind,
            state: self.state,
            stop: self
                .stop
                .map(|stop| checked_unheld_stop(stop, saved_at_ms))
                .transpose()?,
            destinations: checked_destinations("destinations", self.destinations, true)?,
            sid_param: self.sid_param,
            redirect_hosts: self.redirect_hosts,
            sites: sites.collect::<Result<_, _>>()?,
            events: checked_events(self.events)?,
            installs: checked_installs(self.installs)?,
            charset: self.charset,
            currency: self.currency.unwrap_or(default_currency),
            attribution: self.attribution,
            accept_partner_click_id: self.accept_partner_click_id,
            repeat_click_s: self.repeat_click_s,
            ip_privacy: self.ip_privacy,
            count_bots: self.count_bots,
            identity: checked_identity(self.identity)?,
            trust: self.trust.into_policy(before.map_or(&nothing, |o| &o.trust))?,
            app_id: self.app_id.filter(|a| !a.is_empty()),
            created_at_ms: before.map_or(saved_at_ms, |o| o.created_at_ms),
            updated_at_ms: saved_at_ms,
        })
    }
}

fn checked_identity(given: IdentityPolicy) -> Result<IdentityPolicy, AdminError> {
    let phone_country = given.phone_country.trim().trim_start_matches('+').to_owned();
    let is_code = (1..=3).contains(&phone_country.len())
        && phone_country.bytes().all(|b| b.is_ascii_digit())
        && !phone_country.starts_with('0');
    if !is_code {
        return Err(AdminError::invalid(
            "identity.phone_country",
            "invalid_country_code",
            "give the country code of telephone numbers, such as 81 for Japan",
        ));
    }
    Ok(IdentityPolicy {
        phone_country,
        ..given
    })
}

fn checked_installs(terms: InstallTerms) -> Result<InstallTerms, AdminError> {
    check_approval("installs.approval.days", terms.approval)?;
    if let Some(payout) = terms.payout {
        check_install_payout("installs.payout", payout)?;
    }
    Ok(terms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::parse::parse_json;
    use crate::config::{self, Sources};

    fn save_json(json: &str) -> Result<Offer, AdminError> {
        let offer = parse_json::<OfferDto>(json.as_bytes())?.into_offer(None, Currency::JPY, 5)?;
        let mut config = config::load(&Sources::default()).unwrap().config;
        config.retention.sessions_days = 90;
        offer.refuse(ServerLimits::new(&config, None))?;
        Ok(offer)
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
            .into_offer(Some(&offer), Currency::JPY, 5)
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
                (error.code(), error.field().unwrap_or_default()),
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
