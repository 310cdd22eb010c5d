//! Templates and conditions: parsed once, rendered many times. One syntax for every text that holds
//! placeholders, one catalogue of names, one way to say what is wrong with a text.
//!
//! It must not know which rule fires for what: that is [`super::plan`].

mod body;
pub mod catalogue;
mod click_id;
mod compiled;
mod condition;
mod credentials;
mod derived;
mod destination;
mod escape;
mod finding;
mod foreign;
mod form;
mod header;
pub mod hole;
mod look;
mod pairs;
mod parts;
mod rule_text;
pub mod sample;
#[cfg(test)]
mod tests;
mod url;
mod url_check;
mod values;

pub use self::compiled::{CheckContext, CompiledRule, check, compile};
pub use self::condition::{Condition, Evaluation, Operator};
pub use self::credentials::without_credentials;
pub use self::destination::check_destination;
pub use self::finding::{Finding, Severity};
pub use self::form::token_form;
pub use self::header::is_reserved_header;
pub use self::look::look_url;
pub use self::parts::{Candidate, Computed, Field, Function, Part, Values};
pub use self::rule_text::{Entry, MAX_ENTRIES, MAX_TEXT, Parsed, RuleText, url_of};
pub use self::url::{MAX_BODY, MAX_URL, Unrenderable, UrlTemplate};
pub use self::values::{ActivityValues, Context, OfRule};
