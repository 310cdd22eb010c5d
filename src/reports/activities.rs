//! Activities (成果ログ, 成果エラーログ).

use super::page::{self, Budget, Page};
use super::records::{ActivityDto, activities_of_order, activity_or_engagement, seen_activity};
use super::scan::{self, End, Window};
use super::sorted::{self, Best, Order};
use super::{PartnerScope, ReportError, View};
use crate::domain::activity::{Activity, ActivityKind, ConversionStatus, RefusalReason, Verdict};
use crate::domain::ids::ActivityId;
use crate::store::Record;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Duration;

/// Activities of one order number that are looked at.
const MOST_OF_ORDER: usize = 1000;
/// Activities read to find all that fit a filter.
const MOST_LOOKED_AT: usize = 2_000_000;
/// Time spent on them.
const MOST_TIME: Duration = Duration::from_secs(20);

/// Whether an activity counts, as a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictFilter {
    /// It counts.
    Accepted,
    /// The same as an earlier one.
    Duplicate,
    /// It does not count.
    Refused,
    /// Duplicates and refused ones together: 成果エラーログ.
    NotAccepted,
}

/// Filters of the logs of activities.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
    /// Items of a page, 1 to 200 (50).
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// From this time of receipt on, unix milliseconds.
    pub from_ms: Option<i64>,
    /// Before this time of receipt, unix milliseconds.
    pub to_ms: Option<i64>,
    /// Only of this offer.
    pub offer: Option<String>,
    /// Only credited to this partner.
    pub partner: Option<String>,
    /// Only credited to this link.
    pub link: Option<String>,
    /// Only of this kind.
    pub kind: Option<ActivityKind>,
    /// Only conversions: installs and first occurrences of events.
    pub conversions: Option<bool>,
    /// Only of this event (token).
    pub event: Option<String>,
    /// Only of this verdict.
    pub verdict: Option<VerdictFilter>,
    /// Only refused or duplicate for this reason.
    pub reason: Option<RefusalReason>,
    /// Only of this status.
    pub status: Option<ConversionStatus>,
    /// Only of this SID, or sent with it although there is no such session.
    pub sid: Option<String>,
    /// Only with this order number (any of uid1 to uid8).
    pub uid: Option<String>,
    /// Only tests, or only others.
    pub test: Option<bool>,
    /// Another order than the newest first: by time, revenue or payout.
    pub order: Option<Order>,
}

const ORDERS: [Order; 5] = [
    Order::Oldest,
    Order::HighestRevenue,
    Order::LowestRevenue,
    Order::HighestPayout,
    Order::LowestPayout,
];

impl ActivityQuery {
    /// Whether an activity is wanted and may be seen.
    pub fn wants(&self, activity: &Activity, scope: &PartnerScope) -> bool {
        let is =
            |wanted: &Option<String>, own: Option<&str>| wanted.as_deref().is_none_or(|w| own == Some(w));
        let session = activity.session.as_deref();
        let reason = match activity.verdict {
            Verdict::Accepted => None,
            Verdict::Duplicate { reason, .. } | Verdict::Refused { reason } => Some(reason),
        };
        let verdict_fits = |wanted| match wanted {
            VerdictFilter::Accepted => activity.verdict == Verdict::Accepted,
            VerdictFilter::Duplicate => matches!(activity.verdict, Verdict::Duplicate { .. }),
            VerdictFilter::Refused => matches!(activity.verdict, Verdict::Refused { .. }),
            VerdictFilter::NotAccepted => activity.verdict != Verdict::Accepted,
        };
        let is_conversion = matches!(activity.kind, ActivityKind::Install | ActivityKind::Event);
        let sid = session.map(|s| s.id.to_string());
        scope.sees_activity(activity)
            && is(&self.offer, activity.offer.as_ref().map(|o| o.as_str()))
            && is(
                &self.partner,
                session.and_then(|s| s.partner.as_ref()).map(|p| p.as_str()),
            )
            && is(&self.link, session.map(|s| s.link.as_str()))
            && is(&self.event, activity.event.as_ref().map(|e| e.as_str()))
            && is(&self.sid, sid.as_deref().or(activity.unresolved_sid()))
            && self.kind.is_none_or(|kind| kind == activity.kind)
            && self.conversions.is_none_or(|wanted| wanted == is_conversion)
            && self.verdict.is_none_or(verdict_fits)
            && self.reason.is_none_or(|wanted| reason == Some(wanted))
            && self.status.is_none_or(|wanted| activity.status == Some(wanted))
            && self.test.is_none_or(|test| test == activity.is_test)
            && self
                .uid
                .as_deref()
                .is_none_or(|uid| activity.input.uids.iter().any(|own| own == uid))
    }
}

/// One page of activities, newest first.
pub fn page(view: &View, query: &ActivityQuery) -> Result<Page<ActivityDto>, ReportError> {
    let limit = page::limit(query.limit)?;
    if let Some(order) = Order::asked(query.order, &ORDERS)? {
        return in_order(view, query, order, limit);
    }
    let window = Window::new(query.from_ms, query.to_ms, query.cursor.as_deref())?;
    let seen = |activity: &Activity| seen_activity(&view.scope, &view.catalog, activity);
    // An order number has an index, so that an old one is found at once.
    if let Some(uid) = &query.uid {
        let of_order = activities_of_order(&view.reader, uid, MOST_OF_ORDER)?;
        let fit = of_order
            .iter()
            .filter(|a| window.holds(a.id.0) && query.wants(a, &view.scope))
            .map(|a| (a.id.0, seen(a)));
        return Ok(scan::merge(
            fit.collect(),
            [End::Exhausted, End::Exhausted],
            limit,
        ));
    }
    scan::page(&view.reader, scan::ACTIVITIES, window, limit, |db, key, value| {
        let activity = Activity::decode(value, db, key)?;
        Ok(query.wants(&activity, &view.scope).then(|| seen(&activity)))
    })
}

/// The conversions that a filter finds, oldest first; at most `most` of the newest. The page of the query is not used.
pub fn conversions(view: &View, query: &ActivityQuery, most: usize) -> Result<Vec<ActivityId>, ReportError> {
    let query = ActivityQuery {
        verdict: Some(VerdictFilter::Accepted),
        conversions: Some(true),
        ..query.clone()
    };
    let window = Window::new(query.from_ms, query.to_ms, None)?;
    let mut found = Vec::new();
    let mut budget = Budget::new(MOST_LOOKED_AT, MOST_TIME);
    let end = scan::newest_first(
        &view.reader,
        scan::ACTIVITIES,
        window,
        &mut budget,
        |_, db, key, value| {
            let activity = Activity::decode(value, db, key)?;
            if query.wants(&activity, &view.scope) {
                found.push(activity.id);
            }
            Ok(if found.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        },
    )?;
    if end.is_cut() {
        return Err(ReportError::TooMuch);
    }
    found.reverse();
    Ok(found)
}

fn in_order(
    view: &View,
    query: &ActivityQuery,
    order: Order,
    limit: usize,
) -> Result<Page<ActivityDto>, ReportError> {
    let window = Window::new(query.from_ms, query.to_ms, None)?;
    let mut best = Best::new(order, limit, query.cursor.as_deref())?;
    let mut offer = |activity: &Activity| {
        if !window.holds(activity.id.0) || !query.wants(activity, &view.scope) {
            return;
        }
        let value = match order {
            Order::HighestRevenue | Order::LowestRevenue => activity.money.map(|m| m.amount),
            Order::HighestPayout | Order::LowestPayout => activity.payout.map(|m| m.amount),
            _ => Some(activity.id.0.at_ms().into()),
        };
        best.offer(activity.id.0, value, || {
            seen_activity(&view.scope, &view.catalog, activity)
        });
    };
    if let Some(uid) = &query.uid {
        activities_of_order(&view.reader, uid, MOST_OF_ORDER)?
            .iter()
            .for_each(&mut offer);
        return Ok(best.page(false));
    }
    let mut budget = sorted::budget();
    let end = scan::newest_first(
        &view.reader,
        scan::ACTIVITIES,
        window,
        &mut budget,
        |_, db, key, value| {
            offer(&Activity::decode(value, db, key)?);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(best.page(end.is_cut()))
}

/// One activity, or the click or impression of that id as an activity; `None` also for one that may not be seen.
pub fn find(view: &View, id: ActivityId) -> Result<Option<ActivityDto>, ReportError> {
    let found = activity_or_engagement(&view.reader, id)?;
    let seen = found.filter(|activity| view.scope.sees_activity(activity));
    Ok(seen.map(|activity| seen_activity(&view.scope, &view.catalog, &activity)))
}
