//! The credit of a user who comes back.

use super::{Decision, Engagement, Lost, Rejection, award, flooding, is_foreign, ordered};
use crate::domain::activity::MatchType;
use crate::domain::ids::LinkToken;

/// An app session of a device that was installed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// When the app was opened, unix milliseconds.
    pub at_ms: i64,
    /// The app session before, unix milliseconds.
    pub last_session_at_ms: i64,
    /// The link that has the credit of the install; `None`: organic.
    pub install_link: Option<LinkToken>,
    /// The device is of the sandbox.
    pub is_test: bool,
    /// What is wrong with the device or the request as a whole.
    pub rejection: Option<Rejection>,
}

/// Decides whether an engagement brought the user back. Without a winner the session is an ordinary one.
pub fn decide_reattribution(back: &Return, engagements: Vec<Engagement>) -> Decision {
    let engagements = ordered(engagements);
    let flooding = flooding(&engagements, back.at_ms, back.is_test);
    award(engagements, |engagement| {
        ineligible(back, engagement).or_else(|| {
            let is_flood = flooding.contains(&engagement.link);
            let rejection = back
                .rejection
                .or(is_flood.then_some(Rejection::TooManyEngagements));
            rejection.map(Lost::Rejected)
        })
    })
}

/// Why an engagement cannot have the credit, whatever else there is.
pub(super) fn ineligible(back: &Return, engagement: &Engagement) -> Option<Lost> {
    let windows = &engagement.windows;
    // An impression has its own, shorter window here too.
    let window_ms = if engagement.is_view {
        windows.impression_ms.min(windows.reattribution_ms)
    } else {
        windows.reattribution_ms
    };
    if engagement.is_automated {
        Some(Lost::Automated)
    } else if is_foreign(engagement, back.is_test) {
        Some(Lost::Sandbox)
    } else if engagement.matched_by == MatchType::Probabilistic {
        Some(Lost::NotProbabilistic)
    } else if engagement.no_reattribution {
        Some(Lost::NoReattribution)
    } else if back.install_link.as_ref() == Some(&engagement.link) {
        Some(Lost::SameLink)
    } else if engagement.at_ms > back.at_ms {
        Some(Lost::AfterActivity)
    } else if engagement.at_ms <= back.last_session_at_ms {
        Some(Lost::BeforeLastSession)
    } else if back.at_ms - engagement.at_ms > window_ms {
        Some(Lost::OutsideWindow)
    } else if back.at_ms - back.last_session_at_ms < windows.inactivity_ms {
        Some(Lost::NotInactive)
    } else {
        None
    }
}
