//! What a report is made from, and what of it its reader may see.

use crate::domain::activity::Activity;
use crate::domain::ids::PartnerId;
use crate::store::Reader;
use crate::store::catalog::Catalog;
use std::sync::Arc;

/// The partners that somebody is limited to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartnerScope(Vec<PartnerId>);

impl PartnerScope {
    /// No limit.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only these partners; all of them when the list is empty.
    pub fn only(partners: Vec<PartnerId>) -> Self {
        Self(partners)
    }

    /// Whether somebody sees everything.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether somebody sees what belongs to a partner, or to none.
    pub fn sees(&self, partner: Option<&PartnerId>) -> bool {
        self.is_all() || partner.is_some_and(|partner| self.0.contains(partner))
    }

    /// Whether somebody sees an activity: it is its partner's that has the credit.
    pub fn sees_activity(&self, activity: &Activity) -> bool {
        self.sees(activity.session.as_ref().and_then(|s| s.partner.as_ref()))
    }
}

/// What a report is made from.
#[derive(Clone)]
pub struct View {
    /// The store.
    pub reader: Reader,
    /// The configuration when the report was asked for.
    pub catalog: Arc<Catalog>,
    /// What may be in the report.
    pub scope: PartnerScope,
    /// When it was asked for, unix milliseconds.
    pub now_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_hides_what_is_of_others_and_of_nobody() {
        let (own, other): (PartnerId, PartnerId) =
            ("mediaown".parse().unwrap(), "mediaother".parse().unwrap());
        let limited = PartnerScope::only(vec![own.clone()]);
        assert!(limited.sees(Some(&own)) && !limited.sees(Some(&other)) && !limited.sees(None));
        let all = PartnerScope::only(Vec::new());
        assert!(all.is_all() && all.sees(Some(&other)) && all.sees(None));
    }
}
