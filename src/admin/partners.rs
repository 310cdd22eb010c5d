//! Partners (媒体 / 連携先), as operators see and save them.

use super::parts::{check_callback, check_install_payout, check_payout};
use super::random::given_or_new;
use super::stops::checked_stop;
use super::trust::TrustDto;
use super::{AdminError, Resource, ServerLimits, Showing, check};
use crate::domain::ids::PartnerId;
use crate::domain::offer::{AttributionPolicy, Charset, TrustPolicy};
use crate::domain::partner::{ClickParameter, DeliverySettings, Partner, PartnerPayout, Wording};
use crate::domain::stop::Stop;
use crate::reports::PartnerScope;
use crate::reports::page::{ConfigQuery, holds};
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A partner as the API shows and takes it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartnerDto {
    /// Made by the server when it is left out.
    #[serde(default)]
    pub id: Option<PartnerId>,
    /// For people; `{partner}`.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// The preset that it was made from.
    #[serde(default)]
    pub preset: Option<String>,
    /// Stopped, now or at a time; left out: not stopped.
    #[serde(default)]
    pub stop: Option<Stop>,
    /// What it appends to our click URL.
    #[serde(default)]
    #[schema(max_items = 64)]
    pub click_parameters: Vec<ClickParameter>,
    /// Hosts that callbacks carried on the click URL may name.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub callback_hosts: Vec<String>,
    /// How its postbacks are sent.
    #[serde(default)]
    pub delivery: DeliverySettings,
    /// Payouts of its own.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub payouts: Vec<PartnerPayout>,
    /// What it calls statuses and events.
    #[serde(default)]
    pub wording: Wording,
    /// Character set of what it sends and is not UTF-8; found by the text unless set.
    #[serde(default)]
    pub charset: Option<Charset>,
    /// Overrides of the offers' attribution policies; a link's own go first.
    #[serde(default)]
    pub attribution: AttributionPolicy,
    /// Who may send for it.
    #[serde(default)]
    pub trust: TrustDto,
    /// Free text for the operator.
    #[serde(default)]
    pub note: String,
    /// 媒体カテゴリ, at most two: what lists and reports are cut by.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Unix milliseconds; set by the server.
    #[serde(default)]
    pub created_at_ms: i64,
    /// Unix milliseconds of the last save; must be sent back unchanged to replace.
    #[serde(default)]
    pub updated_at_ms: Option<i64>,
}

impl From<&Partner> for PartnerDto {
    fn from(p: &Partner) -> Self {
        Self {
            id: Some(p.id.clone()),
            name: p.name.clone(),
            preset: p.preset.clone(),
            stop: p.stop.clone(),
            click_parameters: p.click_parameters.clone(),
            callback_hosts: p.callback_hosts.clone(),
            delivery: p.delivery.clone(),
            payouts: p.payouts.clone(),
            wording: p.wording.clone(),
            charset: p.charset,
            attribution: p.attribution.clone(),
            trust: TrustDto::from(&p.trust),
            note: p.note.clone(),
            categories: p.categories.clone(),
            created_at_ms: p.created_at_ms,
            updated_at_ms: Some(p.updated_at_ms),
        }
    }
}

impl Resource for Partner {
    const KIND: &'static str = "partner";
    type Id = PartnerId;
    type Form = PartnerDto;

    fn all(catalog: &Catalog) -> impl Iterator<Item = &Self> {
        catalog.partners.values().map(|partner| &**partner)
    }
    fn get<'a>(catalog: &'a Catalog, id: &PartnerId) -> Option<&'a Self> {
        catalog.partners.get(id).map(|partner| &**partner)
    }
    fn id(&self) -> &PartnerId {
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
        ConfigKey::Partner(self.id.clone())
    }
    fn into_object(self) -> ConfigObject {
        ConfigObject::Partner(self)
    }

    fn is_seen(&self, _catalog: &Catalog, scope: &PartnerScope) -> bool {
        scope.sees(Some(&self.id))
    }
    fn is_listed(&self, filter: &ConfigQuery) -> bool {
        holds(&self.name, filter.word()) || self.id.as_str().contains(filter.word())
    }

    fn id_of(form: &PartnerDto) -> Option<&PartnerId> {
        form.id.as_ref()
    }
    fn read_at_ms(form: &PartnerDto) -> Option<i64> {
        form.updated_at_ms
    }
    fn check(
        form: PartnerDto,
        before: Option<&Self>,
        catalog: &Catalog,
        saved_at_ms: i64,
    ) -> Result<Self, AdminError> {
        form.into_partner(before, catalog, saved_at_ms)
    }
    fn refuse(&self, limits: ServerLimits<'_>) -> Result<(), AdminError> {
        limits.check_attribution(&self.attribution)
    }

    fn show(&self, _showing: Showing<'_>) -> PartnerDto {
        PartnerDto::from(self)
    }
    /// The note is for the advertiser's own people.
    fn adopt(form: &mut PartnerDto, before: Option<&Partner>) -> Vec<String> {
        form.trust.adopt(before.map(|partner| &partner.trust))
    }

    fn redact(form: &mut PartnerDto) {
        form.note.clear();
    }
}

impl PartnerDto {
    /// A partner of which only the name is known.
    pub fn new(name: String) -> Self {
        Self {
            id: None,
            name,
            preset: None,
            stop: None,
            click_parameters: Vec::new(),
            callback_hosts: Vec::new(),
            delivery: DeliverySettings::default(),
            payouts: Vec::new(),
            wording: Wording::default(),
            charset: None,
            attribution: AttributionPolicy::default(),
            trust: TrustDto::default(),
            note: String::new(),
            categories: Vec::new(),
            created_at_ms: 0,
            updated_at_ms: None,
        }
    }

    fn into_partner(
        self,
        before: Option<&Partner>,
        catalog: &Catalog,
        saved_at_ms: i64,
    ) -> Result<Partner, AdminError> {
        check::name("name", &self.name)?;
        check::note("note", &self.note)?;
        if let Some(preset) = &self.preset {
            check::text_up_to("preset", preset, check::NAME_CHARS)?;
        }
        check_click_parameters(&self.click_parameters)?;
        check::at_most("callback_hosts", &self.callback_hosts, 100)?;
        for (n, host) in self.callback_hosts.iter().enumerate() {
            check_callback(&format!("callback_hosts[{n}]"), host)?;
        }
        check::at_most("categories", &self.categories, 2)?;
        for (n, category) in self.categories.iter().enumerate() {
            check::name(&format!("categories[{n}]"), category)?;
        }
        check_delivery(&self.delivery)?;
        check_payouts(&self.payouts, catalog)?;
        check_wording(&self.wording)?;
        let nothing = TrustPolicy::default();
        Ok(Partner {
            id: match before {
                Some(before) => check::same_id(self.id, &before.id)?,
                None => given_or_new(self.id, PartnerId::from_random)?,
            },
            name: self.name.trim().to_owned(),
            preset: self.preset.filter(|p| !p.is_empty()),
            was_held: before.and_then(|before| was_held(before, self.stop.as_ref(), saved_at_ms)),
            stop: self
                .stop
                .map(|stop| checked_stop(stop, saved_at_ms))
                .transpose()?,
            click_parameters: self.click_parameters,
            callback_hosts: self.callback_hosts,
            delivery: self.delivery,
            payouts: self.payouts,
            wording: self.wording,
            charset: self.charset,
            attribution: self.attribution,
            trust: self.trust.into_policy(before.map_or(&nothing, |p| &p.trust))?,
            note: self.note,
            categories: named_once(&self.categories),
            created_at_ms: before.map_or(saved_at_ms, |p| p.created_at_ms),
            updated_at_ms: saved_at_ms,
        })
    }
}

/// When its postbacks were held last, where a save ends that or it ended before.
fn was_held(before: &Partner, stop: Option<&Stop>, saved_at_ms: i64) -> Option<(i64, i64)> {
    let goes_on = stop.is_some_and(|stop| stop.hold_postbacks && stop.is_in_force(saved_at_ms));
    let last = before.held_times(saved_at_ms).pop();
    if goes_on {
        return before.was_held;
    }
    last.map(|(from_ms, to_ms)| (from_ms, to_ms.min(saved_at_ms)))
}

/// Names without the white space around them, each once.
fn named_once(names: &[String]) -> Vec<String> {
    let mut once: Vec<String> = Vec::with_capacity(names.len());
    for name in names.iter().map(|name| name.trim()) {
        if !once.iter().any(|known| known == name) {
            once.push(name.to_owned());
        }
    }
    once
}

fn check_click_parameters(parameters: &[ClickParameter]) -> Result<(), AdminError> {
    check::at_most("click_parameters", parameters, 64)?;
    for (n, parameter) in parameters.iter().enumerate() {
        let field = |name: &str| format!("click_parameters[{n}].{name}");
        check::parameter_name(&field("name"), &parameter.name)?;
        let before = &parameters[..n];
        if before.iter().any(|p| p.name == parameter.name) {
            return Err(AdminError::invalid(
                field("name"),
                "duplicate",
                "name each parameter once",
            ));
        }
        if let Some(para) = parameter.para {
            check::within(&field("para"), para, 1, 5)?;
            if before.iter().any(|p| p.para == Some(para)) {
                return Err(AdminError::invalid(
                    field("para"),
                    "duplicate",
                    format!("PARA{para} is taken by another parameter"),
                ));
            }
        }
        if let Some(text) = &parameter.macro_text {
            // It goes out byte for byte; only what would end or break the URL is refused.
            if text.len() > 500
                || text
                    .chars()
                    .any(|c| c.is_control() || c.is_whitespace() || c == '&')
            {
                return Err(AdminError::invalid(
                    field("macro_text"),
                    "invalid_macro",
                    "enter the partner's own variable as it documents it, without spaces and without &",
                ));
            }
        }
    }
    Ok(())
}

fn check_delivery(delivery: &DeliverySettings) -> Result<(), AdminError> {
    if let Some(timeout_s) = delivery.timeout_s {
        check::within("delivery.timeout_s", timeout_s, 1, 30)?;
    }
    if let Some(rate) = delivery.max_per_second {
        check::within(
            "delivery.max_per_second",
            rate,
            Decimal::new(1, 1),
            Decimal::from(10_000),
        )?;
    }
    if let Some(concurrent) = delivery.max_concurrent {
        check::within("delivery.max_concurrent", concurrent, 1, 1000)?;
    }
    if let Some(ttl_h) = delivery.ttl_h {
        check::within("delivery.ttl_h", ttl_h, 1, 24 * 30)?;
    }
    for (name, schedule) in [
        ("schedule_s", &delivery.schedule_s),
        ("short_schedule_s", &delivery.short_schedule_s),
    ] {
        let Some(schedule) = schedule else { continue };
        let field = format!("delivery.{name}");
        check::at_most(&field, schedule, 50)?;
        for (n, seconds) in schedule.iter().enumerate() {
            check::within(&format!("{field}[{n}]"), *seconds, 1, 7 * 86_400)?;
        }
    }
    Ok(())
}

fn check_wording(wording: &Wording) -> Result<(), AdminError> {
    let statuses = wording
        .statuses
        .iter()
        .map(|(status, word)| (format!("wording.statuses.{}", status.as_str()), word));
    let events = wording
        .events
        .iter()
        .map(|(token, word)| (format!("wording.events.{token}"), word));
    if wording.events.len() > 200 {
        return Err(AdminError::invalid(
            "wording.events",
            "too_many",
            "name at most 200 events",
        ));
    }
    for (field, word) in statuses.chain(events) {
        check::name(&field, word)?;
    }
    Ok(())
}

fn check_payouts(payouts: &[PartnerPayout], catalog: &Catalog) -> Result<(), AdminError> {
    check::at_most("payouts", payouts, 1000)?;
    for (n, own) in payouts.iter().enumerate() {
        let Some(offer) = catalog.offers.get(&own.offer) else {
            return Err(AdminError::invalid(
                format!("payouts[{n}].offer"),
                "missing_reference",
                "there is no such offer",
            ));
        };
        if let Some(event) = &own.event
            && !offer.events.iter().any(|e| e.token == *event)
        {
            return Err(AdminError::invalid(
                format!("payouts[{n}].event"),
                "missing_reference",
                "the offer has no such event",
            ));
        }
        if own.installs && own.event.is_some() {
            return Err(AdminError::invalid(
                format!("payouts[{n}].installs"),
                "contradiction",
                "a payout is for installs or for an event: make one for each",
            ));
        }
        let is_same =
            |p: &PartnerPayout| (&p.offer, &p.event, p.installs) == (&own.offer, &own.event, own.installs);
        if payouts[..n].iter().any(is_same) {
            return Err(AdminError::invalid(
                format!("payouts[{n}]"),
                "duplicate",
                "name each offer and event once",
            ));
        }
        let field = format!("payouts[{n}].payout");
        if own.installs {
            check_install_payout(&field, own.payout)?;
        } else {
            check_payout(&field, own.payout)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::parse::parse_json;

    fn save_json(json: &str) -> Result<Partner, AdminError> {
        parse_json::<PartnerDto>(json.as_bytes())?.into_partner(None, &Catalog::default(), 5)
    }

    #[test]
    fn macros_of_partners_are_kept_byte_for_byte() {
        for text in [
            "{click_id}",
            "##sessionId##",
            "__CLICKID__",
            "${SUBID}",
            "{{ad.id}}",
            "[pb]",
            "%%CLICK%%",
        ] {
            let json = format!(
                r#"{{"name":"Media","click_parameters":[{{"name":"param1","para":1,"macro_text":"{text}"}}]}}"#
            );
            let partner = save_json(&json).unwrap();
            assert_eq!(partner.click_parameters[0].macro_text.as_deref(), Some(text));
        }
    }

    #[test]
    fn wrong_fields_are_named() {
        for (fields, code, field) in [
            (
                r#""click_parameters":[{"name":"a","para":6}]"#,
                "out_of_range",
                "click_parameters[0].para",
            ),
            (
                r#""click_parameters":[{"name":"a","para":1},{"name":"b","para":1}]"#,
                "duplicate",
                "click_parameters[1].para",
            ),
            (
                r#""click_parameters":[{"name":"a","macro_text":"a&b"}]"#,
                "invalid_macro",
                "click_parameters[0].macro_text",
            ),
            (
                r#""delivery":{"timeout_s":31}"#,
                "out_of_range",
                "delivery.timeout_s",
            ),
            (
                r#""delivery":{"schedule_s":[5,0]}"#,
                "out_of_range",
                "delivery.schedule_s[1]",
            ),
            (
                r#""delivery":{"max_per_second":"0"}"#,
                "out_of_range",
                "delivery.max_per_second",
            ),
            (
                r#""delivery":{"max_per_second":"1e3"}"#,
                "wrong_type",
                "delivery.max_per_second",
            ),
            (
                r#""payouts":[{"offer":"nosuchoffer1","payout":{"type":"percent","percent":"5"}}]"#,
                "missing_reference",
                "payouts[0].offer",
            ),
            (
                r#""callback_hosts":["10.0.0.1"]"#,
                "host_is_address",
                "callback_hosts[0]",
            ),
        ] {
            let error = save_json(&format!(r#"{{"name":"Media",{fields}}}"#)).unwrap_err();
            assert_eq!(
                (error.code(), error.field().unwrap_or_default()),
                (code, field),
                "{fields}: {error}"
            );
        }
    }
}
