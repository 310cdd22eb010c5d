//! What a rule adds to the values of an activity.

use crate::domain::ids::PartnerId;

/// What a rule adds to the values of an activity.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfRule<'a> {
    /// The platform's word for the event; empty without one.
    pub event_word: &'a str,
    /// The partner that is told: another partner's words are none of its own. `None`: the credited one's count.
    pub partner: Option<&'a PartnerId>,
    /// The platform's code of tests; empty without one.
    pub test_code: &'a str,
    /// A test send by an operator.
    pub is_test: bool,
    /// Custom parameters are not appended: a platform takes what the rule names, and nothing of its callers' own.
    pub is_for_platform: bool,
}
