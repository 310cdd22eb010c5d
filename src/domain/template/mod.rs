//! Templates and conditions: parsed once, rendered many times. One syntax for every text that holds
//! placeholders, one catalogue of names, one way to say what is wrong with a text.
//!
//! It must not know which rule fires for what: that is [`super::plan`].

mod body;
pub mod catalogue;
mod compiled;
mod condition;
mod derived;
mod finding;
mod parts;
mod rule_text;
pub mod sample;
#[cfg(test)]
mod tests;
mod text;
mod url;
mod url_check;
mod values;

pub use self::body::is_reserved_header;
pub(crate) use self::compiled::render_get;
pub use self::compiled::{CheckContext, CompiledRule, check, compile};
pub use self::condition::{Condition, Evaluation, Operator};
pub use self::finding::{Finding, Severity};
pub use self::parts::{Candidate, Field, Part, Values};
pub use self::rule_text::{Entry, MAX_ENTRIES, MAX_TEXT, Parsed, RuleText};
pub use self::text::TextTemplate;
pub use self::url::{MAX_BODY, MAX_URL, Unrenderable, UrlTemplate};
pub use self::values::{ActivityValues, Context};
