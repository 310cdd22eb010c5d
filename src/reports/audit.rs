//! The audit log: who did what, from where.

use super::page::{self, Budget, Page};
use super::scan::{self, End, Window};
use super::{ReportError, View};
use crate::domain::account::AuditEntry;
use crate::domain::ids::TimeId;
use crate::store::{Db, Record, keys};
use serde::Deserialize;
use std::ops::ControlFlow;

/// Filters of the audit log.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Items of a page, 1 to 200 (50).
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// From this time on, unix milliseconds.
    pub from_ms: Option<i64>,
    /// Before this time, unix milliseconds.
    pub to_ms: Option<i64>,
    /// Only actions that begin with this (`login.`, `offer.update`).
    pub action: Option<String>,
    /// Only entries that hold this word in actor, subject or detail.
    pub q: Option<String>,
}

impl AuditQuery {
    fn wants(&self, entry: &AuditEntry) -> bool {
        let word = self.q.as_deref().unwrap_or_default();
        self.action
            .as_deref()
            .is_none_or(|action| entry.action.starts_with(action))
            && [&entry.actor, &entry.subject, &entry.detail]
                .into_iter()
                .any(|text| page::holds(text, word))
    }
}

/// One page of the audit log, newest first.
pub fn page(view: &View, query: &AuditQuery) -> Result<Page<AuditEntry>, ReportError> {
    let limit = page::limit(query.limit)?;
    let window = Window::new(query.from_ms, query.to_ms, query.cursor.as_deref())?;
    let mut found: Vec<(TimeId, AuditEntry)> = Vec::new();
    let end = scan::newest_hot(
        &view.reader,
        &keys::audit_prefix(),
        keys::parse_audit,
        keys::audit,
        window,
        &mut Budget::of_page(),
        |id, key, value| {
            let entry = AuditEntry::decode(value, Db::Hot, key)?;
            if query.wants(&entry) {
                found.push((id, entry));
            }
            Ok(if found.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        },
    )?;
    Ok(scan::merge(found, [end, End::Exhausted], limit))
}
