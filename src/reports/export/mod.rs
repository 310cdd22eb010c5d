//! Every list as CSV: RFC 4180, UTF-8 with a byte order mark or Shift_JIS, safe against formulas.
//!
//! A file goes out page by page: what is in memory at once is a page of records and a part of the file, however
//! long the file becomes. Between two pages whoever takes the file is asked whether they still want it.
//!
//! 2026-11-21: a cell that a spreadsheet would take for a formula gets a quote in front (OWASP); numbers of
//! ours are written as they are. Characters that Shift_JIS lacks become `?`, as Japanese tools expect.

mod columns;
mod sheet;
mod style;

pub use columns::activity_column;
pub use sheet::Taker;
pub use style::{Encoding, Style};

use super::activities::{self, ActivityQuery};
use super::audit::{self, AuditQuery};
use super::page::{MAX_LIMIT, Page};
use super::payouts::{self, PayoutQuery};
use super::postbacks::{self, PostbackQuery};
use super::sessions::{self, SessionQuery};
use super::statements::{self, StatementQuery};
use super::stats::{self, StatsQuery};
use super::taken::{self, TakenQuery};
use super::{ReportError, View};
use crate::domain::link::Link;
use crate::domain::rule::RuleScope;
use columns::{
    ACTIVITIES, AUDIT, Column, LINKS, LinkRow, OFFERS, PARTNERS, PAYOUTS, POSTBACKS, RULES, SESSIONS,
    STATEMENT, STATS, TAKEN, payout_lines, stat_lines, statement_lines,
};
use sheet::Sheet;

/// A list with what is wanted of it. The page and cursor of a query are not used.
#[derive(Debug, Clone)]
pub enum List {
    /// Clicks and impressions.
    Sessions(SessionQuery),
    /// Activities.
    Activities(ActivityQuery),
    /// Postbacks.
    Postbacks(PostbackQuery),
    /// The audit log.
    Audit(AuditQuery),
    /// Counters.
    Stats(StatsQuery),
    /// Payouts.
    Payouts(PayoutQuery),
    /// One payout statement.
    Statement(StatementQuery),
    /// What was sent and taken.
    Taken(TakenQuery),
    /// Offers.
    Offers,
    /// Partners.
    Partners,
    /// Links.
    Links {
        /// The address that links are issued on when neither they nor the settings name one.
        address: String,
    },
    /// Rules.
    Rules,
}

/// Writes a list as a file.
///
/// # Errors
/// [`ReportError::Abandoned`] when the taker breaks, and what the list itself may fail with.
pub fn write(view: &View, list: List, style: &Style, taker: Taker<'_>) -> Result<(), ReportError> {
    let mut sheet = Sheet::new(view, style, taker);
    let limit = Some(MAX_LIMIT);
    match list {
        List::Sessions(query) => pages(&mut sheet, SESSIONS, |cursor| {
            let query = SessionQuery {
                cursor,
                limit,
                ..query.clone()
            };
            sessions::page(view, &query)
        }),
        List::Activities(query) => pages(&mut sheet, ACTIVITIES, |cursor| {
            let query = ActivityQuery {
                cursor,
                limit,
                ..query.clone()
            };
            activities::page(view, &query)
        }),
        List::Postbacks(query) => pages(&mut sheet, POSTBACKS, |cursor| {
            let query = PostbackQuery {
                cursor,
                limit,
                ..query.clone()
            };
            postbacks::page(view, &query)
        }),
        List::Audit(query) => pages(&mut sheet, AUDIT, |cursor| {
            let query = AuditQuery {
                cursor,
                limit,
                ..query.clone()
            };
            audit::page(view, &query)
        }),
        List::Stats(query) => {
            let report = stats::report(view, query)?;
            rows(&mut sheet, STATS, report.rows.iter().flat_map(stat_lines))
        }
        List::Payouts(query) => {
            let report = payouts::payouts(view, query)?;
            rows(&mut sheet, PAYOUTS, report.rows.iter().flat_map(payout_lines))
        }
        List::Statement(query) => {
            let (statement, lines) = statements::whole(view, &query)?;
            rows(
                &mut sheet,
                STATEMENT,
                statement_lines(&statement, lines).into_iter(),
            )
        }
        List::Taken(query) => rows(&mut sheet, TAKEN, taken::taken(view, query)?.rows.into_iter()),
        List::Offers | List::Partners | List::Links { .. } | List::Rules => objects(view, list, &mut sheet),
    }
}

/// Writes what was set up.
fn objects(view: &View, list: List, sheet: &mut Sheet<'_>) -> Result<(), ReportError> {
    let (catalog, scope) = (&view.catalog, &view.scope);
    let links = || {
        let entries = catalog.links.values().map(|entry| &entry.link);
        entries.filter(|link| scope.sees(link.partner.as_ref()))
    };
    match list {
        List::Links { address } => rows(
            sheet,
            LINKS,
            links().map(|link| LinkRow {
                click_url: click_url(view, link, &address),
                link: link.clone(),
            }),
        ),
        List::Partners => {
            let seen = catalog.partners.values().filter(|p| scope.sees(Some(&p.id)));
            rows(sheet, PARTNERS, seen.map(|p| (**p).clone()))
        }
        List::Rules => {
            let of_partner = |scope: &RuleScope| match scope {
                RuleScope::Partner { partner, .. } => Some(partner.clone()),
                RuleScope::Offer { .. } => None,
            };
            let broken = catalog.broken_rules.iter().map(|broken| &broken.rule);
            let all = catalog
                .rules
                .values()
                .map(|compiled| &compiled.rule)
                .chain(broken);
            let seen = all.filter(|rule| scope.sees(of_partner(&rule.scope).as_ref()));
            rows(sheet, RULES, seen.cloned())
        }
        _ => {
            let seen = catalog
                .offers
                .values()
                .filter(|offer| scope.is_all() || links().any(|link| link.offer == offer.id));
            rows(sheet, OFFERS, seen.map(|offer| (**offer).clone()))
        }
    }
}

fn click_url(view: &View, link: &Link, address: &str) -> String {
    let own = link.domain.as_deref().filter(|domain| !domain.is_empty());
    let public = Some(view.catalog.settings.public_url.as_str()).filter(|url| !url.is_empty());
    let base = own.or(public).unwrap_or(address).trim_end_matches('/');
    format!("{base}/c/{}", link.token)
}

fn rows<T>(
    sheet: &mut Sheet<'_>,
    columns: &[Column<T>],
    mut items: impl Iterator<Item = T>,
) -> Result<(), ReportError> {
    sheet.headings(columns)?;
    items.try_for_each(|item| sheet.row(columns, &item))?;
    sheet.hand_on()
}

/// Writes page after page, each read on its own, so that a long export holds nobody up.
fn pages<T>(
    sheet: &mut Sheet<'_>,
    columns: &[Column<T>],
    next: impl Fn(Option<String>) -> Result<Page<T>, ReportError>,
) -> Result<(), ReportError> {
    let mut page = next(None)?;
    sheet.headings(columns)?;
    loop {
        page.items.iter().try_for_each(|item| sheet.row(columns, item))?;
        sheet.hand_on()?;
        if page.next_cursor.is_none() {
            return Ok(());
        }
        page = next(page.next_cursor)?;
    }
}
