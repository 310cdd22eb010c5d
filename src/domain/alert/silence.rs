//! When nothing comes in any more (クリック・成果の途絶). Quiet hours are no silence: it is told only where the same hours
//! of the last two weeks each had some.

use super::{AlertKey, AlertKind, Detail, Judgement};

/// What the same hours of a week had, for its absence to be told.
const FEWEST_USUAL: i64 = 3;

/// What does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silent {
    /// Clicks.
    Clicks,
    /// Conversions.
    Conversions,
}

/// What came in during the last hours, and in the same hours of the weeks before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilenceFact {
    /// Of what.
    pub what: Silent,
    /// Id of the offer; empty: of all.
    pub offer: String,
    /// Its name.
    pub name: String,
    /// Hours that are looked at.
    pub hours: u16,
    /// In these hours.
    pub now: i64,
    /// In the same hours a week and two weeks ago.
    pub usual: [i64; 2],
}

impl SilenceFact {
    /// Whether it is so.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.now == 0 && self.usual.iter().all(|usual| *usual >= FEWEST_USUAL)
    }

    /// What an alert about it is known by.
    pub(super) fn key(&self) -> AlertKey {
        AlertKey {
            kind: match self.what {
                Silent::Clicks => AlertKind::NoClicks,
                Silent::Conversions => AlertKind::NoConversions,
            },
            subject: self.offer.clone(),
        }
    }

    pub(super) fn judge(&self) -> (AlertKey, Judgement) {
        let judgement = if self.now > 0 {
            Judgement::Well
        } else if self.is_silent() {
            Judgement::Wrong(Detail::Silence {
                offer: self.name.clone(),
                hours: self.hours,
                usual: self.usual,
            })
        } else {
            Judgement::Unclear
        };
        (self.key(), judgement)
    }
}

/// Of offers nothing is said while all is silent: that is one thing, not many.
#[must_use]
pub fn worth_saying(facts: &[SilenceFact]) -> Vec<&SilenceFact> {
    let all_silent = |what| {
        let mut of_all = facts
            .iter()
            .filter(|fact| fact.offer.is_empty() && fact.what == what);
        of_all.any(SilenceFact::is_silent)
    };
    facts
        .iter()
        .filter(|fact| fact.offer.is_empty() || !all_silent(fact.what))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(offer: &str, now: i64, usual: [i64; 2]) -> SilenceFact {
        SilenceFact {
            what: Silent::Clicks,
            offer: offer.into(),
            name: offer.into(),
            hours: 3,
            now,
            usual,
        }
    }

    #[test]
    fn only_hours_that_had_some_in_both_weeks_are_silent() {
        for (now, usual, expected) in [
            (0, [3, 9], "wrong"),
            (0, [2, 9], "unclear"),
            (0, [9, 0], "unclear"),
            (0, [0, 0], "unclear"),
            (1, [9, 9], "well"),
        ] {
            let said = match fact("", now, usual).judge().1 {
                Judgement::Wrong(_) => "wrong",
                Judgement::Well => "well",
                Judgement::Unclear => "unclear",
            };
            assert_eq!(said, expected, "{now} {usual:?}");
        }
    }

    #[test]
    fn offers_are_named_only_while_others_have_some() {
        let offer = fact("offer1", 0, [5, 5]);
        let all = |now| [fact("", now, [9, 9]), offer.clone()];
        assert_eq!(worth_saying(&all(0)).len(), 1);
        assert_eq!(worth_saying(&all(4)).len(), 2);
    }
}
