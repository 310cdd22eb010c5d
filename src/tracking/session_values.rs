//! What the placeholders of a destination show: the values of the click as its rules would see them.

use crate::domain::activity::Activity;
use crate::domain::plan;
use crate::domain::rates::Rates;
use crate::domain::session::Session;
use crate::domain::template::{ActivityValues, Context, OfRule, Values, catalogue};
use crate::store::catalog::LinkEntry;

/// The values of one click.
pub struct ClickValues<'a> {
    activity: Activity,
    entry: &'a LinkEntry,
}

impl<'a> ClickValues<'a> {
    /// Of a click on a link.
    pub fn new(session: Session, entry: &'a LinkEntry) -> Self {
        Self {
            activity: plan::engagement(session),
            entry,
        }
    }

    /// The value of a placeholder by name, `dcp_<name>` included; `None` when there is no data.
    pub fn get(&self, name: &str) -> Option<String> {
        let context = Context {
            offer: Some(&self.entry.offer),
            partner: self.entry.partner.as_deref(),
            link: Some(&self.entry.link),
            now_ms: self.activity.at_ms,
            // Which zone the operator has is no business of a landing page.
            zone: "UTC",
            rates: Rates::NONE,
        };
        let values = ActivityValues {
            activity: &self.activity,
            context: &context,
            postback: None,
            random: 0,
            of_rule: OfRule::default(),
        };
        let value = match name.strip_prefix("dcp_") {
            Some(parameter) => values.parameter(parameter),
            None => values.value(catalogue::find(name)?),
        };
        value.map(std::borrow::Cow::into_owned)
    }
}
