//! Where runs lie among the keys of their family.

use super::run::Run;
use std::sync::Arc;

/// A run and where its keys lie, side by side, so that a search passes over a thousand runs without touching them.
pub(super) struct Placed {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) run: Arc<Run>,
}

impl Placed {
    pub(super) fn new(family: u8, run: Run) -> Self {
        Self {
            first: place(family, &run.header.first),
            last: place(family, &run.header.last),
            run: Arc::new(run),
        }
    }
}

/// Where a key lies among those of a family: what follows the family's byte, as far as it fits. Of two keys the
/// first has no later place.
pub(super) fn place(family: u8, key: &[u8]) -> u64 {
    match key.split_first() {
        Some((byte, rest)) if *byte == family => {
            let mut bytes = [0; 8];
            let len = rest.len().min(8);
            bytes[..len].copy_from_slice(&rest[..len]);
            u64::from_be_bytes(bytes)
        }
        Some((byte, _)) if *byte > family => u64::MAX,
        _ => 0,
    }
}
