//! Stopping an offer, a partner or a link: what its visitors get, and from when until when.
//!
//! Nothing that was recorded is touched: conversions of earlier clicks count and are told. What waits is never
//! cancelled; "hold postbacks" keeps it until the stop ends.

use serde::{Deserialize, Serialize};

/// Active or paused: offers and links share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// In use.
    #[default]
    Active,
    /// Stopped before a stop had a choice: answers 404 to clicks; conversions of earlier clicks still count.
    Paused,
}

/// What visitors of a stopped link get.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "show", deny_unknown_fields)]
pub enum StoppedVisitors {
    /// The destination as ever, without being counted and without a SID.
    #[default]
    Destination,
    /// Another page.
    Fallback {
        /// Its address, as it is.
        url: String,
    },
    /// A small page that says that there is nothing (404).
    Page,
}

/// A stop, in force or to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// From when, unix milliseconds; 0: from the save on.
    #[serde(default)]
    pub from_ms: i64,
    /// When it resumes by itself, unix milliseconds.
    #[serde(default)]
    pub until_ms: Option<i64>,
    /// What visitors get.
    #[serde(default)]
    pub visitors: StoppedVisitors,
    /// Its postbacks wait until the stop ends.
    #[serde(default)]
    pub hold_postbacks: bool,
}

impl Stop {
    /// Whether it is in force.
    pub fn is_in_force(&self, now_ms: i64) -> bool {
        self.from_ms <= now_ms && self.until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }
}

static PAGE: StoppedVisitors = StoppedVisitors::Page;

/// What visitors get instead, by the first of the levels that is stopped: offer, partner, link. What was paused
/// before stops had a choice shows the page.
pub fn decide<'a>(
    levels: impl IntoIterator<Item = (RunState, Option<&'a Stop>)>,
    now_ms: i64,
) -> Option<&'a StoppedVisitors> {
    levels.into_iter().find_map(|(state, stop)| {
        let in_force = stop.filter(|stop| stop.is_in_force(now_ms));
        let is_paused = state == RunState::Paused;
        in_force.map(|stop| &stop.visitors).or(is_paused.then_some(&PAGE))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use RunState::{Active, Paused};

    fn stop(from_ms: i64, until_ms: Option<i64>, visitors: StoppedVisitors) -> Stop {
        Stop {
            from_ms,
            until_ms,
            visitors,
            hold_postbacks: false,
        }
    }

    #[test]
    fn the_highest_stop_that_is_in_force_decides() {
        use StoppedVisitors::{Destination, Page};
        let fallback = StoppedVisitors::Fallback {
            url: "https://shop.example/ended".into(),
        };
        let (past, now, future) = (
            stop(1, Some(5), Page),
            stop(5, Some(9), fallback.clone()),
            stop(9, None, Page),
        );
        let plain = stop(1, None, Destination);
        for (levels, expected) in [
            ([(Active, None), (Active, None), (Active, None)], None),
            (
                [(Active, Some(&past)), (Active, Some(&future)), (Active, None)],
                None,
            ),
            (
                [(Active, Some(&now)), (Active, Some(&plain)), (Paused, None)],
                Some(&fallback),
            ),
            (
                [(Active, None), (Active, Some(&plain)), (Paused, None)],
                Some(&Destination),
            ),
            (
                [(Active, Some(&past)), (Active, None), (Paused, None)],
                Some(&Page),
            ),
            (
                [(Paused, None), (Active, Some(&plain)), (Active, None)],
                Some(&Page),
            ),
            (
                [(Paused, Some(&plain)), (Active, None), (Active, None)],
                Some(&Destination),
            ),
        ] {
            assert_eq!(decide(levels, 5), expected, "{levels:?}");
        }
    }

    #[test]
    fn stored_forms_stay() {
        let stop = stop(
            1_795_000_000_000,
            None,
            StoppedVisitors::Fallback {
                url: "https://shop.example/ended".into(),
            },
        );
        let json = r#"{"from_ms":1795000000000,"until_ms":null,"visitors":{"show":"fallback","url":"https://shop.example/ended"},"hold_postbacks":false}"#;
        assert_eq!(serde_json::to_string(&stop).unwrap(), json);
        assert_eq!(serde_json::from_str::<Stop>(json).unwrap(), stop);
        let least = serde_json::from_str::<Stop>("{}").unwrap();
        assert_eq!(least.visitors, StoppedVisitors::Destination);
    }
}
