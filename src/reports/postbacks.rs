//! Postbacks (ポストバックログ): what waits, what was sent, what failed.

use super::page::{self, Budget, Page};
use super::records::{
    PostbackDetail, PostbackDto, StateFilter, activities_of_order, activity, detail, postback,
};
use super::scan::{self, End, Window};
use super::sorted::{self, Best, Order};
use super::{PartnerScope, ReportError, View};
use crate::domain::ids::{PostbackId, TimeId};
use crate::domain::postback::{FailReason, Origin, Outcome, Postback, PostbackState};
use crate::store::Record;
use crate::store::{Db, Reader, keys};
use serde::Deserialize;
use std::ops::ControlFlow;

/// Filters of the log of postbacks.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PostbackQuery {
    /// Items of a page, 1 to 200 (50).
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Accepted from this time on, unix milliseconds.
    pub from_ms: Option<i64>,
    /// Accepted before this time, unix milliseconds.
    pub to_ms: Option<i64>,
    /// Only in this state.
    pub state: Option<StateFilter>,
    /// Only to this partner.
    pub partner: Option<String>,
    /// Only of this offer.
    pub offer: Option<String>,
    /// Only of this rule.
    pub rule: Option<String>,
    /// Only of this activity (or SID).
    pub activity: Option<String>,
    /// Only to this destination (`https://partner.example:443`).
    pub lane: Option<String>,
    /// Only whose last answer had this status.
    pub answer: Option<u16>,
    /// Only failed for this reason.
    pub fail_reason: Option<FailReason>,
    /// Only tests, or only others.
    pub test: Option<bool>,
    /// Only of activities with this order number (any of uid1 to uid8).
    pub uid: Option<String>,
    /// Another order than the newest first: by time or attempts.
    pub order: Option<Order>,
}

const ORDERS: [Order; 3] = [Order::Oldest, Order::MostAttempts, Order::FewestAttempts];
/// Activities of one order number whose postbacks are looked at.
const MOST_OF_ORDER: usize = 1000;

impl PostbackQuery {
    /// Whether a postback is wanted and may be seen.
    pub fn wants(&self, postback: &Postback, scope: &PartnerScope) -> bool {
        let is = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|w| w == own);
        let rule = match &postback.origin {
            Origin::Rule(rule) | Origin::Test(rule) => rule.as_str(),
            Origin::Link(_) => "",
        };
        let state_fits = |wanted| match wanted {
            StateFilter::Waiting => !postback.state.is_settled(),
            StateFilter::Delivered => matches!(postback.state, PostbackState::Delivered { .. }),
            StateFilter::Failed => matches!(postback.state, PostbackState::Failed { .. }),
        };
        let answered = postback.last.as_ref().and_then(|last| match last.outcome {
            Outcome::Answered { status, .. } => Some(status),
            Outcome::Error { .. } => None,
        });
        scope.sees(postback.partner.as_ref())
            && is(
                &self.partner,
                postback.partner.as_ref().map_or("", |p| p.as_str()),
            )
            && is(&self.offer, postback.offer.as_str())
            && is(&self.rule, rule)
            && is(&self.activity, &postback.activity.to_string())
            && is(&self.lane, &postback.lane.0)
            && self.state.is_none_or(state_fits)
            && self.answer.is_none_or(|wanted| answered == Some(wanted))
            && self.fail_reason.is_none_or(
                |wanted| matches!(postback.state, PostbackState::Failed { reason, .. } if reason == wanted),
            )
            && self.test.is_none_or(|test| test == postback.is_test)
    }
}

/// Collects wanted postbacks out of the three places that may hold them, newest first, up to `limit` each.
pub fn gather<T>(
    reader: &Reader,
    state: Option<StateFilter>,
    window: Window,
    limit: usize,
    pick: impl FnMut(&Postback) -> Option<T>,
) -> Result<Page<T>, ReportError> {
    let budgets = [Budget::of_page(), Budget::of_page()];
    gather_within(reader, state, window, limit, budgets, pick)
}

/// The same with the budgets of the waiting and of the settled ones.
fn gather_within<T>(
    reader: &Reader,
    state: Option<StateFilter>,
    window: Window,
    limit: usize,
    [mut of_waiting, mut budget]: [Budget; 2],
    mut pick: impl FnMut(&Postback) -> Option<T>,
) -> Result<Page<T>, ReportError> {
    let mut found: Vec<(TimeId, T)> = Vec::new();
    let mut waiting = End::Exhausted;
    if state.is_none_or(|s| s == StateFilter::Waiting) {
        let start = found.len();
        let parse = |key: &[u8]| keys::parse_waiting(key).map(|id| id.0);
        let key = |id| keys::waiting(PostbackId(id));
        waiting = scan::newest_hot(
            reader,
            &keys::waiting_prefix(),
            parse,
            key,
            window,
            &mut of_waiting,
            |id, key, value| {
                let postback = Postback::decode(value, Db::Hot, key)?;
                found.extend(pick(&postback).map(|item| (id, item)));
                Ok(enough(found.len() - start, limit))
            },
        )?;
    }
    let mut settled = End::Exhausted;
    let start = found.len();
    match state {
        Some(StateFilter::Waiting) => {}
        // Failed postbacks have an index, so that a few of them are found among many delivered ones.
        Some(StateFilter::Failed) => {
            let parse = |key: &[u8]| keys::parse_failed(key).map(|id| id.0);
            let key = |id| keys::failed(PostbackId(id));
            settled = scan::newest_hot(
                reader,
                &keys::failed_prefix(),
                parse,
                key,
                window,
                &mut budget,
                |id, _, _| {
                    if let Some(postback) = postback(reader, PostbackId(id))? {
                        found.extend(pick(&postback).map(|item| (id, item)));
                    }
                    Ok(enough(found.len() - start, limit))
                },
            )?;
        }
        Some(StateFilter::Delivered) | None => {
            settled = scan::newest_first(
                reader,
                scan::POSTBACKS,
                window,
                &mut budget,
                |id, db, key, value| {
                    let postback = Postback::decode(value, db, key)?;
                    found.extend(pick(&postback).map(|item| (id, item)));
                    Ok(enough(found.len() - start, limit))
                },
            )?;
        }
    }
    Ok(scan::merge(found, [waiting, settled], limit))
}

fn enough(found: usize, limit: usize) -> ControlFlow<()> {
    if found < limit {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}

/// One page of postbacks, newest first unless asked otherwise, waiting and settled ones together unless a state is
/// named.
pub fn page(view: &View, query: &PostbackQuery) -> Result<Page<PostbackDto>, ReportError> {
    let limit = page::limit(query.limit)?;
    let mut page = match Order::asked(query.order, &ORDERS)? {
        Some(order) => in_order(view, query, order, limit)?,
        None => newest(view, query, limit)?,
    };
    for row in &mut page.items {
        let found = activity(&view.reader, row.activity)?;
        row.uid1 = found.and_then(|activity| activity.input.uids.into_iter().next());
    }
    Ok(page)
}

fn newest(view: &View, query: &PostbackQuery, limit: usize) -> Result<Page<PostbackDto>, ReportError> {
    let window = Window::new(query.from_ms, query.to_ms, query.cursor.as_deref())?;
    if let Some(uid) = &query.uid {
        let mut found = Vec::new();
        for_order(view, query, uid, |p| {
            if window.holds(p.id.0) {
                found.push((p.id.0, PostbackDto::from(p)));
            }
        })?;
        return Ok(scan::merge(found, [End::Exhausted, End::Exhausted], limit));
    }
    gather(&view.reader, query.state, window, limit, |postback| {
        query
            .wants(postback, &view.scope)
            .then(|| PostbackDto::from(postback))
    })
}

fn in_order(
    view: &View,
    query: &PostbackQuery,
    order: Order,
    limit: usize,
) -> Result<Page<PostbackDto>, ReportError> {
    let window = Window::new(query.from_ms, query.to_ms, None)?;
    let mut best = Best::new(order, limit, query.cursor.as_deref())?;
    let mut offer = |p: &Postback| {
        let value = match order {
            Order::MostAttempts | Order::FewestAttempts => i64::from(p.attempts),
            _ => p.id.0.at_ms(),
        };
        best.offer(p.id.0, Some(value.into()), || PostbackDto::from(p));
    };
    if let Some(uid) = &query.uid {
        for_order(view, query, uid, offer)?;
        return Ok(best.page(false));
    }
    let budgets = [sorted::budget(), sorted::budget()];
    let looked = gather_within(&view.reader, query.state, window, usize::MAX, budgets, |p| {
        if query.wants(p, &view.scope) {
            offer(p);
        }
        None::<()>
    })?;
    Ok(best.page(looked.next_cursor.is_some()))
}

/// Visits the wanted postbacks of an order number. An order has an index, so that an old one is found at once.
fn for_order(
    view: &View,
    query: &PostbackQuery,
    uid: &str,
    mut visit: impl FnMut(&Postback),
) -> Result<(), ReportError> {
    let window = Window::new(query.from_ms, query.to_ms, None)?;
    for activity in activities_of_order(&view.reader, uid, MOST_OF_ORDER)? {
        for id in activity.rules.iter().filter_map(|outcome| outcome.postback) {
            let found = postback(&view.reader, id)?;
            if let Some(found) = found.filter(|p| window.holds(p.id.0) && query.wants(p, &view.scope)) {
                visit(&found);
            }
        }
    }
    Ok(())
}

/// The ids of all wanted postbacks of an order number, oldest first.
pub fn ids_of_order(view: &View, query: &PostbackQuery, uid: &str) -> Result<Vec<PostbackId>, ReportError> {
    let mut ids = Vec::new();
    for_order(view, query, uid, |p| ids.push(p.id))?;
    ids.sort_unstable();
    Ok(ids)
}

/// One postback with every attempt that is kept; `None` also for one that may not be seen.
pub fn find(view: &View, id: PostbackId) -> Result<Option<PostbackDetail>, ReportError> {
    let found = detail(&view.reader, id)?;
    Ok(found.filter(|found| view.scope.sees(found.postback.partner.as_ref())))
}
