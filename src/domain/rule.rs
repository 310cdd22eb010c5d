//! Rules: when (kinds, event, status, partner), condition, URL template. The text of a rule is parsed by
//! [`super::template`]; here is what an operator saves.
//!
//! * 2026-11-27: the parts of a rule refuse fields that they do not know, since a misspelt `offer` would make a
//!   rule fire for all offers. They are stored in the same form, so a new field in one of them is a new schema.

use super::activity::{ActivityKind, ConversionStatus};
use super::ids::{EventToken, OfferId, PartnerId, RuleId};
use super::postback::Method;
use serde::{Deserialize, Serialize};

/// Whom a rule speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "type", deny_unknown_fields)]
pub enum RuleScope {
    /// Every activity of the offer, in addition to all other rules ("global"): the advertiser's own server.
    Offer {
        /// The offer.
        offer: OfferId,
    },
    /// Activities credited to the partner.
    Partner {
        /// The partner.
        partner: PartnerId,
        /// Only for this offer.
        #[serde(default)]
        offer: Option<OfferId>,
    },
}

/// What a placeholder without data becomes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "policy", try_from = "NoDataForm")]
pub enum NoData {
    /// The value is empty and the pair stays.
    #[default]
    Empty,
    /// A query or form pair whose placeholders are all empty goes; a JSON field is omitted.
    Drop,
    /// A fixed word stands in.
    Word {
        /// The word, encoded like any value.
        word: String,
    },
}

/// [`NoData`] as it is written: serde lets a variant without fields pass whatever stands beside its tag.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoDataForm {
    policy: Policy,
    word: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Policy {
    Empty,
    Drop,
    Word,
}

impl TryFrom<NoDataForm> for NoData {
    type Error = &'static str;

    fn try_from(form: NoDataForm) -> Result<Self, Self::Error> {
        match (form.policy, form.word) {
            (Policy::Empty, None) => Ok(Self::Empty),
            (Policy::Drop, None) => Ok(Self::Drop),
            (Policy::Word, Some(word)) => Ok(Self::Word { word }),
            (Policy::Word, None) => Err("missing field `word`: policy `word` needs the word that stands in"),
            (Policy::Empty | Policy::Drop, Some(_)) => {
                Err("unknown field `word`: only policy `word` takes one")
            }
        }
    }
}

/// Body of a POST rule; the fields are templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "type", deny_unknown_fields)]
pub enum RuleBody {
    /// `application/x-www-form-urlencoded`: a template such as `id={sid}&amount=##AMOUNT##`.
    Form {
        /// Template of the whole body.
        template: String,
    },
    /// `application/json`: a JSON document with placeholders inside its strings or in place of values.
    Json {
        /// Template of the whole body.
        template: String,
    },
}

/// An extra header; the value is a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleHeader {
    /// Header name.
    pub name: String,
    /// Template; values that hold CR, LF or NUL make the postback unrenderable.
    pub value: String,
}

/// A saved rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Rule {
    /// Never changes.
    pub id: RuleId,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// Off: kept, never fires.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whom it speaks for.
    pub scope: RuleScope,
    /// Kinds that it fires for; empty means all kinds.
    #[serde(default)]
    pub kinds: Vec<ActivityKind>,
    /// Only for this event.
    #[serde(default)]
    pub event: Option<EventToken>,
    /// Fires when a conversion enters one of these; empty means on its first occurrence and every change.
    #[serde(default)]
    pub statuses: Vec<ConversionStatus>,
    /// Entries separated by white space: `URL` or `operator,LEFT,VALUE,URL`.
    pub text: String,
    /// GET unless set.
    #[serde(default)]
    pub method: Method,
    /// Body of a POST.
    #[serde(default)]
    pub body: Option<RuleBody>,
    /// Extra headers.
    #[serde(default)]
    pub headers: Vec<RuleHeader>,
    /// What empty placeholders become.
    #[serde(default)]
    pub no_data: NoData,
    /// Signing secret (`whsec_...`); requests are signed when set. Never shown after saving.
    #[serde(default)]
    pub signing_secret: Option<String>,
    /// Also fires for bots and prefetches (off by default).
    #[serde(default)]
    pub include_bots: bool,
    /// Unix milliseconds of the last save.
    #[serde(default)]
    pub updated_at_ms: i64,
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_part_of_a_rule_takes_a_field_that_it_does_not_know() {
        let scope = json!({"type": "partner", "partner": "part1", "ofer": "offer1"});
        let error = serde_json::from_value::<RuleScope>(scope)
            .unwrap_err()
            .to_string();
        assert!(error.contains("ofer"), "{error}");
        let body = json!({"type": "form", "template": "a=b", "x": 1});
        let error = serde_json::from_value::<RuleBody>(body).unwrap_err().to_string();
        assert!(error.contains('x'), "{error}");
        let header = json!({"name": "a", "value": "b", "z": 1});
        let error = serde_json::from_value::<RuleHeader>(header)
            .unwrap_err()
            .to_string();
        assert!(error.contains('z'), "{error}");
        for (no_data, named) in [
            (json!({"policy": "empty", "word": "x"}), "word"),
            (json!({"policy": "drop", "bogus": 1}), "bogus"),
            (json!({"policy": "word"}), "word"),
        ] {
            let error = serde_json::from_value::<NoData>(no_data).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for no_data in [NoData::Empty, NoData::Drop, NoData::Word { word: "none".into() }] {
            let written = serde_json::to_value(&no_data).unwrap();
            assert_eq!(serde_json::from_value::<NoData>(written).unwrap(), no_data);
        }
    }
}
