//! Rules: when (kinds, event, status, partner), condition, URL template. The text of a rule is parsed by
//! [`super::template`]; here is what an operator saves.
//!
//! * 2026-11-27: the parts of a rule refuse fields that they do not know, since a misspelt `offer` would make a
//!   rule fire for all offers. They are stored in the same form, so a new field in one of them is a new schema.

mod parts;

pub use self::parts::{
    AnswerCase, AnswerPolicy, ConsentNeed, Credit, EventWord, MOST_AGE_H, MOST_CASES, MOST_NEEDS, MOST_WORDS,
    SecondLook, StatusReading, TestSwitch,
};

use super::activity::{ActivityKind, ConversionStatus};
use super::ids::{EventToken, OfferId, PartnerId, RuleId};
use super::postback::Method;
use super::secret::SecretText;
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

/// Parts of names of headers that hold keys.
const KEY_LIKE: [&str; 8] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "api-key",
    "apikey",
    "access-key",
    "password",
];

impl RuleHeader {
    /// Whether it holds a key that is written out, for everybody to read who may read the rule.
    pub fn shows_key(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        let is_written_out = !self.value.contains(['{', '#']) && !self.value.trim().is_empty();
        let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
        is_written_out
            && (KEY_LIKE.iter().any(|part| name.contains(part)) || words.any(|word| word.ends_with("auth")))
    }
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
    #[schema(value_type = Option<String>)]
    pub signing_secret: Option<SecretText>,
    /// Also fires for bots and prefetches (off by default).
    #[serde(default)]
    pub include_bots: bool,
    /// Also sent when the partner's click id (PARA1) is to go out and has no value.
    #[serde(default)]
    pub allow_empty_click_id: bool,
    /// Also fires when only the amount of a conversion changes (off): a partner that counts calls would book a second
    /// conversion.
    #[serde(default)]
    pub amount_changes: bool,
    /// Whose conversions it hears, where it speaks for a partner.
    #[serde(default)]
    pub credit: Credit,
    /// The partner whose secrets an offer-wide rule uses.
    #[serde(default)]
    pub secrets_of: Option<PartnerId>,
    /// The platform's words for our events; an event that is not among them does not fire the rule. Empty: all do.
    #[serde(default)]
    pub event_map: Vec<EventWord>,
    /// Alternatives, each a text of placeholders that all need data; without any of them nothing is sent. Empty:
    /// nothing is needed.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Hours after an activity at which it is no longer sent, also not by hand.
    #[serde(default)]
    pub max_age_h: Option<u32>,
    /// How tests are sent.
    #[serde(default)]
    pub test: Option<TestSwitch>,
    /// How answers are read; by the status line unless set.
    #[serde(default)]
    pub answers: Option<AnswerPolicy>,
    /// Asks later what became of a request that was taken.
    #[serde(default)]
    pub second_look: Option<SecondLook>,
    /// What the person has to have said of data for ad platforms.
    #[serde(default)]
    pub consent: ConsentNeed,
    /// It may send the visitor's whole address (`{full_ip_address}`), which is kept for it until it is sent.
    #[serde(default)]
    pub full_address: bool,
    /// Unix milliseconds of the last save.
    #[serde(default)]
    pub updated_at_ms: i64,
}

impl Rule {
    /// The partner whose secrets it uses.
    pub fn secret_owner(&self) -> Option<&PartnerId> {
        match &self.scope {
            RuleScope::Partner { partner, .. } => Some(partner),
            RuleScope::Offer { .. } => self.secrets_of.as_ref(),
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_that_are_written_out_are_told_from_other_headers() {
        for (name, value, expected) in [
            ("Authorization", "Bearer abc", true),
            ("authorization", "Basic {secret.token}", false),
            ("X-Auth", "abc", true),
            ("X-Auth-Key", "abc", true),
            ("MyAuth", "abc", true),
            ("X-Author", "abc", false),
            ("Cookie", "a=b", true),
            ("X-API-KEY", "abc", true),
            ("Apikey", "##PARA1##", false),
            ("X-Access-Token", " ", false),
            ("Accept", "*/*", false),
        ] {
            let header = super::RuleHeader {
                name: name.into(),
                value: value.into(),
            };
            assert_eq!(header.shows_key(), expected, "{name}: {value}");
        }
    }

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
