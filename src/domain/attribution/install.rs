//! The credit of an install.

use super::{Decision, Engagement, Lost, Rejection, award, flooding, is_foreign, ordered};
use crate::domain::activity::MatchType;

/// What is known of the install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Install {
    /// First open, unix milliseconds.
    pub at_ms: i64,
    /// Begin of the download, where the store told it (Android).
    pub download_at_ms: Option<i64>,
    /// The device is of the sandbox.
    pub is_test: bool,
    /// What is wrong with the device or the request as a whole: no engagement can have the credit.
    pub rejection: Option<Rejection>,
}

/// Decides who earned an install.
pub fn decide_install(install: &Install, engagements: Vec<Engagement>) -> Decision {
    let engagements = ordered(engagements);
    let flooding = flooding(&engagements, install.at_ms, install.is_test);
    award(engagements, |engagement| {
        ineligible(install, engagement).or_else(|| {
            let rejection = install.rejection.or_else(|| {
                if flooding.contains(&engagement.link) {
                    Some(Rejection::TooManyEngagements)
                } else {
                    implausible(install, engagement)
                }
            });
            rejection.map(Lost::Rejected)
        })
    })
}

/// What is wrong with the device, or with an engagement so near to the install.
pub(super) fn rejected(install: &Install, engagement: &Engagement) -> Option<Lost> {
    let rejection = install.rejection.or_else(|| implausible(install, engagement));
    rejection.map(Lost::Rejected)
}

/// Why an engagement cannot have the credit, whatever else there is.
pub(super) fn ineligible(install: &Install, engagement: &Engagement) -> Option<Lost> {
    let windows = &engagement.windows;
    let is_probabilistic = engagement.matched_by == MatchType::Probabilistic;
    let window_ms = match (engagement.is_view, is_probabilistic) {
        (false, false) => windows.click_ms,
        (false, true) => windows.click_probabilistic_ms,
        (true, false) => windows.impression_ms,
        (true, true) => windows.impression_probabilistic_ms,
    };
    if engagement.is_automated {
        Some(Lost::Automated)
    } else if is_foreign(engagement, install.is_test) {
        Some(Lost::Sandbox)
    } else if is_probabilistic && !windows.is_probabilistic {
        Some(Lost::NotProbabilistic)
    } else if engagement.at_ms > install.at_ms {
        Some(Lost::AfterActivity)
    } else if install.at_ms - engagement.at_ms > window_ms {
        Some(Lost::OutsideWindow)
    } else {
        None
    }
}

fn implausible(install: &Install, engagement: &Engagement) -> Option<Rejection> {
    if engagement.is_view {
        None
    } else if install
        .download_at_ms
        .is_some_and(|began| engagement.at_ms > began)
    {
        Some(Rejection::EngagementInjection)
    } else if install.at_ms - engagement.at_ms < engagement.windows.floor_ms {
        Some(Rejection::DistributionOutlier)
    } else {
        None
    }
}
