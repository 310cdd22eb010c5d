//! Offers (広告 / アプリ) with their events.

use super::check;
use super::page::{self, Ordered, Page, holds};
use super::save::{Note, difference, save, saved_at, unchanged};
use super::trust::TrustDto;
use super::{made_id, to_json};
use crate::domain::ids::{EventToken, OfferId};
use crate::domain::money::Currency;
use crate::domain::offer::{
    Approval, AttributionPolicy, Destinations, DuplicateBy, DuplicatePolicy, Event, IpPrivacy, Offer,
    OfferKind, Payout, RunState, TrustPolicy,
};
use crate::http::State;
use crate::http::auth::{Editor, Identity, Viewer};
use crate::http::extract::{Json, Query, id};
use crate::http::problem::ApiError;
use crate::store::catalog::{Catalog, Change, ConfigKey, ConfigObject, Precondition};
use crate::tracking::destination::{self, Purpose};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};
use rust_decimal::Decimal;
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

/// The id in a body must be that of the path.
pub fn same_id<T: PartialEq + Clone>(given: Option<T>, own: &T) -> Result<T, ApiError> {
    match given {
        Some(given) if given != *own => Err(ApiError::invalid(
            "id",
            "id_mismatch",
            "ids never change: leave the id out, or send the one of the address",
        )),
        _ => Ok(own.clone()),
    }
}

/// One entry of an allow-list of hosts.
pub fn check_host(field: &str, text: &str) -> Result<(), ApiError> {
    let parsed = text.parse::<crate::tracking::hosts::HostPattern>();
    parsed
        .map(drop)
        .map_err(|error| ApiError::invalid(field, error.code(), error.to_string()))
}

fn destination(field: String, text: &str, purpose: Purpose) -> Result<String, ApiError> {
    // `dcp_<name>` is any parameter of the click.
    let is_known =
        |name: &str| name.starts_with("dcp_") || crate::domain::template::catalogue::find(name).is_some();
    destination::check(text, purpose, &is_known)
        .map_err(|error| ApiError::invalid(field, error.code(), error.to_string()))
}

/// Checks destinations; those of an offer need at least one.
pub fn checked_destinations(
    field: &str,
    given: Destinations,
    needs_one: bool,
) -> Result<Destinations, ApiError> {
    let optional = |name: &str, value: Option<String>, purpose| {
        value
            .filter(|text| !text.trim().is_empty())
            .map(|text| destination(format!("{field}.{name}"), &text, purpose))
            .transpose()
    };
    let checked = Destinations {
        default: optional("default", Some(given.default), Purpose::Page)?.unwrap_or_default(),
        ios: optional("ios", given.ios, Purpose::Page)?,
        android: optional("android", given.android, Purpose::Page)?,
        deep_link: optional("deep_link", given.deep_link, Purpose::DeepLink)?,
        fallback: optional("fallback", given.fallback, Purpose::Page)?,
    };
    let has_one = !checked.default.is_empty()
        || checked.ios.is_some()
        || checked.android.is_some()
        || checked.fallback.is_some();
    if needs_one && !has_one {
        return Err(ApiError::invalid(
            format!("{field}.default"),
            "empty",
            "enter the page that clicks lead to, such as https://shop.example/lp",
        ));
    }
    Ok(checked)
}

fn checked_events(given: Vec<EventDto>) -> Result<Vec<Event>, ApiError> {
    check::at_most("events", &given, 100)?;
    let mut events: Vec<Event> = Vec::with_capacity(given.len());
    for (n, event) in given.into_iter().enumerate() {
        let field = |name: &str| format!("events[{n}].{name}");
        check::name(&field("name"), &event.name)?;
        let name = event.name.trim().to_owned();
        let token = made_id(event.token, EventToken::from_random)?;
        if events.iter().any(|e| e.name == name || e.token.as_str() == name) {
            return Err(ApiError::invalid(
                field("name"),
                "duplicate",
                "give each event of the offer a name of its own",
            ));
        }
        if events.iter().any(|e| e.token == token) {
            return Err(ApiError::invalid(
                field("token"),
                "duplicate",
                "each event has a token of its own; leave it out to have one made",
            ));
        }
        check::within(&field("duplicates.days"), event.duplicates.days, 1, 3650)?;
        if let Approval::AfterDays { days } = event.approval {
            check::within(&field("approval.days"), days, 1, 365)?;
        }
        if let Some(payout) = event.payout {
            check_payout(&field("payout"), payout)?;
        }
        if event.is_unique && event.duplicates.by == DuplicateBy::Never {
            return Err(ApiError::invalid(
                field("duplicates.by"),
                "contradiction",
                "an event that is counted once a device cannot count every repetition: change one of the two",
            ));
        }
        events.push(Event {
            token,
            name,
            is_unique: event.is_unique,
            has_revenue: event.has_revenue,
            duplicates: event.duplicates,
            approval: event.approval,
            payout: event.payout,
        });
    }
    Ok(events)
}

/// A payout: an amount that is not negative, or a share of at most everything.
pub fn check_payout(field: &str, payout: Payout) -> Result<(), ApiError> {
    match payout {
        Payout::Fixed { money } => {
            let text = money.amount.to_string();
            crate::domain::money::parse_amount(&text).map_err(|error| {
                ApiError::invalid(format!("{field}.amount"), "invalid_amount", error.to_string())
            })?;
            if money.amount.normalize().scale() > money.currency.decimals() {
                return Err(ApiError::invalid(
                    format!("{field}.amount"),
                    "too_many_decimals",
                    format!("{} has {} decimals", money.currency, money.currency.decimals()),
                ));
            }
            Ok(())
        }
        Payout::Percent { percent } => check::within(
            &format!("{field}.percent"),
            percent,
            Decimal::ZERO,
            Decimal::ONE_HUNDRED,
        ),
    }
}

/// Windows must lie within the retention of sessions: what is no longer kept cannot be credited.
pub fn check_attribution(
    field: &str,
    policy: &AttributionPolicy,
    sessions_days: u32,
) -> Result<(), ApiError> {
    let windows = [
        (
            "web_window_days",
            policy.web_window_days.map(|d| u64::from(d) * 24),
        ),
        ("click_window_h", policy.click_window_h.map(u64::from)),
        (
            "click_probabilistic_window_h",
            policy.click_probabilistic_window_h.map(u64::from),
        ),
        ("impression_window_h", policy.impression_window_h.map(u64::from)),
        (
            "impression_probabilistic_window_h",
            policy.impression_probabilistic_window_h.map(u64::from),
        ),
        (
            "reattribution_window_h",
            policy.reattribution_window_h.map(u64::from),
        ),
    ];
    for (name, hours) in windows {
        if hours.is_some_and(|h| h > u64::from(sessions_days) * 24) {
            return Err(ApiError::invalid(
                format!("{field}.{name}"),
                "window_too_long",
                format!(
                    "sessions are kept for {sessions_days} days: choose a shorter window, or raise retention.sessions_days in the configuration"
                ),
            ));
        }
    }
    if policy.web_window_days == Some(0) {
        return Err(ApiError::invalid(
            format!("{field}.web_window_days"),
            "out_of_range",
            "use at least 1 day",
        ));
    }
    Ok(())
}

/// Filters of lists of configuration objects.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConfigQuery {
    /// Items of a page, 1 to 200 (50).
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only those whose name or id holds this.
    pub q: Option<String>,
    /// Only those of this offer (links, rules).
    pub offer: Option<String>,
    /// Only those of this partner (links, rules).
    pub partner: Option<String>,
}

/// Whether somebody may see an offer: all, or those that their partners have links of.
pub fn sees_offer(identity: &Identity, catalog: &Catalog, offer: &OfferId) -> bool {
    let of_theirs = |entry: &std::sync::Arc<crate::store::catalog::LinkEntry>| {
        entry.link.offer == *offer && identity.sees(entry.link.partner.as_ref())
    };
    identity.partners.is_empty() || catalog.links.values().any(of_theirs)
}

/// Lists offers, newest first.
#[utoipa::path(tag = "offers", responses((status = 200, body = Page<OfferDto>)))]
#[get("/offers")]
pub async fn list_offers(
    state: Data<State>,
    viewer: Viewer,
    query: Query<ConfigQuery>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let word = query.0.q.as_deref().unwrap_or_default();
    let all = catalog
        .offers
        .values()
        .filter(|o| sees_offer(&viewer.0, &catalog, &o.id));
    let all = all
        .filter(|o| holds(&o.name, word) || o.id.as_str().contains(word))
        .map(|o| Ordered {
            at_ms: o.created_at_ms,
            id: o.id.to_string(),
            item: seen(&viewer.0, o),
        });
    let page = page::of_memory(
        all.collect(),
        page::limit(query.0.limit)?,
        query.0.cursor.as_deref(),
    )?;
    Ok(HttpResponse::Ok().json(page))
}

/// Reads one offer.
#[utoipa::path(tag = "offers", responses((status = 200, body = OfferDto)))]
#[get("/offers/{id}")]
pub async fn get_offer(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let offer = find(&catalog, &path)?;
    if !sees_offer(&viewer.0, &catalog, &offer.id) {
        return Err(ApiError::not_found("offer", path.into_inner()));
    }
    Ok(HttpResponse::Ok().json(seen(&viewer.0, offer)))
}

/// An offer as somebody may see it: who may send conversions is not told to those who are limited to partners.
fn seen(identity: &Identity, offer: &Offer) -> OfferDto {
    let mut dto = OfferDto::from(offer);
    if identity.whole().is_err() {
        dto.trust = TrustDto::default();
    }
    dto
}

/// The offer of an id.
pub fn find<'a>(catalog: &'a Catalog, text: &str) -> Result<&'a Offer, ApiError> {
    let key: OfferId = id("offer", text)?;
    catalog
        .offers
        .get(&key)
        .map(|o| &**o)
        .ok_or_else(|| ApiError::not_found("offer", text))
}

fn limits(state: &State) -> Limits {
    Limits {
        sessions_days: state.config.retention.sessions_days,
        currency: state.recorder.catalog().settings.currency,
    }
}

/// Makes an offer.
#[utoipa::path(tag = "offers", responses((status = 201, body = OfferDto)))]
#[post("/offers")]
pub async fn create_offer(
    state: Data<State>,
    editor: Editor,
    body: Json<OfferDto>,
) -> Result<HttpResponse, ApiError> {
    let offer = body.0.into_offer(None, limits(&state), saved_at(&state, 0))?;
    let view = OfferDto::from(&offer);
    let absent = vec![Precondition::Absent(ConfigKey::Offer(offer.id.clone()))];
    let note = Note::new("offer.create", offer.id.to_string()).detail(to_json(&view).to_string());
    save(
        &state,
        &editor.0,
        absent,
        vec![Change::Put(ConfigObject::Offer(offer))],
        note,
    )
    .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Replaces an offer.
#[utoipa::path(tag = "offers", responses((status = 200, body = OfferDto)))]
#[put("/offers/{id}")]
pub async fn replace_offer(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<OfferDto>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let before = find(&catalog, &path)?;
    let preconditions = unchanged(ConfigKey::Offer(before.id.clone()), body.0.updated_at_ms)?;
    let offer = body.0.into_offer(
        Some(before),
        limits(&state),
        saved_at(&state, before.updated_at_ms),
    )?;
    let view = OfferDto::from(&offer);
    let note = Note::new("offer.update", offer.id.to_string())
        .detail(difference(&to_json(&OfferDto::from(before)), &to_json(&view)));
    save(
        &state,
        &editor.0,
        preconditions,
        vec![Change::Put(ConfigObject::Offer(offer))],
        note,
    )
    .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Removes an offer that no link and no rule uses.
#[utoipa::path(tag = "offers", responses((status = 204)))]
#[delete("/offers/{id}")]
pub async fn delete_offer(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let key = ConfigKey::Offer(find(&state.recorder.catalog(), &path)?.id.clone());
    let note = Note::new("offer.delete", path.into_inner());
    save(&state, &editor.0, vec![], vec![Change::Remove(key)], note).await?;
    Ok(HttpResponse::NoContent().finish())
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
