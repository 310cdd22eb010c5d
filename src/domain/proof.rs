//! Proof links: a trace that a stranger may read for a while, and what of a value such a stranger sees.

use super::ids::TimeId;
use serde::{Deserialize, Serialize};

/// Longest life of a proof link, hours.
pub const MAX_HOURS: u32 = 30 * 24;
/// Life unless asked otherwise, hours.
pub const DEFAULT_HOURS: u32 = 7 * 24;

/// A proof link. The token of its address is stored as SHA-256 only, which is its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// SID, or the id of an activity without a session.
    pub subject: TimeId,
    /// Who made it.
    pub created_by: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub expires_at_ms: i64,
}

impl Proof {
    /// Whether it may still be read.
    pub fn is_good(&self, now_ms: i64) -> bool {
        now_ms < self.expires_at_ms
    }
}

/// A value of which only the ends are shown: enough to find it in one's own log, too little to use it. At most
/// half of the characters stay, and at most four at each end.
pub fn mask(value: &str) -> String {
    let characters: Vec<char> = value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let shown = (characters.len() / 4).min(4);
    let (head, tail) = (&characters[..shown], &characters[characters.len() - shown..]);
    if characters.is_empty() {
        return String::new();
    }
    format!(
        "{}…{}",
        head.iter().collect::<String>(),
        tail.iter().collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_ends_are_shown() {
        for (value, masked) in [
            ("", ""),
            ("a", "…"),
            ("abc", "…"),
            ("abcd", "a…d"),
            ("ORDER-20261", "OR…61"),
            ("0123456789abcdef0123", "0123…0123"),
            ("注文番号", "注…号"),
        ] {
            assert_eq!(mask(value), masked, "{value}");
        }
    }

    proptest! {
        #[test]
        fn at_least_half_is_hidden(value in ".{1,60}") {
            let shown = mask(&value).chars().count() - 1;
            prop_assert!(shown * 2 <= value.chars().count() && shown <= 8);
        }
    }
}
