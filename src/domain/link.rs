//! Links (クリックURL / トラッカー): one offer and one partner, with names on four levels.

use super::ids::{LinkToken, OfferId, PartnerId};
use super::offer::{AttributionPolicy, Destinations, RunState};
use serde::{Deserialize, Serialize};

/// A tracking link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Link {
    /// As in `/c/{token}`.
    pub token: LinkToken,
    /// What is advertised.
    pub offer: OfferId,
    /// Who advertises it; `None` for the advertiser's own links.
    #[serde(default)]
    pub partner: Option<PartnerId>,
    /// Level 1 of the name: the network.
    pub network: String,
    /// Level 2.
    #[serde(default)]
    pub campaign: Option<String>,
    /// Level 3.
    #[serde(default)]
    pub adgroup: Option<String>,
    /// Level 4.
    #[serde(default)]
    pub creative: Option<String>,
    /// Destinations that replace those of the offer (遷移先変更); unset fields fall back to the offer.
    #[serde(default)]
    pub destinations: Option<Destinations>,
    /// Paused: clicks answer 404.
    #[serde(default)]
    pub state: RunState,
    /// Overrides of the attribution policy.
    #[serde(default)]
    pub attribution: AttributionPolicy,
    /// The tracking domain it was issued on; `None` for the public address of the instance.
    #[serde(default)]
    pub domain: Option<String>,
    /// Free text for the operator.
    #[serde(default)]
    pub note: String,
    /// Unix milliseconds.
    #[serde(default)]
    pub created_at_ms: i64,
    /// Unix milliseconds of the last save.
    #[serde(default)]
    pub updated_at_ms: i64,
}

impl Link {
    /// The names of its own, from the network down.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let below = [&self.campaign, &self.adgroup, &self.creative];
        let below = below.into_iter().filter_map(|name| name.as_deref());
        std::iter::once(self.network.as_str()).chain(below)
    }

    /// The names of its own, joined with `::`.
    pub fn full_name(&self) -> String {
        self.names().collect::<Vec<_>>().join("::")
    }
}
