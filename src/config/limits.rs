//! Bounds of what comes from outside.

use serde::{Deserialize, Serialize};

/// Bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Open connections.
    pub max_connections: u32,
    /// Open connections of one network; 0: any number.
    pub connections_per_network: u32,
    /// Commands that wait for the recorder.
    pub queue: u32,
    /// Clicks in memory while the store is down.
    pub spool_clicks: u32,
    /// Combinations of campaign, adgroup and creative of one link.
    pub link_names: u32,
    /// Devices of apps that are remembered.
    pub visitors: u32,
    /// Sales of one click, event and day that count without proof of who reports them.
    pub unproven_sales: u32,
    /// Conversions and app requests of a network a second without proof; 0: without a bound.
    pub unproven_per_s: u32,
    /// And at once.
    pub unproven_burst: u32,
    /// The same of one SID a second; 0: without a bound.
    pub sid_per_s: u32,
    /// And at once.
    pub sid_burst: u32,
    /// SIDs that do not exist, of a network, a second; 0: without a bound.
    pub unknown_sids_per_s: u32,
    /// Clicks of a network a second beyond which they are flagged; 0: without a bound.
    pub clicks_per_s: u32,
    /// MiB a day that are kept of what strangers send and does not count.
    pub refused_mb: u32,
    /// The same of failed checks of senders with good conversions.
    pub refused_known_mb: u32,
    /// The same of listed and proven callers.
    pub refused_proven_mb: u32,
    /// MiB of postbacks that wait for one partner that is held.
    pub held_mb: u32,
    /// Hours that an erasure waits that nobody proved; 0: none.
    pub erasure_wait_h: u32,
}
