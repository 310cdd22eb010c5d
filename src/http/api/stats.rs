//! Reports: counters by what an operator asks for, in a time zone of theirs; payouts by partner and month.

use super::check;
use super::page::Budget;
use super::read;
use crate::domain::ids::{LinkToken, PartnerId};
use crate::domain::link::Link;
use crate::domain::money::Money;
use crate::domain::stats::{BUCKET_MS, Bucket, Counters, Dimension, Environment, StatKey, Sums};
use crate::http::State;
use crate::http::auth::{Identity, Viewer};
use crate::http::extract::Query;
use crate::http::problem::ApiError;
use crate::store::catalog::Catalog;
use crate::store::{Db, Reader, StoreError, codec, keys};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

/// Rows of counters read for one report.
const MOST_ROWS: usize = 2_000_000;
/// Time spent on one report.
const MOST_TIME: Duration = Duration::from_secs(5);
/// Groups of one report.
const MOST_GROUPS: usize = 5_000;
/// Days of one report.
const MOST_DAYS: i64 = 3 * 366;
const DAY_MS: i64 = 86_400_000;

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
    /// By calendar day of the time zone.
    Day,
    /// By hour of the time zone.
    Hour,
    /// By calendar month of the time zone.
    Month,
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
}

/// Counters as the API shows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CountersDto {
    /// Clicks, without bots, prefetches and repeats.
    pub clicks: i64,
    /// Of these, first of their visitor on the link that day.
    pub unique_clicks: i64,
    /// Impressions.
    pub impressions: i64,
    /// Bots and prefetches.
    pub automated: i64,
    /// Repeated clicks (連続クリック).
    pub repeats: i64,
    /// Conversions that count.
    pub conversions: i64,
    /// Of these pending.
    pub pending: i64,
    /// Of these approved.
    pub approved: i64,
    /// Of these rejected.
    pub rejected: i64,
    /// Duplicates.
    pub duplicates: i64,
    /// Refused, duplicates not included.
    pub refused: i64,
    /// Installs.
    pub installs: i64,
    /// App sessions.
    pub sessions: i64,
    /// Reattributions.
    pub reattributions: i64,
    /// Conversions a click, in percent with two decimals; `null` without clicks.
    pub conversion_rate: Option<String>,
    /// Revenue of conversions that are not rejected, by currency.
    pub revenue: Vec<Money>,
    /// Payout of conversions that are not rejected, by currency.
    pub payout: Vec<Money>,
    /// Cost reported on engagements, by currency.
    pub cost: Vec<Money>,
}

impl From<&Counters> for CountersDto {
    fn from(c: &Counters) -> Self {
        Self {
            clicks: c.clicks,
            unique_clicks: c.unique_clicks,
            impressions: c.impressions,
            automated: c.automated,
            repeats: c.repeats,
            conversions: c.conversions,
            pending: c.pending,
            approved: c.approved,
            rejected: c.rejected,
            duplicates: c.duplicates,
            refused: c.refused,
            installs: c.installs,
            sessions: c.sessions,
            reattributions: c.reattributions,
            conversion_rate: (c.clicks > 0).then(|| {
                let rate =
                    rust_decimal::Decimal::from(c.conversions * 100) / rust_decimal::Decimal::from(c.clicks);
                format!("{:.2}", rate.round_dp(2))
            }),
            revenue: money(&c.revenue),
            payout: money(&c.payout),
            cost: money(&c.cost),
        }
    }
}

fn money(sums: &Sums) -> Vec<Money> {
    let sums = sums.0.iter().filter(|(_, amount)| !amount.is_zero());
    sums.map(|(currency, amount)| Money {
        amount: amount.normalize(),
        currency: *currency,
    })
    .collect()
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
}

/// A report that is asked for, checked.
struct Asked {
    query: StatsQuery,
    group_by: GroupBy,
    zone: TimeZone,
    from: Bucket,
    to: Bucket,
}

impl Asked {
    fn new(query: StatsQuery, default_zone: &str) -> Result<Self, ApiError> {
        let zone = check::time_zone("time_zone", query.time_zone.as_deref().unwrap_or(default_zone))?;
        check::within("from_ms", query.from_ms, 0, i64::MAX)?;
        if query.to_ms <= query.from_ms || query.to_ms - query.from_ms > MOST_DAYS * DAY_MS {
            return Err(ApiError::invalid(
                "to_ms",
                "out_of_range",
                "to_ms must lie after from_ms, at most three years",
            ));
        }
        let group_by = query.group_by.unwrap_or(GroupBy::Day);
        let is_split = matches!(
            group_by,
            GroupBy::Country | GroupBy::Device | GroupBy::Campaign | GroupBy::Hour
        );
        if is_split && query.to_ms - query.from_ms > 400 * DAY_MS {
            return Err(ApiError::TooMuch);
        }
        let (from, to) = (Bucket::of(query.from_ms), Bucket::of(query.to_ms + BUCKET_MS - 1));
        Ok(Self {
            query,
            group_by,
            zone,
            from,
            to,
        })
    }

    /// Which rows of counters it adds up, as [`keys::stat_cut`] tells them.
    fn cut(&self) -> u8 {
        let cut = match self.group_by {
            GroupBy::Country => b'c',
            GroupBy::Device => b'd',
            GroupBy::Campaign => b'g',
            _ => b'a',
        };
        match self.query.environment.unwrap_or_default() {
            Environment::Production => cut,
            Environment::Sandbox => cut.to_ascii_uppercase(),
        }
    }

    /// Whether a row of counters of that cut is in the report.
    fn wants(&self, key: &StatKey, partner: Option<&PartnerId>, identity: &Identity) -> bool {
        let is =
            |wanted: &Option<String>, own: Option<&str>| wanted.as_deref().is_none_or(|w| own == Some(w));
        identity.sees(partner)
            && is(&self.query.offer, key.offer.as_ref().map(|o| o.as_str()))
            && is(&self.query.link, key.link.as_ref().map(|l| l.as_str()))
            && is(&self.query.event, key.event.as_ref().map(|e| e.as_str()))
            && is(&self.query.partner, partner.map(|p| p.as_str()))
    }

    /// The group that a row belongs to.
    fn group(&self, key: &StatKey, partner: Option<&PartnerId>) -> Result<(i64, String), ApiError> {
        let text = |id: Option<&str>| Ok((0, id.unwrap_or_default().to_owned()));
        match self.group_by {
            GroupBy::Total => text(None),
            GroupBy::Offer => text(key.offer.as_ref().map(|o| o.as_str())),
            GroupBy::Partner => text(partner.map(|p| p.as_str())),
            GroupBy::Link => text(key.link.as_ref().map(|l| l.as_str())),
            GroupBy::Event => text(key.event.as_ref().map(|e| e.as_str())),
            GroupBy::Campaign | GroupBy::Country | GroupBy::Device => match &key.dimension {
                Dimension::Campaign(name) | Dimension::Country(name) | Dimension::Device(name) => {
                    text(Some(name))
                }
                Dimension::All => text(None),
            },
            GroupBy::Day | GroupBy::Hour | GroupBy::Month => local(key.bucket, self.group_by, &self.zone),
        }
    }
}

/// Start and name of the local day, hour or month that a bucket lies in.
fn local(bucket: Bucket, by: GroupBy, zone: &TimeZone) -> Result<(i64, String), ApiError> {
    let wrong = |_| ApiError::invalid("from_ms", "out_of_range", "the time lies outside the calendar");
    let at = Timestamp::from_millisecond(bucket.start_ms())
        .map_err(wrong)?
        .to_zoned(zone.clone());
    let (start, name) = match by {
        GroupBy::Hour => {
            let into_hour = i64::from(at.minute()).minutes().seconds(i64::from(at.second()));
            (
                at.checked_sub(into_hour).map_err(wrong)?,
                at.strftime("%Y-%m-%dT%H").to_string(),
            )
        }
        GroupBy::Month => {
            let first = at
                .first_of_month()
                .and_then(|day| day.start_of_day())
                .map_err(wrong)?;
            (first, at.strftime("%Y-%m").to_string())
        }
        _ => (
            at.start_of_day().map_err(wrong)?,
            at.strftime("%Y-%m-%d").to_string(),
        ),
    };
    Ok((start.timestamp().as_millisecond(), name))
}

/// Every link that ever was, for the partner and the name of what it brought in.
struct Links<'a> {
    catalog: &'a Catalog,
    removed: BTreeMap<LinkToken, Link>,
}

impl<'a> Links<'a> {
    fn read(reader: &Reader, catalog: &'a Catalog) -> Result<Self, StoreError> {
        let mut removed = BTreeMap::new();
        let mut failed = None;
        reader.scan_prefix(Db::Hot, &keys::removed_link_prefix(), false, |key, value| {
            match codec::decode_json::<Link>(value, Db::Hot, key) {
                Ok(link) => {
                    removed.insert(link.token.clone(), link);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(Self { catalog, removed }),
        }
    }

    fn get(&self, token: &str) -> Option<&Link> {
        let there = self.catalog.links.get(token).map(|entry| &entry.link);
        there.or_else(|| self.removed.get(token))
    }

    fn partner(&self, row: &StatKey) -> Option<&PartnerId> {
        self.get(row.link.as_ref()?.as_str())?.partner.as_ref()
    }
}

type Groups = BTreeMap<(i64, String), Counters>;

/// Adds up rows by group.
fn add_up(
    reader: &Reader,
    links: &Links<'_>,
    asked: &Asked,
    identity: &Identity,
) -> Result<Groups, ApiError> {
    let mut groups = Groups::new();
    let mut budget = Budget::new(MOST_ROWS, MOST_TIME);
    let mut failed = None;
    // Rows of one bucket lie together, and so do their local day and hour.
    let mut last: Option<(Bucket, (i64, String))> = None;
    let is_by_time = matches!(asked.group_by, GroupBy::Day | GroupBy::Hour | GroupBy::Month);
    reader.scan(
        Db::Hot,
        &keys::stats(asked.from, asked.to),
        false,
        |key, value| {
            if !budget.spend() {
                failed = Some(ApiError::TooMuch);
                return ControlFlow::Break(());
            }
            // Most rows are cut by something else.
            if keys::stat_cut(key) != Some(asked.cut()) {
                return ControlFlow::Continue(());
            }
            let Some(row) = keys::parse_stat(key) else {
                return ControlFlow::Continue(());
            };
            let partner = links.partner(&row);
            if !asked.wants(&row, partner, identity) {
                return ControlFlow::Continue(());
            }
            let group = match &last {
                Some((bucket, group)) if is_by_time && *bucket == row.bucket => Ok(group.clone()),
                _ => asked.group(&row, partner),
            };
            let added = group.and_then(|group| {
                last = Some((row.bucket, group.clone()));
                groups
                    .entry(group)
                    .or_default()
                    .merge(&codec::decode_counters(value, Db::Hot, key)?);
                if groups.len() > MOST_GROUPS {
                    Err(ApiError::TooMuch)
                } else {
                    Ok(())
                }
            });
            match added {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        },
    )?;
    failed.map_or(Ok(groups), Err)
}

fn total<'a>(groups: impl Iterator<Item = &'a Counters>) -> Counters {
    groups.fold(Counters::default(), |mut sum, counters| {
        sum.merge(counters);
        sum
    })
}

/// The name for people of a group.
fn label(links: &Links<'_>, by: GroupBy, key: &str) -> String {
    let catalog = links.catalog;
    let found = match by {
        GroupBy::Offer => catalog.offers.get(key).map(|o| o.name.clone()),
        GroupBy::Partner => catalog.partners.get(key).map(|p| p.name.clone()),
        GroupBy::Link => links.get(key).map(|link| link.full_name()),
        GroupBy::Event => {
            let mut events = catalog.offers.values().flat_map(|o| &o.events);
            events.find(|e| e.token.as_str() == key).map(|e| e.name.clone())
        }
        _ => None,
    };
    found.unwrap_or_else(|| key.to_owned())
}

fn report(state: &State, asked: &Asked, identity: &Identity) -> Result<Report, ApiError> {
    let (reader, catalog) = (state.recorder.reader(), state.recorder.catalog());
    let links = Links::read(reader, &catalog)?;
    let groups = add_up(reader, &links, asked, identity)?;
    let sum = total(groups.values());
    let is_by_time = matches!(asked.group_by, GroupBy::Day | GroupBy::Hour | GroupBy::Month);
    let mut rows: Vec<StatRow> = groups
        .iter()
        .map(|((at_ms, key), counters)| StatRow {
            label: label(&links, asked.group_by, key),
            key: key.clone(),
            at_ms: is_by_time.then_some(*at_ms),
            counters: CountersDto::from(counters),
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
            Some(CountersDto::from(&total(
                add_up(reader, &links, &before, identity)?.values(),
            )))
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
    })
}

/// Counters of a time, cut by one thing.
#[utoipa::path(tag = "reports", params(StatsQuery), responses((status = 200, body = Report)))]
#[get("/stats")]
pub async fn get_stats(
    state: Data<State>,
    viewer: Viewer,
    query: Query<StatsQuery>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(report_of(&state, viewer.0, query.0).await?))
}

/// A report, for the API and for exports.
pub async fn report_of(
    state: &Data<State>,
    identity: Identity,
    query: StatsQuery,
) -> Result<Report, ApiError> {
    let asked = Asked::new(query, &state.recorder.catalog().settings.time_zone)?;
    read(state, move |state| report(state, &asked, &identity)).await
}

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
    let mut budget = Budget::new(MOST_ROWS, MOST_TIME);
    let mut failed = None;
    state.recorder.reader().scan(
        Db::Hot,
        &keys::stats(asked.from, asked.to),
        false,
        |key, value| {
            if !budget.spend() {
                failed = Some(ApiError::TooMuch);
                return ControlFlow::Break(());
            }
            if keys::stat_cut(key) != Some(asked.cut()) {
                return ControlFlow::Continue(());
            }
            let Some(row) = keys::parse_stat(key) else {
                return ControlFlow::Continue(());
            };
            let partner = links.partner(&row);
            if row.event.is_none() || !asked.wants(&row, partner, identity) {
                return ControlFlow::Continue(());
            }
            let added = local(row.bucket, GroupBy::Month, &asked.zone).and_then(|(_, month)| {
                sums.entry((month, partner.cloned()))
                    .or_default()
                    .merge(&codec::decode_counters(value, Db::Hot, key)?);
                Ok(())
            });
            match added {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        },
    )?;
    if let Some(error) = failed {
        return Err(error);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_hours_and_months_are_those_of_the_zone() {
        let zone = |name| TimeZone::get(name).unwrap();
        // 2026-11-20 15:00 UTC is midnight of the 21st in Tokyo.
        let bucket = Bucket::of(1_795_186_800_000);
        let name = |by, zone_name| local(bucket, by, &zone(zone_name)).unwrap();
        assert_eq!(
            name(GroupBy::Day, "Asia/Tokyo"),
            (1_795_186_800_000, "2026-11-21".into())
        );
        assert_eq!(name(GroupBy::Day, "UTC").1, "2026-11-20");
        assert_eq!(
            name(GroupBy::Hour, "UTC"),
            (1_795_186_800_000, "2026-11-20T15".into())
        );
        assert_eq!(name(GroupBy::Month, "Asia/Tokyo").1, "2026-11");
        // A zone whose hours begin at half past ours.
        assert_eq!(
            name(GroupBy::Hour, "Asia/Kolkata"),
            (1_795_185_000_000, "2026-11-20T20".into())
        );
    }

    #[test]
    fn rates_have_two_decimals_and_none_without_clicks() {
        let rate = |clicks, conversions| {
            CountersDto::from(&Counters {
                clicks,
                conversions,
                ..Counters::default()
            })
            .conversion_rate
        };
        assert_eq!(rate(3, 1).as_deref(), Some("33.33"));
        assert_eq!(rate(0, 1), None);
    }
}
