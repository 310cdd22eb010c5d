//! Payouts: what partners are owed, by month. Owed is what is approved; what is pending or rejected stands apart.

use super::page::Budget;
use super::scan::{self, End, Window};
use super::stats::{Asked, GroupBy, Links, StatsQuery, each_row, label, local, money};
use super::{ReportError, View};
use crate::domain::activity::{Activity, ActivityKind, Verdict};
use crate::domain::ids::PartnerId;
use crate::domain::money::Money;
use crate::domain::stats::{BUCKET_MS, Bucket, ByStatus, Counters, Dimension, Environment, StatKey};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Activities read for one report, where counters alone do not tell approved from pending.
const MOST_ACTIVITIES: usize = 500_000;
/// Time spent on them.
const MOST_TIME: Duration = Duration::from_secs(5);

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

/// Conversions and what they pay, by status.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PayoutSums {
    /// Conversions: approved, pending and rejected together.
    pub conversions: i64,
    /// Of these approved.
    pub approved: i64,
    /// Of these pending.
    pub pending: i64,
    /// Of these rejected.
    pub rejected: i64,
    /// What is owed: payout of approved conversions, by currency.
    pub payout: Vec<Money>,
    /// Payout of pending conversions, by currency: not owed yet.
    pub pending_payout: Vec<Money>,
    /// Payout of rejected conversions, by currency: not owed.
    pub rejected_payout: Vec<Money>,
}

impl From<&Counters> for PayoutSums {
    fn from(counters: &Counters) -> Self {
        Self {
            conversions: counters.conversions,
            approved: counters.approved,
            pending: counters.pending,
            rejected: counters.rejected,
            payout: money(&counters.by_status.approved),
            pending_payout: money(&counters.by_status.pending),
            rejected_payout: money(&counters.by_status.rejected),
        }
    }
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
    /// What is owed, and what is not.
    #[serde(flatten)]
    pub sums: PayoutSums,
}

/// Payouts by partner and month.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Payouts {
    /// Newest month first, then by name.
    pub rows: Vec<PayoutRow>,
    /// All rows together.
    pub total: PayoutSums,
    /// The time zone of months.
    pub time_zone: String,
}

/// What partners are owed, by month.
pub fn payouts(view: &View, query: PayoutQuery) -> Result<Payouts, ReportError> {
    let of_months = StatsQuery {
        from_ms: query.from_ms,
        to_ms: query.to_ms,
        group_by: Some(GroupBy::Month),
        time_zone: query.time_zone,
        offer: query.offer,
        partner: query.partner,
        link: None,
        event: None,
        environment: None,
        compare: None,
        currency: None,
    };
    let asked = Asked::new(of_months, &view.catalog.settings.time_zone)?;
    let links = Links::read(&view.reader, &view.catalog)?;
    let months = months(view, &asked, &links)?;
    let mut total = Counters::default();
    months.values().for_each(|counters| total.merge(counters));
    let mut rows: Vec<PayoutRow> = months
        .into_iter()
        .map(|((month, partner), counters)| row(month, partner, &counters, &links))
        .collect();
    rows.sort_by(|a, b| b.month.cmp(&a.month).then_with(|| a.name.cmp(&b.name)));
    Ok(Payouts {
        rows,
        total: PayoutSums::from(&total),
        time_zone: asked.zone.iana_name().unwrap_or("UTC").to_owned(),
    })
}

fn row(month: String, partner: Option<PartnerId>, counters: &Counters, links: &Links<'_>) -> PayoutRow {
    PayoutRow {
        month,
        name: partner
            .as_ref()
            .map(|p| label(links, GroupBy::Partner, p.as_str()))
            .unwrap_or_default(),
        partner: partner.map(|p| p.to_string()),
        sums: PayoutSums::from(counters),
    }
}

type Months = BTreeMap<(String, Option<PartnerId>), Counters>;

/// Adds up by month and partner in one pass, then what needs a look at the activities themselves.
fn months(view: &View, asked: &Asked, links: &Links<'_>) -> Result<Months, ReportError> {
    let mut months = Months::new();
    let mut unsplit: BTreeMap<Bucket, Vec<(StatKey, Option<PartnerId>, Counters)>> = BTreeMap::new();
    each_row(&view.reader, links, asked, &view.scope, |row| {
        let mut counters = row.counters()?;
        if counters.conversions == 0 && counters.payout.0.is_empty() && !counters.is_unsplit {
            return Ok(());
        }
        if counters.is_unsplit && !split(&mut counters) {
            let rows = unsplit.entry(row.at.bucket).or_default();
            rows.push((row.at, row.partner.cloned(), counters));
            return Ok(());
        }
        add(&mut months, asked, row.at.bucket, row.partner, &counters)
    })?;
    let mut budget = Budget::new(MOST_ACTIVITIES, MOST_TIME);
    for (bucket, rows) in unsplit {
        let read = read_bucket(view, bucket, &mut budget)?;
        for (key, partner, mut counters) in rows {
            // Where the activities have expired only the sum is known; it was shown as owed before.
            counters.by_status = read.get(&key).cloned().unwrap_or_else(|| ByStatus {
                approved: counters.payout.clone(),
                ..ByStatus::default()
            });
            add(&mut months, asked, bucket, partner.as_ref(), &counters)?;
        }
    }
    months.retain(|_, counters| counters.conversions != 0 || !counters.payout.0.is_empty());
    Ok(months)
}

fn add(
    months: &mut Months,
    asked: &Asked,
    bucket: Bucket,
    partner: Option<&PartnerId>,
    counters: &Counters,
) -> Result<(), ReportError> {
    let (_, month) = local(bucket, GroupBy::Month, &asked.zone)?;
    months
        .entry((month, partner.cloned()))
        .or_default()
        .merge(counters);
    Ok(())
}

/// Splits the payout of a row by what its counts tell; `false` when they do not.
fn split(counters: &mut Counters) -> bool {
    let whole = counters.payout.clone();
    let by_status = match (counters.approved, counters.pending, counters.rejected) {
        (_, 0, 0) => ByStatus {
            approved: whole,
            ..ByStatus::default()
        },
        (0, _, 0) => ByStatus {
            pending: whole,
            ..ByStatus::default()
        },
        _ => return false,
    };
    counters.by_status = by_status;
    true
}

/// Payouts of a bucket's conversions by the row that counts them.
fn read_bucket(
    view: &View,
    bucket: Bucket,
    budget: &mut Budget,
) -> Result<HashMap<StatKey, ByStatus>, ReportError> {
    let from_ms = bucket.start_ms();
    let window = Window::new(Some(from_ms), Some(from_ms + BUCKET_MS), None)?;
    let mut rows: HashMap<StatKey, ByStatus> = HashMap::new();
    let end = scan::each(&view.reader, window, budget, |activity: Activity| {
        if let (Some(status), Some(payout)) = (activity.status, activity.payout)
            && is_conversion(&activity)
        {
            let row = rows.entry(counted_in(&activity, bucket)).or_default();
            row.add(status, payout);
        }
    })?;
    match end {
        End::OutOfBudget(_) => Err(ReportError::TooMuch),
        End::Exhausted | End::Enough(_) => Ok(rows),
    }
}

fn is_conversion(activity: &Activity) -> bool {
    matches!(activity.kind, ActivityKind::Install | ActivityKind::Event)
        && activity.verdict == Verdict::Accepted
}

fn counted_in(activity: &Activity, bucket: Bucket) -> StatKey {
    StatKey {
        bucket,
        environment: Environment::of(activity.is_test),
        offer: activity.offer.clone(),
        link: activity.session.as_ref().map(|s| s.link.clone()),
        event: activity.event.clone(),
        dimension: Dimension::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::ConversionStatus::{Approved, Pending, Rejected};
    use crate::domain::money::Currency;

    #[test]
    fn counts_tell_how_a_row_of_before_is_split_unless_it_is_mixed() {
        let yen = Some(Money {
            amount: 100.into(),
            currency: Currency::JPY,
        });
        let row = |statuses: &[_]| {
            let mut counters = Counters::default();
            statuses
                .iter()
                .for_each(|status| counters.add_conversion(*status, None, yen));
            counters.by_status = ByStatus::default();
            counters.is_unsplit = true;
            counters
        };
        let mut approved = row(&[Approved, Approved]);
        assert!(split(&mut approved) && approved.by_status.pending.0.is_empty());
        assert_eq!(approved.by_status.approved, approved.payout);
        let mut pending = row(&[Pending]);
        assert!(split(&mut pending) && pending.by_status.approved.0.is_empty());
        assert!(!split(&mut row(&[Approved, Pending])));
        assert!(!split(&mut row(&[Rejected])));
    }
}
