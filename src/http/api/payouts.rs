//! Payouts: what partners are owed, by month.

use super::read;
use super::stats::{Asked, GroupBy, Links, StatsQuery, each_row, label, local, money};
use crate::domain::ids::PartnerId;
use crate::domain::money::Money;
use crate::domain::stats::Counters;
use crate::http::State;
use crate::http::auth::{Identity, Viewer};
use crate::http::extract::Query;
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which payouts are added up.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PayoutQuery {
    /// First millisecond.
    pub from_ms: i64,
    /// First millisecond that is not in it.
    pub to_ms: i64,
    /// IANA time zone of months; that of the settings when left out.
    pub time_zone: Option<String>,
    /// Only of this partner.
    pub partner: Option<String>,
    /// Only of this offer.
    pub offer: Option<String>,
}

/// What is owed to one partner for one month.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PayoutRow {
    /// `2026-11`.
    pub month: String,
    /// The partner; `null` for links without one and for organic conversions.
    pub partner: Option<String>,
    /// Its name.
    pub name: String,
    /// Conversions that count.
    pub conversions: i64,
    /// Of these approved.
    pub approved: i64,
    /// Of these pending.
    pub pending: i64,
    /// Payout of conversions that are not rejected, by currency.
    pub payout: Vec<Money>,
}

/// Payouts by partner and month.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Payouts {
    /// Newest month first, then by name.
    pub rows: Vec<PayoutRow>,
    /// The time zone of months.
    pub time_zone: String,
}

/// What partners are owed, by month.
#[utoipa::path(tag = "reports", params(PayoutQuery), responses((status = 200, body = Payouts)))]
#[get("/payouts")]
pub async fn get_payouts(
    state: Data<State>,
    viewer: Viewer,
    query: Query<PayoutQuery>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(payouts_of(&state, viewer.0, query.0).await?))
}

/// Payouts, for the API and for exports.
pub async fn payouts_of(
    state: &Data<State>,
    identity: Identity,
    query: PayoutQuery,
) -> Result<Payouts, ApiError> {
    let of_partner = |partner: Option<String>| StatsQuery {
        from_ms: query.from_ms,
        to_ms: query.to_ms,
        group_by: Some(GroupBy::Month),
        time_zone: query.time_zone.clone(),
        offer: query.offer.clone(),
        partner,
        link: None,
        event: None,
        environment: None,
        compare: None,
    };
    let catalog = state.recorder.catalog();
    let asked = Asked::new(of_partner(query.partner.clone()), &catalog.settings.time_zone)?;
    let time_zone = asked.zone.iana_name().unwrap_or("UTC").to_owned();
    let rows = read(state, move |state| months(state, &asked, &identity)).await?;
    Ok(Payouts { rows, time_zone })
}

/// Adds up by month and partner in one pass.
fn months(state: &State, asked: &Asked, identity: &Identity) -> Result<Vec<PayoutRow>, ApiError> {
    let catalog = state.recorder.catalog();
    let links = Links::read(state.recorder.reader(), &catalog)?;
    let mut sums: BTreeMap<(String, Option<PartnerId>), Counters> = BTreeMap::new();
    each_row(state.recorder.reader(), &links, asked, identity, |row| {
        if row.at.event.is_some() {
            let (_, month) = local(row.at.bucket, GroupBy::Month, &asked.zone)?;
            let sum = sums.entry((month, row.partner.cloned())).or_default();
            sum.merge(&row.counters()?);
        }
        Ok(())
    })?;
    let mut rows: Vec<PayoutRow> = sums
        .into_iter()
        .map(|((month, partner), counters)| PayoutRow {
            month,
            name: partner
                .as_ref()
                .map(|p| label(&links, GroupBy::Partner, p.as_str()))
                .unwrap_or_default(),
            partner: partner.map(|p| p.to_string()),
            conversions: counters.conversions,
            approved: counters.approved,
            pending: counters.pending,
            payout: money(&counters.payout),
        })
        .collect();
    rows.sort_by(|a, b| b.month.cmp(&a.month).then_with(|| a.name.cmp(&b.name)));
    Ok(rows)
}
