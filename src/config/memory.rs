//! Sizes for the memory that there is: the defaults suit a machine of two gigabytes and more, and what nobody
//! set becomes smaller on a smaller one.

use super::{Effective, Origin};

/// Part of the memory for the store's caches: open periods have as much again and more.
const CACHE_PART: u64 = 16;
/// Part of the memory for clicks that wait while the store is down.
const SPOOL_PART: u64 = 8;
/// What a waiting click takes, with long parameters.
const CLICK_BYTES: u64 = 4096;
/// The smallest cache that the setting takes, MiB.
const LEAST_CACHE_MB: u32 = 8;

impl Effective {
    /// Makes default sizes fit into so many bytes; what an operator set stays. Gives the keys that changed.
    pub fn fit(&mut self, memory_bytes: u64) -> Vec<&'static str> {
        let cache_mb = small((memory_bytes / CACHE_PART) >> 20).max(LEAST_CACHE_MB);
        let spool = small(memory_bytes / SPOOL_PART / CLICK_BYTES);
        let mut changed = Vec::new();
        for setting in &mut self.settings {
            let (value, most) = match setting.key {
                "store.cache_mb" => (&mut self.config.store.cache_mb, cache_mb),
                "limits.spool_clicks" => (&mut self.config.limits.spool_clicks, spool),
                _ => continue,
            };
            if setting.origin == Origin::Default && *value > most {
                *value = most;
                setting.value = most.into();
                setting.origin = Origin::Memory(memory_bytes);
                changed.push(setting.key);
            }
        }
        changed
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
