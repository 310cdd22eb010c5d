//! A report that is asked for: what is in it, and to which group of it a row of counters belongs.

use super::{GroupBy, StatsQuery};
use crate::domain::ids::PartnerId;
use crate::domain::stats::{BUCKET_MS, Bucket, Dimension, Environment, StatKey};
use crate::reports::{PartnerScope, ReportError, time_zone};
use crate::store::catalog::Catalog;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Days of one report.
const MOST_DAYS: i64 = 3 * 366;
/// Days of one report that reads many rows for a day.
const MOST_SPLIT_DAYS: i64 = 400;
const DAY_MS: i64 = 86_400_000;

/// Whether a time can be counted under.
fn within(field: &'static str, at_ms: i64) -> Result<(), ReportError> {
    let last = Bucket::LAST_MS;
    if (0..=last).contains(&at_ms) {
        return Ok(());
    }
    Err(ReportError::invalid(
        field,
        "out_of_range",
        format!("use a number from 0 to {last}"),
    ))
}

/// A report that is asked for, checked.
pub(crate) struct Asked {
    pub query: StatsQuery,
    pub group_by: GroupBy,
    pub zone: TimeZone,
    pub from: Bucket,
    pub to: Bucket,
}

impl Asked {
    pub(crate) fn new(query: StatsQuery, default_zone: &str) -> Result<Self, ReportError> {
        let zone = time_zone(query.time_zone.as_deref().unwrap_or(default_zone))?;
        within("from_ms", query.from_ms)?;
        within("to_ms", query.to_ms)?;
        if query.to_ms <= query.from_ms || query.to_ms - query.from_ms > MOST_DAYS * DAY_MS {
            return Err(ReportError::invalid(
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
        if is_split && query.to_ms - query.from_ms > MOST_SPLIT_DAYS * DAY_MS {
            return Err(ReportError::TooMuch);
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

    /// Which rows of counters it adds up, as [`stat_cut`](crate::store::keys::stat_cut) tells them.
    pub(super) fn cut(&self) -> u8 {
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
    pub(super) fn wants(&self, key: &StatKey, partner: Option<&PartnerId>, scope: &PartnerScope) -> bool {
        let is =
            |wanted: &Option<String>, own: Option<&str>| wanted.as_deref().is_none_or(|w| own == Some(w));
        scope.sees(partner)
            && is(&self.query.offer, key.offer.as_ref().map(|o| o.as_str()))
            && is(&self.query.link, key.link.as_ref().map(|l| l.as_str()))
            && is(&self.query.event, key.event.as_ref().map(|e| e.as_str()))
            && is(&self.query.partner, partner.map(|p| p.as_str()))
    }

    /// The group that a row belongs to.
    pub(super) fn group(
        &self,
        key: &StatKey,
        partner: Option<&PartnerId>,
        catalog: &Catalog,
    ) -> Result<(i64, String), ReportError> {
        let text = |id: Option<&str>| Ok((0, id.unwrap_or_default().to_owned()));
        match self.group_by {
            GroupBy::Total => text(None),
            GroupBy::Offer => text(key.offer.as_ref().map(|o| o.as_str())),
            GroupBy::Partner => text(partner.map(|p| p.as_str())),
            GroupBy::Category => {
                let partner = partner.and_then(|id| catalog.partners.get(id));
                Ok((0, partner.map_or_else(String::new, |p| p.categories.join(" / "))))
            }
            GroupBy::OfferGroup => {
                let offer = key.offer.as_ref().and_then(|id| catalog.offers.get(id));
                Ok((0, offer.map_or_else(String::new, |o| o.group.clone())))
            }
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
pub(crate) fn local(bucket: Bucket, by: GroupBy, zone: &TimeZone) -> Result<(i64, String), ReportError> {
    let wrong = |_| ReportError::invalid("from_ms", "out_of_range", "the time lies outside the calendar");
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
}
