//! Reports: counters by what an operator asks for, in a time zone of theirs.

mod asked;
mod counters;
mod exchange;
mod sums;

pub use counters::CountersDto;
pub(crate) use counters::money;
pub use exchange::MissingRate;
pub(super) use {
    asked::{Asked, local},
    sums::{Links, each_row, label},
};

use super::{ReportError, View};
use crate::domain::money::Currency;
use crate::domain::stats::{Bucket, Environment};
use exchange::Exchange;
use serde::{Deserialize, Serialize};
use sums::{add_up, total};

/// What a report is cut by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// One row for everything.
    Total,
    /// By offer.
    Offer,
    /// By partner.
    Partner,
    /// By link.
    Link,
    /// By campaign, adgroup and creative.
    Campaign,
    /// By country.
    Country,
    /// By system and kind of device.
    Device,
    /// By event.
    Event,
    /// By the categories of the partner (媒体カテゴリ); a partner of two stands under both names together.
    Category,
    /// By the group of the offer (広告グループ).
    OfferGroup,
    /// By calendar day of the time zone.
    Day,
    /// By hour of the time zone.
    Hour,
    /// By calendar month of the time zone.
    Month,
}

impl GroupBy {
    fn is_by_time(self) -> bool {
        matches!(self, Self::Day | Self::Hour | Self::Month)
    }
}

/// What is reported.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// First millisecond; rounded down to a quarter of an hour.
    pub from_ms: i64,
    /// First millisecond that is not in it; rounded up to a quarter of an hour.
    pub to_ms: i64,
    /// What the rows are about (`day`).
    pub group_by: Option<GroupBy>,
    /// IANA time zone of days and hours; that of the settings when left out.
    pub time_zone: Option<String>,
    /// Only of this offer.
    pub offer: Option<String>,
    /// Only of this partner.
    pub partner: Option<String>,
    /// Only of this link.
    pub link: Option<String>,
    /// Only of this event (clicks are left out then).
    pub event: Option<String>,
    /// `production` (default) or `sandbox`: what is labelled test is counted apart and never in both.
    pub environment: Option<Environment>,
    /// Also the period of the same length just before.
    pub compare: Option<bool>,
    /// Sums in this currency (ISO 4217), by the rates of each day; what has no rate stays in its own and is told.
    pub currency: Option<String>,
}

/// One row of a report.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct StatRow {
    /// Id, code, or local time (`2026-11-21`, `2026-11-21T14`); empty for what has none.
    pub key: String,
    /// Name for people.
    pub label: String,
    /// Start of a day, hour or month, unix milliseconds.
    pub at_ms: Option<i64>,
    /// What was counted.
    #[serde(flatten)]
    pub counters: CountersDto,
}

/// A report.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Report {
    /// Days and hours in order, all others by clicks.
    pub rows: Vec<StatRow>,
    /// Everything together.
    pub total: CountersDto,
    /// Everything together in the period just before, when asked for.
    pub previous_total: Option<CountersDto>,
    /// The time zone of days and hours.
    pub time_zone: String,
    /// First millisecond, as rounded.
    pub from_ms: i64,
    /// First millisecond that is not in it, as rounded.
    pub to_ms: i64,
    /// Rates that were missing, at most 20: these amounts stand in their own currency.
    pub missing_rates: Vec<MissingRate>,
}

fn reporting_currency(text: &str) -> Result<Currency, ReportError> {
    let wrong = |_| {
        ReportError::invalid(
            "currency",
            "invalid_currency",
            "name a currency of ISO 4217 such as JPY",
        )
    };
    text.parse().map_err(wrong)
}

/// Counters of a time, cut by one thing.
pub fn report(view: &View, query: StatsQuery) -> Result<Report, ReportError> {
    let View {
        reader,
        catalog,
        scope,
        ..
    } = view;
    let asked = &Asked::new(query, &catalog.settings.time_zone)?;
    let links = Links::read(reader, catalog)?;
    let currency = asked
        .query
        .currency
        .as_deref()
        .map(reporting_currency)
        .transpose()?;
    let mut exchange = Exchange::new(&catalog.settings.rates, currency, asked.zone.clone());
    let groups = add_up(reader, &links, asked, scope, &mut exchange)?;
    let sum = exchange.round(total(groups.values()));
    let is_by_time = asked.group_by.is_by_time();
    let mut rows: Vec<StatRow> = groups
        .iter()
        .map(|((at_ms, key), counters)| StatRow {
            label: label(&links, asked.group_by, key),
            key: key.clone(),
            at_ms: is_by_time.then_some(*at_ms),
            counters: CountersDto::from(&exchange.round(counters.clone())),
        })
        .collect();
    if !is_by_time {
        rows.sort_by_key(|row| std::cmp::Reverse((row.counters.clicks, row.counters.conversions)));
    }
    let previous_total = match asked.query.compare {
        Some(true) => {
            let length = asked.to.0 - asked.from.0;
            let before = Asked {
                query: asked.query.clone(),
                group_by: GroupBy::Total,
                zone: asked.zone.clone(),
                from: Bucket(asked.from.0.saturating_sub(length)),
                to: asked.from,
            };
            let groups = add_up(reader, &links, &before, scope, &mut exchange)?;
            Some(CountersDto::from(&exchange.round(total(groups.values()))))
        }
        _ => None,
    };
    Ok(Report {
        rows,
        total: CountersDto::from(&sum),
        previous_total,
        time_zone: asked.zone.iana_name().unwrap_or("UTC").to_owned(),
        from_ms: asked.from.start_ms(),
        to_ms: asked.to.start_ms(),
        missing_rates: exchange.missing(),
    })
}
