//! What a rule for a platform has beside its text: whose conversions it hears, the platform's word for an event, what
//! it needs, how old it may get, how a test is sent and how an answer is read.

use crate::domain::activity::ConversionStatus;
use crate::domain::identity::{Consent, Identity};
use crate::domain::postback::AnswerVerdict;
use serde::{Deserialize, Serialize};

/// Most entries of a map of events.
pub const MOST_WORDS: usize = 200;
/// Most alternatives of what a rule needs.
pub const MOST_NEEDS: usize = 20;
/// Most cases of an answer.
pub const MOST_CASES: usize = 50;
/// Oldest conversion that a rule can be told to send, hours (two years).
pub const MOST_AGE_H: u32 = 2 * 365 * 24;

/// Whose conversions a rule of a partner hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Credit {
    /// Those that are credited to the partner.
    #[default]
    Credited,
    /// All of the offer, whoever earned them: platforms judge by themselves. Clicks and impressions are not among
    /// them, and custom parameters are not appended to the URL: such a rule sends what it names.
    Any,
}

/// What a person has to have said of data for ad platforms (`ad_user_data`) for a rule to send anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentNeed {
    /// Nothing: what was said goes along where the platform has a word for it.
    #[default]
    Any,
    /// That they do not refuse: for platforms that have no word for it.
    NotDenied,
    /// That they allow it.
    Granted,
}

impl ConsentNeed {
    /// Whether something may be sent of a person.
    pub fn admits(self, identity: &Identity) -> bool {
        match self {
            Self::Any => true,
            Self::NotDenied => !identity.is_denied(),
            Self::Granted => identity.ad_user_data == Some(Consent::Granted),
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::NotDenied => "not_denied",
            Self::Granted => "granted",
        }
    }
}

/// What a platform calls one of our events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventWord {
    /// Token or name of the event; for activities that have none the name of their kind (`install`).
    pub event: String,
    /// Only when a conversion enters this status.
    #[serde(default)]
    pub status: Option<ConversionStatus>,
    /// The platform's word; `{event_word}`.
    pub word: String,
}

/// How a rule sends tests, and what is sent of test traffic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TestSwitch {
    /// `{test_code}` of tests; without data otherwise.
    pub code: String,
    /// Rule text that stands in for the rule's own when a test is sent, such as one that names a staging host; empty:
    /// the rule's own.
    pub text: String,
    /// Test traffic is not sent by itself: only a test send by an operator is.
    pub by_hand_only: bool,
}

/// What a status means that no case names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusReading {
    /// As for every postback: 2xx is delivered, all else is tried again.
    #[default]
    Postback,
    /// As platforms mean it: 2xx is delivered; 401, 403 and 404 stop; 408, 425, 429 and 5xx are tried again; other
    /// 4xx are refusals.
    Platform,
}

/// One case of an answer. Everything that is given has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerCase {
    /// Statuses: `200`, `4xx`; empty: any.
    #[serde(default)]
    pub status: Vec<String>,
    /// JSON pointer into the body (`/code`); empty: the body is not looked at.
    #[serde(default)]
    pub pointer: String,
    /// What stands there, as text, numbers and booleans too; empty: anything but null.
    #[serde(default)]
    pub values: Vec<String>,
    /// What stands there is a number of at least this.
    #[serde(default)]
    pub at_least: Option<i64>,
    /// What it means.
    pub verdict: AnswerVerdict,
}

/// Asking later what became of a request that was taken first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondLook {
    /// What is asked with GET and the rule's headers: a URL with `{answer./pointer}`, from the JSON of the first
    /// answer, and secrets.
    pub url: String,
    /// Seconds after the first answer, 1 to 86400; asked again along the schedule while it says to try again.
    pub after_s: u32,
    /// How the later answer is read: delivered is confirmed, give up is refused by the partner.
    #[serde(default)]
    pub answers: AnswerPolicy,
}

/// How answers are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerPolicy {
    /// What a status means that no case names.
    pub by_status: StatusReading,
    /// The first that holds decides.
    pub cases: Vec<AnswerCase>,
    /// JSON pointers to the receiver's own words; the first that leads to a text is shown.
    pub says: Vec<String>,
}
