//! Who earned an app activity: engagements and a policy in, the credit and the reasons out.
//!
//! The order for an install: click by SID, reftag or device id; click by probabilistic match; impression by
//! id; impression by probabilistic match; nobody (organic). A click beats every view, however recent; among
//! equals the newest wins; at the same moment the referrer wins over the device id. An engagement that is
//! first in that order but fails a fraud filter is rejected, and the credit passes to the next one.
//!
//! Everything here is pure: engagements come in any order, the answer does not depend on it. It must not
//! know how engagements are found or stored.
//!
//! 2026-11-21, decisions:
//!
//! * `too_many_engagements` is judged per link: a link that floods a device loses its own credit, not that of
//!   the link that the person really followed.
//! * A reattribution needs an engagement after the last app session: an older one already had its chance.
//!   SID and reftag count besides device ids (an app that was opened by a deep link reports them);
//!   probabilistic matches never do.
//! * A click-to-install floor and the begin of the download mean nothing when the app was installed before,
//!   so a reattribution knows neither `distribution_outlier` nor `engagement_injection`.
//! * 2026-11-27: a claim of a reattribution is judged by the rules of reattributions, inactivity too, with the windows
//!   of the claimed link.
//! * 2026-11-27: an engagement of the sandbox is none for a device of production (`sandbox`).

mod claim;
mod install;
mod policy;
mod reattribution;

pub use claim::{ClaimVerdict, Claimed, Credit, judge_claim};
pub use install::{Install, decide_install};
pub use policy::Windows;
pub use reattribution::{Return, decide_reattribution};

use super::activity::{Candidate, MatchType};
use super::ids::{LinkToken, SessionId};
use std::cmp::Ordering;
use strum::VariantArray;

/// A click or impression that matched, with the windows of its link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engagement {
    /// Its SID; the time of the engagement is in it.
    pub id: SessionId,
    /// When it happened, unix milliseconds: that of the SID, except for claimed ones.
    pub at_ms: i64,
    /// Seen, not clicked.
    pub is_view: bool,
    /// Its link.
    pub link: LinkToken,
    /// How it matched.
    pub matched_by: MatchType,
    /// Bot or prefetch, and the offer does not count those.
    pub is_automated: bool,
    /// Of the sandbox, or a test click.
    pub is_test: bool,
    /// `rt=0`.
    pub no_reattribution: bool,
    /// Of its link, else the partner, else the offer.
    pub windows: Windows,
}

/// Why an engagement was refused the credit; the value of `{rejection_reason}`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Rejection {
    /// The device calls from a network that the operator listed (data centre, VPN, Tor).
    AnonymousTraffic,
    /// The device engaged with the link more often than the policy allows.
    TooManyEngagements,
    /// The install came sooner after the click than a person can make it.
    DistributionOutlier,
    /// The click came after the download began.
    EngagementInjection,
    /// The signature of the request is wrong.
    IncorrectSignature,
    /// An advertising id has a wrong form.
    MalformedAdvertisingId,
}

impl Rejection {
    /// Every reason.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Stable code.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Why an engagement has no credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Eligible, and another of its kind is newer.
    OlderThanWinner,
    /// Eligible, and another matched in a way that goes first.
    WeakerThanWinner,
    /// Too long before.
    OutsideWindow,
    /// It happened after the activity.
    AfterActivity,
    /// A bot or a prefetch.
    Automated,
    /// Of the sandbox or a test click, and the device is in production.
    Sandbox,
    /// Probabilistic matching is switched off, or does not count here.
    NotProbabilistic,
    /// Of the link that already has the credit of the install.
    SameLink,
    /// `rt=0`.
    NoReattribution,
    /// The device was active too short a time before.
    NotInactive,
    /// Not newer than the last app session.
    BeforeLastSession,
    /// A fraud filter.
    Rejected(Rejection),
}

impl Lost {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::OlderThanWinner => "older_than_winner",
            Self::WeakerThanWinner => "weaker_than_winner",
            Self::OutsideWindow => "outside_window",
            Self::AfterActivity => "after_activity",
            Self::Automated => "bot",
            Self::Sandbox => "sandbox",
            Self::NotProbabilistic => "not_probabilistic",
            Self::SameLink => "same_link",
            Self::NoReattribution => "no_reattribution",
            Self::NotInactive => "not_inactive",
            Self::BeforeLastSession => "before_last_session",
            Self::Rejected(rejection) => rejection.code(),
        }
    }
}

/// What became of one engagement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The engagement.
    pub engagement: Engagement,
    /// `None`: it has the credit.
    pub lost: Option<Lost>,
}

impl Judged {
    /// As it is kept on the activity.
    pub fn candidate(&self) -> Candidate {
        Candidate {
            session: self.engagement.id,
            matched_by: self.engagement.matched_by,
            is_winner: self.lost.is_none(),
            lost_because: self.lost.map(|lost| lost.code().to_owned()),
        }
    }
}

/// The credit, with every engagement that was looked at, strongest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Strongest first.
    pub judged: Vec<Judged>,
}

impl Decision {
    /// Who has the credit; `None`: nobody.
    pub fn winner(&self) -> Option<&Engagement> {
        self.judged
            .iter()
            .find(|j| j.lost.is_none())
            .map(|j| &j.engagement)
    }

    /// The strongest engagement that was rejected; the only one that the world is told of.
    pub fn rejected(&self) -> Option<(&Engagement, Rejection)> {
        self.judged.iter().find_map(|j| match j.lost {
            Some(Lost::Rejected(rejection)) => Some((&j.engagement, rejection)),
            _ => None,
        })
    }
}

/// Which kind of match goes first: smaller is stronger.
fn tier(engagement: &Engagement) -> u8 {
    let is_probabilistic = engagement.matched_by == MatchType::Probabilistic;
    u8::from(engagement.is_view) * 2 + u8::from(is_probabilistic)
}

/// At the same moment: what the store or the link handed over, then the device id, then the rest.
fn directness(matched: MatchType) -> u8 {
    match matched {
        MatchType::Reftag | MatchType::Sid => 0,
        MatchType::DeviceTag => 1,
        MatchType::Claim | MatchType::PartnerClickId | MatchType::Visitor => 2,
        MatchType::Probabilistic | MatchType::Organic => 3,
    }
}

/// Strongest first; the SID makes the order total.
fn strongest_first(a: &Engagement, b: &Engagement) -> Ordering {
    tier(a)
        .cmp(&tier(b))
        .then(b.at_ms.cmp(&a.at_ms))
        .then(directness(a.matched_by).cmp(&directness(b.matched_by)))
        .then(b.id.cmp(&a.id))
}

/// Puts engagements in order and drops an engagement that matched in several ways but for its strongest.
fn ordered(mut engagements: Vec<Engagement>) -> Vec<Engagement> {
    engagements.sort_by(strongest_first);
    let mut seen = std::collections::HashSet::new();
    engagements.retain(|engagement| seen.insert(engagement.id));
    engagements
}

/// Gives the credit to the first of [`ordered`] engagements that `judge` holds nothing against; the eligible
/// ones behind it lost to it.
fn award(engagements: Vec<Engagement>, judge: impl Fn(&Engagement) -> Option<Lost>) -> Decision {
    let mut winner: Option<u8> = None;
    let judged = engagements
        .into_iter()
        .map(|engagement| {
            let own = judge(&engagement);
            let lost = match (own, winner) {
                (Some(lost), _) => Some(lost),
                (None, None) => {
                    winner = Some(tier(&engagement));
                    None
                }
                (None, Some(of_winner)) if of_winner == tier(&engagement) => Some(Lost::OlderThanWinner),
                (None, Some(_)) => Some(Lost::WeakerThanWinner),
            };
            Judged { engagement, lost }
        })
        .collect();
    Decision { judged }
}

/// Whether an engagement is out of the question for a device of an environment. A test earns nothing in production; a
/// click of production may be tried out with a device of the sandbox.
fn is_foreign(engagement: &Engagement, is_test: bool) -> bool {
    engagement.is_test && !is_test
}

/// How many engagements each link had with the device by an id, within the windows of the engagements. Each
/// must be there once, however many ids it matched by ([`ordered`]).
fn floods(
    engagements: &[Engagement],
    at_ms: i64,
    is_test: bool,
) -> std::collections::HashMap<&LinkToken, u32> {
    let mut counts = std::collections::HashMap::new();
    for engagement in engagements {
        let is_counted = !is_foreign(engagement, is_test)
            && engagement.matched_by != MatchType::Probabilistic
            && engagement.at_ms <= at_ms
            && at_ms - engagement.at_ms <= engagement.windows.click_ms;
        if is_counted {
            *counts.entry(&engagement.link).or_insert(0) += 1;
        }
    }
    counts
}

/// The links that engaged with the device more often than their policy allows.
fn flooding(engagements: &[Engagement], at_ms: i64, is_test: bool) -> std::collections::HashSet<LinkToken> {
    let counts = floods(engagements, at_ms, is_test);
    engagements
        .iter()
        .filter(|e| {
            let most = e.windows.max_engagements;
            most > 0 && counts.get(&e.link).is_some_and(|count| *count > most)
        })
        .map(|e| e.link.clone())
        .collect()
}

#[cfg(test)]
mod tests;
