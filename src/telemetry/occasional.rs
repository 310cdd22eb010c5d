//! Log lines that strangers can cause: each kind at most once in ten seconds, with how many were left out.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(10);

/// When a kind of line was last written, and how many were left out since.
struct Kind {
    at: Instant,
    left_out: u64,
}

/// Lines by their code: a small closed set.
static KINDS: Mutex<Option<HashMap<&'static str, Kind>>> = Mutex::new(None);

/// Whether a line with this code may be written now: how many like it were left out since the last one.
pub fn occasionally(code: &'static str) -> Option<u64> {
    may(&mut KINDS.lock(), code, Instant::now())
}

fn may(kinds: &mut Option<HashMap<&'static str, Kind>>, code: &'static str, now: Instant) -> Option<u64> {
    let kinds = kinds.get_or_insert_default();
    match kinds.get_mut(code) {
        Some(kind) if now.saturating_duration_since(kind.at) < EVERY => {
            kind.left_out += 1;
            None
        }
        Some(kind) => {
            kind.at = now;
            Some(std::mem::take(&mut kind.left_out))
        }
        None => {
            kinds.insert(code, Kind { at: now, left_out: 0 });
            Some(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_line_is_written_once_in_a_while_and_the_others_counted() {
        let (mut kinds, now) = (None, Instant::now());
        assert_eq!(may(&mut kinds, "disk_full", now), Some(0));
        for _ in 0..6_043 {
            assert_eq!(may(&mut kinds, "disk_full", now + EVERY / 2), None);
        }
        assert_eq!(may(&mut kinds, "busy", now + EVERY / 2), Some(0));
        assert_eq!(may(&mut kinds, "disk_full", now + EVERY), Some(6_043));
        assert_eq!(may(&mut kinds, "disk_full", now + EVERY * 2), Some(0));
    }
}
