//! Platforms that take conversions through an API: what a preset knows of one, so that an operator pastes an id and a
//! token where others write JSON. Its rules are those of the rule editor; a preset only writes them.
//!
//! Texts hold `<BLANK>`s for what the operator fills in and `{secret.name}` for what is kept as a secret of the
//! partner. A piece
//! of the text, a line of a body, a header or an id of a click goes with an optional blank of it that is left open.

use super::{Bilingual, FillError};
use crate::domain::activity::{Activity, ActivityKind, ConversionStatus};
use crate::domain::ids::{OfferId, PartnerId, RuleId};
use crate::domain::postback::Method;
use crate::domain::rule::{
    AnswerPolicy, ConsentNeed, Credit, EventWord, NoData, Rule, RuleBody, RuleHeader, RuleScope, SecondLook,
    TestSwitch,
};
use crate::domain::secret::TokenSource;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Characters that a value may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Characters {
    /// 0 to 9.
    Digits,
    /// ASCII letters, digits, `-`, `_` and `.`.
    Id,
    /// Everything that can be seen in ASCII; of secrets only, since it goes into no text.
    Visible,
    /// Any text, such as a file; of secrets only.
    Text,
}

/// The form of a value, by which a wrong paste is noticed before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Which characters.
    pub characters: Characters,
    /// How many at least.
    pub min: u16,
    /// How many at most.
    pub max: u16,
    /// How it begins; empty: anyhow.
    #[serde(default)]
    pub prefix: String,
}

impl Shape {
    fn admits(&self, value: &str) -> bool {
        let is_good = |c: char| match self.characters {
            Characters::Digits => c.is_ascii_digit(),
            Characters::Id => c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'),
            Characters::Visible => c.is_ascii_graphic(),
            Characters::Text => !c.is_control() || c == '\n',
        };
        (usize::from(self.min)..=usize::from(self.max)).contains(&value.len())
            && value.starts_with(&self.prefix)
            && value
                .strip_prefix(&self.prefix)
                .unwrap_or(value)
                .chars()
                .all(is_good)
    }

    /// What is wrong with a value, for people.
    fn complaint(&self, example: &str) -> String {
        let characters = match self.characters {
            Characters::Digits => "digits",
            Characters::Id => "letters, digits, - and _",
            Characters::Visible => "letters, digits and signs without spaces",
            Characters::Text => "characters",
        };
        let length = if self.min == self.max {
            format!("exactly {}", self.min)
        } else {
            format!("{} to {}", self.min, self.max)
        };
        let begins = if self.prefix.is_empty() {
            String::new()
        } else {
            format!(" that begin with {}", self.prefix)
        };
        format!("enter {length} {characters}{begins}, such as {example}")
    }
}

/// What an operator fills in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformBlank {
    /// As in the texts, without the angle brackets.
    pub name: String,
    /// What the platform's own screens call it.
    pub label: Bilingual,
    /// The way there through the platform's screens.
    pub place: Bilingual,
    /// Its form.
    pub shape: Shape,
    /// A value as it could be.
    pub example: String,
    /// What stands in the form to begin with.
    #[serde(default)]
    pub default: String,
    /// Can be left open.
    #[serde(default)]
    pub is_optional: bool,
    /// Kept as a secret of this name (`{secret.token}`), never shown after saving.
    #[serde(default)]
    pub secret: Option<String>,
}

/// Words of the operator's own account for events, where the platform has no names of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnWord {
    /// What the platform's own screens call it.
    pub label: Bilingual,
    /// The way there through the platform's screens.
    pub place: Bilingual,
    /// Its form.
    pub shape: Shape,
    /// A value as it could be.
    pub example: String,
}

/// What the platform calls events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlatformWords {
    /// Our usual names of events with the platform's words, which are taken when nothing else is chosen.
    pub usual: Vec<EventWord>,
    /// More of its words.
    pub others: Vec<String>,
    /// Each word is one of the operator's account.
    pub own: Option<OwnWord>,
}

/// An id that the platform recognises the click or the browser by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformId {
    /// Name of the parameter of the landing page, or of the cookie.
    pub name: String,
    /// A cookie of the advertiser's own site, which the tag reads.
    #[serde(default)]
    pub is_cookie: bool,
    /// A value as it could be.
    pub example: String,
}

/// A rule as the preset writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformRule {
    /// For people.
    pub name: String,
    /// Kinds of activities that it is for; conversions of a site unless given.
    #[serde(default)]
    pub kinds: Vec<ActivityKind>,
    /// GET or POST.
    #[serde(default)]
    pub method: Method,
    /// Pieces of the text, with `<BLANK>`s.
    pub text: Vec<String>,
    /// Extra headers.
    #[serde(default)]
    pub headers: Vec<RuleHeader>,
    /// Lines of the JSON body.
    #[serde(default)]
    pub json: Vec<String>,
    /// Whose conversions it hears.
    pub credit: Credit,
    /// Alternatives of what is needed.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Hours after which it is no longer sent.
    #[serde(default)]
    pub max_age_h: Option<u32>,
    /// How tests are sent.
    #[serde(default)]
    pub test: Option<TestSwitch>,
    /// How answers are read.
    pub answers: AnswerPolicy,
    /// Asks later what became of it.
    #[serde(default)]
    pub second_look: Option<SecondLook>,
    /// What the person has to have said.
    #[serde(default)]
    pub consent: ConsentNeed,
    /// It sends the visitor's whole address.
    #[serde(default)]
    pub full_address: bool,
}

/// A secret that the platform gives for others, and that expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformToken {
    /// Name of the secret.
    pub secret: String,
    /// Where its value comes from.
    pub source: TokenSource,
}

/// An interface that comes to an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// Month or day, as far as it is announced: `2027-03`.
    pub on: String,
    /// What ends, and what to use then.
    pub text: Bilingual,
}

/// What is known of a platform's conversion API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Day of the last check against the platform's documents.
    pub checked: String,
    /// The page that tells the interface.
    pub page: String,
    /// When it ends, if that is known.
    #[serde(default)]
    pub ends: Option<Ending>,
    /// What to do on the platform first, and what is good to know.
    pub note: Bilingual,
    /// How a test is sent and where it is seen.
    pub test: Bilingual,
    /// What is filled in.
    pub blanks: Vec<PlatformBlank>,
    /// What it calls events.
    pub words: PlatformWords,
    /// What it recognises clicks and browsers by.
    pub ids: Vec<PlatformId>,
    /// Requests a second at most, where the platform says so.
    #[serde(default)]
    pub max_per_second: Option<u16>,
    /// Secrets that are fetched.
    #[serde(default)]
    pub tokens: Vec<PlatformToken>,
    /// What is sent.
    pub rules: Vec<PlatformRule>,
}

/// When a platform is told of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// As soon as it comes in, unless it comes in rejected.
    #[default]
    AtOnce,
    /// Once it is approved.
    WhenApproved,
}

/// What an operator chose for a rule.
#[derive(Debug, Clone)]
pub struct Chosen<'a> {
    /// Values of the blanks.
    pub values: &'a BTreeMap<String, String>,
    /// Events with the platform's words; empty: the usual ones.
    pub events: &'a [EventWord],
    /// When the platform is told.
    pub told: Told,
    /// Whose rule it becomes.
    pub partner: &'a PartnerId,
    /// Only for this offer.
    pub offer: Option<&'a OfferId>,
}

impl Platform {
    /// Values as they are kept: trimmed, with what stands in the form to begin with, checked.
    ///
    /// # Errors
    /// The first blank that is missing, has a wrong form or does not exist.
    pub fn checked_values(
        &self,
        given: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, FillError> {
        if let Some(unknown) = given
            .keys()
            .find(|name| !self.blanks.iter().any(|b| b.name == **name))
        {
            return Err(FillError::Unknown {
                blank: unknown.clone(),
            });
        }
        let mut values = BTreeMap::new();
        for blank in &self.blanks {
            let value = given
                .get(&blank.name)
                .map_or(blank.default.as_str(), |v| v.trim());
            match value {
                "" if blank.is_optional => continue,
                "" => {
                    return Err(FillError::Missing {
                        blank: blank.name.clone(),
                    });
                }
                value if blank.shape.admits(value) => {
                    values.insert(blank.name.clone(), value.to_owned());
                }
                _ => {
                    return Err(FillError::Shape {
                        blank: blank.name.clone(),
                        message: blank.shape.complaint(&blank.example),
                    });
                }
            }
        }
        Ok(values)
    }

    /// The events that are sent with the platform's words.
    ///
    /// # Errors
    /// Nothing is chosen where the words are those of the account, or a word has a wrong form.
    pub fn checked_events(&self, given: &[EventWord]) -> Result<Vec<EventWord>, FillError> {
        let Some(own) = &self.words.own else {
            let usual = || self.words.usual.clone();
            return Ok(if given.is_empty() { usual() } else { given.to_vec() });
        };
        if given.is_empty() {
            return Err(FillError::NoEvents);
        }
        let trimmed = given.iter().map(|row| EventWord {
            word: row.word.trim().to_owned(),
            ..row.clone()
        });
        let rows: Vec<EventWord> = trimmed.collect();
        match rows.iter().position(|row| !own.shape.admits(&row.word)) {
            None => Ok(rows),
            Some(at) => Err(FillError::Word {
                at,
                message: own.shape.complaint(&own.example),
            }),
        }
    }

    /// The rules that it becomes, one for each id.
    pub fn rules(&self, chosen: &Chosen<'_>, ids: Vec<RuleId>) -> Vec<Rule> {
        let rules = self.rules.iter().zip(ids);
        rules.map(|(rule, id)| rule.filled(self, chosen, id)).collect()
    }

    /// Parameters of the click URL that the partner keeps.
    pub fn click_ids(&self, values: &BTreeMap<String, String>) -> Vec<String> {
        let clicks = self.ids.iter().filter(|id| !id.is_cookie);
        clicks.filter_map(|id| self.put(&id.name, values)).collect()
    }

    /// A text with its blanks filled; `None` when one of them is left open.
    pub(super) fn put(&self, text: &str, values: &BTreeMap<String, String>) -> Option<String> {
        let mut text = text.to_owned();
        for blank in &self.blanks {
            let is_open = !values.contains_key(&blank.name);
            let named = blank.secret.as_ref().map(|name| format!("secret.{name}"));
            if is_open && named.is_some_and(|named| text.contains(&named)) {
                return None;
            }
            let mark = format!("<{}>", blank.name);
            if text.contains(&mark) {
                text = text.replace(&mark, values.get(&blank.name)?);
            }
        }
        Some(text)
    }
}

impl PlatformRule {
    fn filled(&self, platform: &Platform, chosen: &Chosen<'_>, id: RuleId) -> Rule {
        let put = |text: &str| platform.put(text, chosen.values);
        let lines: Vec<String> = self.json.iter().filter_map(|line| put(line)).collect();
        let headers = self.headers.iter().filter_map(|header| {
            Some(RuleHeader {
                name: header.name.clone(),
                value: put(&header.value)?,
            })
        });
        let (mut kinds, statuses) = match chosen.told {
            Told::AtOnce => (
                vec![ActivityKind::Event],
                vec![ConversionStatus::Pending, ConversionStatus::Approved],
            ),
            Told::WhenApproved => (
                vec![ActivityKind::Event, ActivityKind::EventUpdate],
                vec![ConversionStatus::Approved],
            ),
        };
        kinds.extend(self.kinds.iter().copied());
        Rule {
            id,
            name: self.name.clone(),
            enabled: true,
            scope: RuleScope::Partner {
                partner: chosen.partner.clone(),
                offer: chosen.offer.cloned(),
            },
            kinds,
            event: None,
            statuses,
            text: self.text.iter().filter_map(|piece| put(piece)).collect(),
            method: self.method,
            body: (!lines.is_empty()).then(|| RuleBody::Json {
                template: lines.join("\n"),
            }),
            headers: headers.collect(),
            no_data: NoData::Drop,
            signing_secret: None,
            include_bots: false,
            allow_empty_click_id: self.credit == Credit::Any,
            amount_changes: false,
            credit: self.credit,
            secrets_of: None,
            event_map: chosen.events.to_vec(),
            needs: self.needs.iter().filter_map(|need| put(need)).collect(),
            max_age_h: self.max_age_h,
            test: self.test.as_ref().map(|test| TestSwitch {
                code: put(&test.code).unwrap_or_default(),
                text: put(&test.text).unwrap_or_default(),
                by_hand_only: test.by_hand_only,
            }),
            answers: Some(self.answers.clone()),
            second_look: self.second_look.as_ref().map(|look| SecondLook {
                url: put(&look.url).unwrap_or_default(),
                ..look.clone()
            }),
            consent: self.consent,
            full_address: self.full_address,
            updated_at_ms: 0,
        }
    }
}

impl Platform {
    /// An example for every blank that is not optional, or is one of tests.
    pub fn examples(&self) -> BTreeMap<String, String> {
        let example = |blank: &PlatformBlank| (blank.name.clone(), blank.example.clone());
        self.blanks.iter().map(example).collect()
    }

    /// The usual events, or the example of an own word for a purchase.
    pub fn example_events(&self) -> Vec<EventWord> {
        match &self.words.own {
            None => self.words.usual.clone(),
            Some(own) => vec![EventWord {
                event: "purchase".into(),
                status: None,
                word: own.example.clone(),
            }],
        }
    }

    /// Its rules with these values, of nobody.
    pub fn sample_rules(&self, values: &BTreeMap<String, String>, events: &[EventWord]) -> Vec<Rule> {
        let (Ok(partner), Ok(id)) = ("platform1".parse::<PartnerId>(), "platform1".parse::<RuleId>()) else {
            return Vec::new();
        };
        let chosen = Chosen {
            values,
            events,
            told: Told::AtOnce,
            partner: &partner,
            offer: None::<&OfferId>,
        };
        self.rules(&chosen, vec![id; self.rules.len()])
    }

    /// Gives an activity what the platform recognises it by.
    pub fn carry(&self, activity: &mut Activity) {
        let examples = self.examples();
        let ids = self.ids.iter();
        let named = ids.filter_map(|id| Some((self.put(&id.name, &examples)?, id)));
        for (name, id) in named {
            let pair = (name, id.example.clone());
            if let (false, Some(session)) = (id.is_cookie, activity.session.as_mut()) {
                session.parameters.push(pair);
            } else {
                activity.input.fields.push(pair);
            }
        }
        // A network's own click id comes as PARA1, under the name that its preset has for it.
        let first = self.ids.iter().find(|id| !id.is_cookie);
        if let (Some(id), Some(session)) = (first, activity.session.as_mut()) {
            session.para[0] = id.example.clone();
        }
    }
}
