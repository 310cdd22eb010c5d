//! Partners (媒体 / 連携先).

use super::check;
use super::offers::{check_attribution, check_host, check_payout};
use super::page::{ConfigQuery, Ordered, Page, holds};
use super::save::{self, Note, difference, saved_at, unchanged};
use super::trust::TrustDto;
use super::{made_id, same_id, to_json};
use crate::domain::ids::PartnerId;
use crate::domain::offer::{AttributionPolicy, TrustPolicy};
use crate::domain::partner::{ClickParameter, DeliverySettings, Partner, PartnerPayout};
use crate::http::State;
use crate::http::auth::{Editor, Identity, Viewer};
use crate::http::extract::{Json, Query, id};
use crate::http::problem::ApiError;
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};
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
    pub name: String,
    /// The preset that it was made from.
    #[serde(default)]
    pub preset: Option<String>,
    /// What it appends to our click URL.
    #[serde(default)]
    pub click_parameters: Vec<ClickParameter>,
    /// Hosts that callbacks carried on the click URL may name.
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
    /// Who may send for it.
    #[serde(default)]
    pub trust: TrustDto,
    /// Free text for the operator.
    #[serde(default)]
    pub note: String,
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
            click_parameters: p.click_parameters.clone(),
            callback_hosts: p.callback_hosts.clone(),
            delivery: p.delivery.clone(),
            payouts: p.payouts.clone(),
            attribution: p.attribution.clone(),
            trust: TrustDto::from(&p.trust),
            note: p.note.clone(),
            created_at_ms: p.created_at_ms,
            updated_at_ms: Some(p.updated_at_ms),
        }
    }
}

impl PartnerDto {
    /// Checks every field and gives what is stored.
    pub fn into_partner(
        self,
        before: Option<&Partner>,
        catalog: &Catalog,
        saved_at_ms: i64,
        sessions_days: u32,
    ) -> Result<Partner, ApiError> {
        check::name("name", &self.name)?;
        check::note("note", &self.note)?;
        if let Some(preset) = &self.preset {
            check::text_up_to("preset", preset, check::NAME_CHARS)?;
        }
        check_click_parameters(&self.click_parameters)?;
        check::at_most("callback_hosts", &self.callback_hosts, 100)?;
        for (n, host) in self.callback_hosts.iter().enumerate() {
            check_host(&format!("callback_hosts[{n}]"), host)?;
        }
        check_delivery(&self.delivery)?;
        check_payouts(&self.payouts, catalog)?;
        check_attribution("attribution", &self.attribution, sessions_days)?;
        let nothing = TrustPolicy::default();
        Ok(Partner {
            id: match before {
                Some(before) => same_id(self.id, &before.id)?,
                None => made_id(self.id, PartnerId::from_random)?,
            },
            name: self.name.trim().to_owned(),
            preset: self.preset.filter(|p| !p.is_empty()),
            click_parameters: self.click_parameters,
            callback_hosts: self.callback_hosts,
            delivery: self.delivery,
            payouts: self.payouts,
            attribution: self.attribution,
            trust: self.trust.into_policy(before.map_or(&nothing, |p| &p.trust))?,
            note: self.note,
            created_at_ms: before.map_or(saved_at_ms, |p| p.created_at_ms),
            updated_at_ms: saved_at_ms,
        })
    }
}

fn check_click_parameters(parameters: &[ClickParameter]) -> Result<(), ApiError> {
    check::at_most("click_parameters", parameters, 64)?;
    for (n, parameter) in parameters.iter().enumerate() {
        let field = |name: &str| format!("click_parameters[{n}].{name}");
        check::parameter_name(&field("name"), &parameter.name)?;
        let before = &parameters[..n];
        if before.iter().any(|p| p.name == parameter.name) {
            return Err(ApiError::invalid(
                field("name"),
                "duplicate",
                "name each parameter once",
            ));
        }
        if let Some(para) = parameter.para {
            check::within(&field("para"), para, 1, 5)?;
            if before.iter().any(|p| p.para == Some(para)) {
                return Err(ApiError::invalid(
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
                return Err(ApiError::invalid(
                    field("macro_text"),
                    "invalid_macro",
                    "enter the partner's own variable as it documents it, without spaces and without &",
                ));
            }
        }
    }
    Ok(())
}

fn check_delivery(delivery: &DeliverySettings) -> Result<(), ApiError> {
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

fn check_payouts(payouts: &[PartnerPayout], catalog: &Catalog) -> Result<(), ApiError> {
    check::at_most("payouts", payouts, 1000)?;
    for (n, own) in payouts.iter().enumerate() {
        let Some(offer) = catalog.offers.get(&own.offer) else {
            return Err(ApiError::invalid(
                format!("payouts[{n}].offer"),
                "missing_reference",
                "there is no such offer",
            ));
        };
        if let Some(event) = &own.event
            && !offer.events.iter().any(|e| e.token == *event)
        {
            return Err(ApiError::invalid(
                format!("payouts[{n}].event"),
                "missing_reference",
                "the offer has no such event",
            ));
        }
        if payouts[..n]
            .iter()
            .any(|p| p.offer == own.offer && p.event == own.event)
        {
            return Err(ApiError::invalid(
                format!("payouts[{n}]"),
                "duplicate",
                "name each offer and event once",
            ));
        }
        check_payout(&format!("payouts[{n}].payout"), own.payout)?;
    }
    Ok(())
}

/// The partner of an id.
pub(super) fn find<'a>(catalog: &'a Catalog, text: &str) -> Result<&'a Partner, ApiError> {
    let key: PartnerId = id("partner", text)?;
    catalog
        .partners
        .get(&key)
        .map(|p| &**p)
        .ok_or_else(|| ApiError::not_found("partner", text))
}

/// Lists partners, newest first.
#[utoipa::path(tag = "partners", params(ConfigQuery), responses((status = 200, body = Page<PartnerDto>)))]
#[get("/partners")]
pub async fn list_partners(
    state: Data<State>,
    viewer: Viewer,
    query: Query<ConfigQuery>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let word = query.0.word();
    let all = catalog.partners.values().filter(|p| viewer.0.sees(Some(&p.id)));
    let all = all
        .filter(|p| holds(&p.name, word) || p.id.as_str().contains(word))
        .map(|p| Ordered {
            at_ms: p.created_at_ms,
            id: p.id.to_string(),
            item: seen(&viewer.0, p),
        });
    let page = query.0.page(all)?;
    Ok(HttpResponse::Ok().json(page))
}

/// Reads one partner.
#[utoipa::path(tag = "partners", responses((status = 200, body = PartnerDto)))]
#[get("/partners/{id}")]
pub async fn get_partner(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let partner = find(&catalog, &path)?;
    if !viewer.0.sees(Some(&partner.id)) {
        return Err(ApiError::not_found("partner", path.into_inner()));
    }
    Ok(HttpResponse::Ok().json(seen(&viewer.0, partner)))
}

/// A partner as somebody may see it: the note is for the advertiser's own people.
fn seen(identity: &Identity, partner: &Partner) -> PartnerDto {
    let mut dto = PartnerDto::from(partner);
    if identity.whole().is_err() {
        dto.note.clear();
    }
    dto
}

/// Makes a partner.
#[utoipa::path(tag = "partners", responses((status = 201, body = PartnerDto)))]
#[post("/partners")]
pub async fn create_partner(
    state: Data<State>,
    editor: Editor,
    body: Json<PartnerDto>,
) -> Result<HttpResponse, ApiError> {
    let partner = body.0.into_partner(
        None,
        &state.recorder.catalog(),
        saved_at(&state, 0),
        state.config.retention.sessions_days,
    )?;
    let view = PartnerDto::from(&partner);
    let note = Note::new("partner.create", partner.id.to_string()).detail(to_json(&view).to_string());
    save::insert(&state, &editor.0, ConfigObject::Partner(partner), note).await?;
    Ok(HttpResponse::Created().json(view))
}

/// Replaces a partner.
#[utoipa::path(tag = "partners", responses((status = 200, body = PartnerDto)))]
#[put("/partners/{id}")]
pub async fn replace_partner(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
    body: Json<PartnerDto>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let before = find(&catalog, &path)?;
    let preconditions = unchanged(ConfigKey::Partner(before.id.clone()), body.0.updated_at_ms)?;
    let partner = body.0.into_partner(
        Some(before),
        &catalog,
        saved_at(&state, before.updated_at_ms),
        state.config.retention.sessions_days,
    )?;
    let view = PartnerDto::from(&partner);
    let note = Note::new("partner.update", partner.id.to_string())
        .detail(difference(&to_json(&PartnerDto::from(before)), &to_json(&view)));
    save::update(
        &state,
        &editor.0,
        preconditions,
        ConfigObject::Partner(partner),
        note,
    )
    .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Removes a partner that no link and no rule uses.
#[utoipa::path(tag = "partners", responses((status = 204)))]
#[delete("/partners/{id}")]
pub async fn delete_partner(
    state: Data<State>,
    editor: Editor,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let key = ConfigKey::Partner(find(&state.recorder.catalog(), &path)?.id.clone());
    let note = Note::new("partner.delete", path.into_inner());
    save::remove(&state, &editor.0, key, note).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::extract::parse_json;

    fn save_json(json: &str) -> Result<Partner, ApiError> {
        parse_json::<PartnerDto>(json.as_bytes())?.into_partner(None, &Catalog::default(), 5, 90)
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
                (error.row().1, error.field().unwrap_or_default()),
                (code, field),
                "{fields}: {error}"
            );
        }
    }
}
