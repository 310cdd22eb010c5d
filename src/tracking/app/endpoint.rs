//! The endpoints of apps and what differs between them.

use crate::domain::activity::ActivityKind;
use crate::domain::offer::TrustScope;

/// The endpoints of apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/session`.
    Session,
    /// `/event`.
    Event,
    /// `/ad_revenue`.
    AdRevenue,
    /// `/gdpr_forget_device`.
    Forget,
    /// `/uninstall`.
    Uninstall,
    /// `/attribution`.
    Attribution,
    /// `/claim`.
    Claim,
    /// `/cost`.
    Cost,
}

impl Endpoint {
    /// The word in error texts: `Event request failed (...)`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Session => "Session",
            Self::Event => "Event",
            Self::AdRevenue => "Ad revenue",
            Self::Forget => "Forget device",
            Self::Uninstall => "Uninstall",
            Self::Attribution => "Attribution",
            Self::Claim => "Claim",
            Self::Cost => "Cost",
        }
    }

    /// What a token must be good for.
    pub fn scope(self) -> TrustScope {
        match self {
            Self::Session | Self::Uninstall | Self::Attribution => TrustScope::Sessions,
            Self::Event => TrustScope::Events,
            Self::AdRevenue => TrustScope::AdRevenue,
            Self::Forget => TrustScope::Gdpr,
            Self::Claim | Self::Cost => TrustScope::Claims,
        }
    }

    /// The kind of a refused activity.
    pub fn kind(self) -> ActivityKind {
        match self {
            Self::Session | Self::Attribution => ActivityKind::Session,
            Self::Event => ActivityKind::Event,
            Self::AdRevenue => ActivityKind::AdRevenue,
            Self::Forget => ActivityKind::GdprForgetDevice,
            Self::Uninstall => ActivityKind::Uninstall,
            Self::Claim => ActivityKind::InstallUpdate,
            Self::Cost => ActivityKind::CostUpdate,
        }
    }

    /// Whether `revenue` and `currency` are money here.
    pub(super) fn has_money(self) -> bool {
        matches!(self, Self::Event | Self::AdRevenue)
    }

    /// How old an activity may be, days.
    pub(super) fn most_days(self) -> i64 {
        match self {
            Self::AdRevenue => 28,
            _ => 58,
        }
    }
}
