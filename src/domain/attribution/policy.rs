//! The policy of an engagement without holes: link, then partner, then offer, then the defaults.

use crate::domain::offer::AttributionPolicy;

const HOUR_MS: i64 = 3_600_000;
/// Defaults of the app windows in hours.
const CLICK_H: u32 = 168;
const PROBABILISTIC_H: u32 = 6;
const IMPRESSION_H: u32 = 24;
const INACTIVITY_H: u32 = 168;
const REATTRIBUTION_H: u32 = 168;

/// Windows and limits in force for one engagement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Click matched by an id, milliseconds.
    pub click_ms: i64,
    /// Click matched by address and device, milliseconds.
    pub click_probabilistic_ms: i64,
    /// Impression matched by an id, milliseconds.
    pub impression_ms: i64,
    /// Impression matched by address and device, milliseconds.
    pub impression_probabilistic_ms: i64,
    /// Whether probabilistic matches count at all.
    pub is_probabilistic: bool,
    /// Time without an app session before a reattribution, milliseconds.
    pub inactivity_ms: i64,
    /// Click to reattributing session, milliseconds.
    pub reattribution_ms: i64,
    /// Click to install at least, milliseconds; 0 is off.
    pub floor_ms: i64,
    /// Engagements of one device with one link at most; 0 is off.
    pub max_engagements: u32,
    /// How long the credit lasts, milliseconds; 0 is for ever.
    pub temporary_ms: i64,
    /// A temporary credit falls back to organic, not to the credit before it.
    pub is_temporary_to_organic: bool,
}

impl Windows {
    /// The first of the layers that sets a value decides it: give them nearest first (link, partner, offer).
    pub fn resolve<'p>(layers: impl IntoIterator<Item = &'p AttributionPolicy> + Clone) -> Self {
        let hours = |read: fn(&AttributionPolicy) -> Option<u32>, default: u32| {
            let set = layers.clone().into_iter().find_map(read);
            i64::from(set.unwrap_or(default)) * HOUR_MS
        };
        let first = |read: fn(&AttributionPolicy) -> Option<u32>| layers.clone().into_iter().find_map(read);
        Self {
            click_ms: hours(|p| p.click_window_h, CLICK_H),
            click_probabilistic_ms: hours(|p| p.click_probabilistic_window_h, PROBABILISTIC_H),
            impression_ms: hours(|p| p.impression_window_h, IMPRESSION_H),
            impression_probabilistic_ms: hours(|p| p.impression_probabilistic_window_h, PROBABILISTIC_H),
            is_probabilistic: layers
                .clone()
                .into_iter()
                .find_map(|p| p.probabilistic)
                .unwrap_or(true),
            inactivity_ms: hours(|p| p.inactivity_h, INACTIVITY_H),
            reattribution_ms: hours(|p| p.reattribution_window_h, REATTRIBUTION_H),
            floor_ms: i64::from(first(|p| p.click_to_install_floor_s).unwrap_or(0)) * 1000,
            max_engagements: first(|p| p.max_engagements).unwrap_or(0),
            temporary_ms: hours(|p| p.temporary_credit_h, 0),
            is_temporary_to_organic: layers
                .into_iter()
                .find_map(|p| p.temporary_to_organic)
                .unwrap_or(false),
        }
    }

    /// How far back an install can be credited at most.
    pub fn longest_ms(&self) -> i64 {
        [
            self.click_ms,
            self.click_probabilistic_ms,
            self.impression_ms,
            self.impression_probabilistic_ms,
            self.reattribution_ms,
        ]
        .into_iter()
        .max()
        .unwrap_or(0)
    }
}

impl Default for Windows {
    /// The defaults of the specification.
    fn default() -> Self {
        Self::resolve([])
    }
}
