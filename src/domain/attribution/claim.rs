//! A network claims an install or reattribution after it was credited.

use super::{Engagement, tier};
use crate::domain::activity::MatchType;
use crate::domain::ids::LinkToken;
use std::cmp::Reverse;

/// Who has the credit now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// Link of the engagement.
    pub link: LinkToken,
    /// An impression.
    pub is_view: bool,
    /// How it matched.
    pub matched_by: MatchType,
    /// When it happened, unix milliseconds.
    pub at_ms: i64,
}

/// What comes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimVerdict {
    /// The credit moves to the claimed engagement.
    Granted,
    /// The link has the credit already.
    Unchanged,
    /// It happened after what it claims.
    AfterActivity,
    /// Too long before.
    OutsideWindow,
    /// The present credit goes first: a click before a view, the newer before the older.
    Weaker,
}

impl ClaimVerdict {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Unchanged => "unchanged",
            Self::AfterActivity => "after_activity",
            Self::OutsideWindow => "outside_window",
            Self::Weaker => "weaker_than_credit",
        }
    }
}

/// Judges a claim of an install or reattribution (`is_reattribution`) that happened at `at_ms`. The same
/// rules decide as if the engagement had been known then.
pub fn judge_claim(
    claimed: &Engagement,
    current: Option<&Credit>,
    at_ms: i64,
    is_reattribution: bool,
) -> ClaimVerdict {
    let windows = &claimed.windows;
    let window_ms = match (claimed.is_view, is_reattribution) {
        (false, false) => windows.click_ms,
        (false, true) => windows.reattribution_ms,
        (true, _) => windows.impression_ms,
    };
    if claimed.at_ms > at_ms {
        return ClaimVerdict::AfterActivity;
    }
    if at_ms - claimed.at_ms > window_ms {
        return ClaimVerdict::OutsideWindow;
    }
    let Some(current) = current else {
        return ClaimVerdict::Granted;
    };
    if current.link == claimed.link {
        return ClaimVerdict::Unchanged;
    }
    let is_probabilistic = current.matched_by == MatchType::Probabilistic;
    let of_current = (
        u8::from(current.is_view) * 2 + u8::from(is_probabilistic),
        Reverse(current.at_ms),
    );
    if (tier(claimed), Reverse(claimed.at_ms)) < of_current {
        ClaimVerdict::Granted
    } else {
        ClaimVerdict::Weaker
    }
}
