//! What a partner calls statuses and events.

use super::ActivityValues;
use super::written::{Text, lent};
use crate::domain::partner::Wording;

impl<'a> ActivityValues<'a> {
    /// The words of the partner that is told. A platform that hears conversions of others hears none of their words.
    fn wording(&self) -> Option<&'a Wording> {
        let partner = self.context.partner?;
        let is_told = self.of_rule.partner.is_none_or(|told| *told == partner.id);
        is_told.then_some(&partner.wording)
    }

    /// The status in the partner's own word.
    pub(super) fn partner_status(&self) -> Text<'a> {
        let status = self.activity.status?;
        let word = self.wording().and_then(|own| own.statuses.get(&status));
        lent(word.map_or(status.as_str(), String::as_str))
    }

    /// The event in the partner's own word.
    pub(super) fn partner_event(&self) -> Text<'a> {
        let token = self.activity.event.as_ref()?;
        let word = self.wording().and_then(|own| own.events.get(token));
        let name = || self.event().map(|event| event.name.as_str());
        word.map(String::as_str).or_else(name).and_then(lent)
    }
}
