//! Sessions (クリックログ).

use super::page::{self, Page};
use super::records::{SessionDto, session};
use super::scan::{self, Window};
use super::sorted::{self, Best, Order};
use super::{PartnerScope, ReportError, View};
use crate::domain::ids::SessionId;
use crate::domain::session::{EngagementKind, Session};
use crate::store::Record;
use serde::Deserialize;

/// Filters of the click log.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionQuery {
    /// Items of a page, 1 to 200 (50).
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// From this time on, unix milliseconds.
    pub from_ms: Option<i64>,
    /// Before this time, unix milliseconds.
    pub to_ms: Option<i64>,
    /// Only of this offer.
    pub offer: Option<String>,
    /// Only of this partner.
    pub partner: Option<String>,
    /// Only of this link.
    pub link: Option<String>,
    /// Only `click`, `impression` or `direct`.
    pub kind: Option<EngagementKind>,
    /// Only those with this PARA1 to PARA5, label or other parameter.
    pub value: Option<String>,
    /// Only of this visitor (TUID).
    pub tuid: Option<String>,
    /// Only bots and prefetches, or only others.
    pub automated: Option<bool>,
    /// Only tests, or only others.
    pub test: Option<bool>,
    /// Another order than the newest first: `oldest`.
    pub order: Option<Order>,
}

impl SessionQuery {
    /// Whether a session is wanted and may be seen.
    pub fn wants(&self, session: &Session, scope: &PartnerScope) -> bool {
        let is = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|w| w == own);
        let has_value = |value: &str| {
            session.para.iter().any(|p| p == value)
                || session.label == value
                || session.parameters.iter().any(|(_, v)| v == value)
        };
        scope.sees(session.partner.as_ref())
            && is(&self.offer, session.offer.as_str())
            && is(&self.partner, session.partner.as_ref().map_or("", |p| p.as_str()))
            && is(&self.link, session.link.as_str())
            && is(&self.tuid, &session.tuid)
            && self.kind.is_none_or(|kind| kind == session.kind)
            && self
                .automated
                .is_none_or(|automated| automated == session.is_automated())
            && self.test.is_none_or(|test| test == session.flags.is_test)
            && self.value.as_deref().is_none_or(has_value)
    }
}

/// One page of the click log, newest first.
pub fn page(view: &View, query: &SessionQuery) -> Result<Page<SessionDto>, ReportError> {
    let limit = page::limit(query.limit)?;
    if let Some(order) = Order::asked(query.order, &[Order::Oldest])? {
        return in_order(view, query, order, limit);
    }
    let window = Window::new(query.from_ms, query.to_ms, query.cursor.as_deref())?;
    scan::page(&view.reader, scan::SESSIONS, window, limit, |db, key, value| {
        let session = Session::decode(value, db, key)?;
        Ok(query
            .wants(&session, &view.scope)
            .then(|| SessionDto::from(&session)))
    })
}

fn in_order(
    view: &View,
    query: &SessionQuery,
    order: Order,
    limit: usize,
) -> Result<Page<SessionDto>, ReportError> {
    let window = Window::new(query.from_ms, query.to_ms, None)?;
    let mut best = Best::new(order, limit, query.cursor.as_deref())?;
    let mut budget = sorted::budget();
    let end = scan::each(&view.reader, window, &mut budget, |session: Session| {
        let id = session.id.0;
        if query.wants(&session, &view.scope) {
            best.offer(id, Some(id.at_ms().into()), || SessionDto::from(&session));
        }
    })?;
    Ok(best.page(end.is_cut()))
}

/// One session; `None` also for one that may not be seen.
pub fn find(view: &View, sid: SessionId) -> Result<Option<SessionDto>, ReportError> {
    let found = session(&view.reader, sid)?.filter(|session| view.scope.sees(session.partner.as_ref()));
    Ok(found.as_ref().map(SessionDto::from))
}
