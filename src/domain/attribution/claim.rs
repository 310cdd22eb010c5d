//! A network claims an install or reattribution after it was credited.

use super::{Engagement, Install, Lost, Return, install, reattribution, tier};
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

/// What is claimed, as it was decided then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// An install.
    Install(Install),
    /// The newest reattribution.
    Reattribution(Return),
}

/// What comes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimVerdict {
    /// The credit moves to the claimed engagement.
    Granted,
    /// The link has the credit already.
    Unchanged,
    /// It could not have had the credit then.
    Lost(Lost),
    /// The present credit goes first: a click before a view, the newer before the older.
    Weaker,
}

impl ClaimVerdict {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Unchanged => "unchanged",
            Self::Lost(lost) => lost.code(),
            Self::Weaker => "weaker_than_credit",
        }
    }
}

/// Judges a claim of an install or reattribution. The same rules decide as if the engagement had been known
/// then: for a reattribution another link than that of the install, an engagement after the app session before,
/// and inactivity (reference, 6.3).
pub fn judge_claim(claimed: &Engagement, current: Option<&Credit>, of: &Claimed) -> ClaimVerdict {
    let lost = match of {
        Claimed::Install(of) => install::ineligible(of, claimed).or_else(|| install::rejected(of, claimed)),
        Claimed::Reattribution(of) => reattribution::ineligible(of, claimed),
    };
    if let Some(lost) = lost {
        return ClaimVerdict::Lost(lost);
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
