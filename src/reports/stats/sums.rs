//! Rows of counters, read within a budget and added up by group.

use super::GroupBy;
use super::asked::Asked;
use super::exchange::Exchange;
use crate::domain::ids::{LinkToken, PartnerId};
use crate::domain::link::Link;
use crate::domain::stats::{Bucket, Counters, StatKey};
use crate::reports::page::Budget;
use crate::reports::{PartnerScope, ReportError};
use crate::store::catalog::Catalog;
use crate::store::{Db, Reader, Record, StoreError, keys};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

/// Rows of counters read for one report.
const MOST_ROWS: usize = 2_000_000;
/// Time spent on one report.
const MOST_TIME: Duration = Duration::from_secs(5);
/// Groups of one report.
const MOST_GROUPS: usize = 5_000;

/// Every link that ever was, for the partner and the name of what it brought in.
pub(crate) struct Links<'a> {
    catalog: &'a Catalog,
    removed: BTreeMap<LinkToken, Link>,
}

impl<'a> Links<'a> {
    pub(crate) fn read(reader: &Reader, catalog: &'a Catalog) -> Result<Self, StoreError> {
        let mut removed = BTreeMap::new();
        let mut failed = None;
        reader.scan_prefix(
            Db::Hot,
            &keys::removed_link_prefix(),
            false,
            |key, value| match Link::decode(value, Db::Hot, key) {
                Ok(link) => {
                    removed.insert(link.token.clone(), link);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            },
        )?;
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

/// A row of counters that is in a report.
pub(crate) struct Row<'a> {
    /// What it counts.
    pub at: StatKey,
    /// Whose link it is of.
    pub partner: Option<&'a PartnerId>,
    key: &'a [u8],
    value: &'a [u8],
}

impl Row<'_> {
    pub(crate) fn counters(&self) -> Result<Counters, StoreError> {
        Counters::decode(self.value, Db::Hot, self.key)
    }
}

/// Shows every row of counters that is in a report, oldest first; the first failure ends it.
pub(crate) fn each_row(
    reader: &Reader,
    links: &Links<'_>,
    asked: &Asked,
    scope: &PartnerScope,
    mut add: impl FnMut(Row<'_>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let mut budget = Budget::new(MOST_ROWS, MOST_TIME);
    let mut visit = |key: &[u8], value: &[u8]| {
        if !budget.spend() {
            return Err(ReportError::TooMuch);
        }
        // Most rows are cut by something else.
        if keys::stat_cut(key) != Some(asked.cut()) {
            return Ok(());
        }
        let Some(at) = keys::parse_stat(key) else {
            return Ok(());
        };
        let partner = links.partner(&at);
        if !asked.wants(&at, partner, scope) {
            return Ok(());
        }
        add(Row {
            at,
            partner,
            key,
            value,
        })
    };
    let mut failed = None;
    let range = keys::stats(asked.from, asked.to);
    reader.scan(Db::Hot, &range, false, |key, value| match visit(key, value) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)
}

/// Sums by start and name of their group.
pub(super) type Groups = BTreeMap<(i64, String), Counters>;

/// Adds up rows by group.
pub(super) fn add_up(
    reader: &Reader,
    links: &Links<'_>,
    asked: &Asked,
    scope: &PartnerScope,
    exchange: &mut Exchange<'_>,
) -> Result<Groups, ReportError> {
    let mut groups = Groups::new();
    // Rows of one bucket lie together, and so do their local day and hour.
    let mut last: Option<(Bucket, (i64, String))> = None;
    let is_by_time = asked.group_by.is_by_time();
    each_row(reader, links, asked, scope, |row| {
        let group = match &last {
            Some((bucket, group)) if is_by_time && *bucket == row.at.bucket => group.clone(),
            _ => asked.group(&row.at, row.partner, links.catalog)?,
        };
        last = Some((row.at.bucket, group.clone()));
        let counters = exchange.convert(row.at.bucket, row.counters()?);
        groups.entry(group).or_default().merge(&counters);
        if groups.len() > MOST_GROUPS {
            return Err(ReportError::TooMuch);
        }
        Ok(())
    })?;
    Ok(groups)
}

pub(super) fn total<'a>(groups: impl Iterator<Item = &'a Counters>) -> Counters {
    groups.fold(Counters::default(), |mut sum, counters| {
        sum.merge(counters);
        sum
    })
}

/// The name for people of a group.
pub(crate) fn label(links: &Links<'_>, by: GroupBy, key: &str) -> String {
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
