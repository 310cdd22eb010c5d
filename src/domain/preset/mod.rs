//! Presets: what is known about the systems of partners, so that an operator picks a name and fills blanks
//! where others read manuals. Data, no behaviour: a preset becomes a partner and a rule once it is picked,
//! and later changes of a preset change neither.
//!
//! Systems that take conversions through an API have a [`Platform`]: secrets, events, rules with body and headers.
//!
//! `presets.json` has one preset a line. A rule text there is in our own syntax with `<BLANK>`s for what the
//! operator must fill in; a blank may stand for a host. A partner's own macros are kept byte for byte.
//!
//! (2026-11-21) Most entries come from trackers' templates and public integrations and were not tried
//! against the partner: they are `unverified` (未確認), and the test send is where the truth is found.

mod fold;
mod platform;
mod platforms;
mod search;

pub use self::platform::{
    Characters, Chosen, Ending, OwnWord, Platform, PlatformBlank, PlatformId, PlatformRule, PlatformToken,
    PlatformWords, Shape, Told,
};
pub use self::search::search;

use self::search::Haystack;
use super::activity::{ActivityKind, ConversionStatus};
use super::postback::Method;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The same in English and Japanese.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// English.
    pub en: String,
    /// Japanese.
    pub ja: String,
}

/// What kind of system a partner runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresetKind {
    /// Affiliate network (ASP).
    Asp,
    /// Ad network or platform.
    AdNetwork,
    /// Rewarded traffic.
    Reward,
    /// Tracker or agency system.
    Tracker,
    /// Mobile measurement.
    Mmp,
}

/// Where the partner mostly works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// Japan.
    Jp,
    /// United States.
    Us,
    /// Europe.
    Eu,
    /// Russia.
    Ru,
    /// Everywhere.
    Global,
}

/// How far the preset can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The partner's own documentation was read for the essential part.
    Verified,
    /// Known from others (未確認).
    Unverified,
}

/// What a value on the click URL means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClickRole {
    /// The partner's id of the click, which has to come back.
    ClickId,
    /// Site, zone, widget.
    Source,
    /// Campaign.
    Campaign,
    /// Ad group.
    Adgroup,
    /// Creative.
    Creative,
    /// What the click costs.
    Cost,
    /// Anything else.
    Other,
}

/// One parameter that the partner puts on our click URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresetClickParameter {
    /// `param1`, `a8`, `gclid`.
    pub name: String,
    /// Taken as PARA1 to PARA5.
    pub para: Option<u8>,
    /// What it means.
    pub role: ClickRole,
    /// The partner's macro, never touched by us. `None` and not appended: ask the partner for it.
    #[serde(default, rename = "macro")]
    pub macro_text: Option<String>,
    /// The partner adds the parameter itself; it must not be written on the URL.
    #[serde(default)]
    pub is_appended: bool,
}

/// Why a preset has no rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NoRule {
    /// `not_public`, `partner_calls_us`, `no_click_id`.
    pub code: String,
    /// The reason with what to do.
    pub text: Bilingual,
}

/// A blank of a rule text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Blank {
    /// As in the text, without the angle brackets.
    pub name: String,
    /// For the form.
    pub label: Bilingual,
    /// Not to be shown after saving.
    pub is_secret: bool,
    /// Stands in the host: letters, digits, dots and hyphens only.
    pub is_host: bool,
}

/// A parameter that the operator puts on the destination, where the partner measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// Name.
    pub name: String,
    /// Template in our syntax.
    pub value: String,
}

/// What is known about one system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Preset {
    /// Never changes; kept in the partner that is made from it.
    pub id: String,
    /// For the picker.
    pub name: Bilingual,
    /// Companies, readings and domains that it is also found by.
    pub search: Vec<String>,
    /// What kind of system.
    pub kind: PresetKind,
    /// Where.
    pub region: Region,
    /// Serves installs and events of apps rather than conversions of sites.
    pub for_apps: bool,
    /// Kinds of activities that the rule is for; empty without a rule.
    pub kinds: Vec<ActivityKind>,
    /// Statuses of conversions that the rule text is entered for; empty: the rule asks for no status.
    pub statuses: Vec<ConversionStatus>,
    /// What the partner puts on our click URL.
    pub click: Vec<PresetClickParameter>,
    /// GET or POST.
    pub method: Method,
    /// Rule text with `<BLANK>`s; `None`: see [`Self::no_rule`].
    pub rule: Option<String>,
    /// The blanks of the rule text in their order, each once.
    pub blanks: Vec<Blank>,
    /// Why there is no rule; `None` exactly when there is one.
    pub no_rule: Option<NoRule>,
    /// What to put on the destination when the partner measures.
    pub handover: Vec<Handover>,
    /// Path and query of our address that the partner is to call, with its macros, when it measures.
    pub notify: Option<String>,
    /// What to know, or empty.
    pub note: Bilingual,
    /// How far it can be trusted.
    pub confidence: Confidence,
    /// Where it was read, when that is public.
    pub source: Option<String>,
    /// Its conversion API; with it there is neither a rule text nor a reason for none.
    pub platform: Option<Platform>,
}

/// A value for a blank is missing or cannot stand where the blank stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// No value was given.
    #[error("fill in {blank}: the partner tells you its value")]
    Missing {
        /// Name of the blank.
        blank: String,
    },
    /// The value would break the URL.
    #[error("{blank} may not hold {character:?}: give the plain value, percent-encoded where it needs to be")]
    Character {
        /// Name of the blank.
        blank: String,
        /// The first character that cannot stand there.
        character: char,
    },
    /// The value has not the form that the platform gives out.
    #[error("{blank}: {message}")]
    Shape {
        /// Name of the blank.
        blank: String,
        /// What is expected.
        message: String,
    },
    /// There is no such blank.
    #[error("{blank} is none of the fields of this preset")]
    Unknown {
        /// What was given.
        blank: String,
    },
    /// The platform's words are those of the account, and none was given.
    #[error("choose the events that are sent, and enter for each what the platform calls it")]
    NoEvents,
    /// A word has not the form that the platform gives out.
    #[error("{message}")]
    Word {
        /// Which row.
        at: usize,
        /// What is expected.
        message: String,
    },
}

impl Preset {
    /// The rule text with all blanks filled; `None` when the preset has no rule. Values go in as they are, so
    /// what would break the URL is refused. A host may be pasted with its scheme or a slash at the end.
    ///
    /// # Errors
    /// The first blank that cannot be filled.
    pub fn fill(&self, values: &BTreeMap<String, String>) -> Result<Option<String>, FillError> {
        let Some(rule) = &self.rule else { return Ok(None) };
        let mut text = rule.clone();
        for blank in &self.blanks {
            let missing = || FillError::Missing {
                blank: blank.name.clone(),
            };
            let given = values.get(&blank.name).map(|v| v.trim()).ok_or_else(missing)?;
            let value = if blank.is_host { host_of(given) } else { given };
            if value.is_empty() {
                return Err(missing());
            }
            let fits = |c: char| match blank.is_host {
                true => c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'),
                false => {
                    c.is_ascii_graphic()
                        && !matches!(
                            c,
                            '<' | '>'
                                | '"'
                                | '{'
                                | '}'
                                | '#'
                                | '&'
                                | '?'
                                | '['
                                | ']'
                                | '\\'
                                | '^'
                                | '`'
                                | '|'
                        )
                }
            };
            if let Some(character) = value.chars().find(|c| !fits(*c)) {
                return Err(FillError::Character {
                    blank: blank.name.clone(),
                    character,
                });
            }
            text = text.replace(&format!("<{}>", blank.name), value);
        }
        Ok(Some(text))
    }
}

fn host_of(given: &str) -> &str {
    let bare = given
        .strip_prefix("https://")
        .or_else(|| given.strip_prefix("http://"))
        .unwrap_or(given);
    bare.trim_end_matches('/')
}

/// All presets, Japanese ones first.
pub fn presets() -> &'static [Preset] {
    &CATALOGUE.presets
}

/// The preset with this id.
pub fn find(id: &str) -> Option<&'static Preset> {
    CATALOGUE.presets.iter().find(|p| p.id == id)
}

struct Catalogue {
    presets: Vec<Preset>,
    haystacks: Vec<Haystack>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the file is part of the program, and the first test below reads it"
    )]
    let presets = read(include_str!("presets.json")).expect("presets.json is valid");
    let haystacks = presets.iter().map(Haystack::of).collect();
    Catalogue { presets, haystacks }
});

/// The file's form: labels and reasons are written once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    reasons: BTreeMap<String, Bilingual>,
    blanks: BTreeMap<String, Label>,
    presets: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    en: String,
    ja: String,
    #[serde(default)]
    is_secret: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: Bilingual,
    search: Vec<String>,
    kind: PresetKind,
    region: Region,
    #[serde(default)]
    for_apps: bool,
    /// Left out: conversions of a site.
    #[serde(default)]
    kinds: Option<Vec<ActivityKind>>,
    click: Vec<PresetClickParameter>,
    #[serde(default)]
    method: Method,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    no_rule: Option<String>,
    #[serde(default)]
    handover: Vec<Handover>,
    #[serde(default)]
    notify: Option<String>,
    #[serde(default)]
    note: Bilingual,
    confidence: Confidence,
    #[serde(default)]
    source: Option<String>,
}

/// The platform of a preset, if it has a file.
fn platform_of(id: &str) -> Result<Option<Platform>, serde_json::Error> {
    let file = platforms::FILES.iter().find(|(of, _)| *of == id);
    file.map(|(_, text)| serde_json::from_str(text)).transpose()
}

fn read(text: &str) -> Result<Vec<Preset>, serde_json::Error> {
    let file: File = serde_json::from_str(text)?;
    let unknown = |what: &str, name: &str| {
        <serde_json::Error as serde::de::Error>::custom(format!("unknown {what} {name}"))
    };
    file.presets
        .into_iter()
        .map(|entry| {
            let blanks = blanks_of(entry.rule.as_deref().unwrap_or_default())
                .into_iter()
                .map(|(name, is_host)| {
                    let label = file.blanks.get(name).ok_or_else(|| unknown("blank", name))?;
                    Ok(Blank {
                        name: name.to_owned(),
                        label: Bilingual {
                            en: label.en.clone(),
                            ja: label.ja.clone(),
                        },
                        is_secret: label.is_secret,
                        is_host,
                    })
                })
                .collect::<Result<Vec<_>, serde_json::Error>>()?;
            let no_rule = entry
                .no_rule
                .map(|code| {
                    let text = file
                        .reasons
                        .get(&code)
                        .cloned()
                        .ok_or_else(|| unknown("reason", &code))?;
                    Ok::<_, serde_json::Error>(NoRule { code, text })
                })
                .transpose()?;
            let kinds = match (&entry.rule, entry.kinds) {
                (None, _) => Vec::new(),
                (Some(_), Some(kinds)) => kinds,
                (Some(_), None) => vec![ActivityKind::Event, ActivityKind::EventUpdate],
            };
            let platform = platform_of(&entry.id)?;
            Ok(Preset {
                id: entry.id,
                name: entry.name,
                search: entry.search,
                kind: entry.kind,
                region: entry.region,
                for_apps: entry.for_apps,
                statuses: statuses_of(&kinds, entry.rule.as_deref()),
                kinds,
                click: entry.click,
                method: entry.method,
                rule: entry.rule,
                blanks,
                no_rule,
                handover: entry.handover,
                notify: entry.notify,
                note: entry.note,
                confidence: entry.confidence,
                source: entry.source,
                platform,
            })
        })
        .collect()
}

/// A text that tells the status is for every status; others are told of a conversion once, while it waits.
fn statuses_of(kinds: &[ActivityKind], rule: Option<&str>) -> Vec<ConversionStatus> {
    use ConversionStatus::{Approved, Pending, Rejected};
    match rule {
        Some(text) if text.contains("{status}") && has_statuses(kinds) => vec![Pending, Approved, Rejected],
        Some(_) if !kinds.contains(&ActivityKind::EventUpdate) => Vec::new(),
        Some(_) => vec![Pending],
        None => Vec::new(),
    }
}

fn has_statuses(kinds: &[ActivityKind]) -> bool {
    kinds
        .iter()
        .any(|kind| *kind == ActivityKind::EventUpdate || kind.is_arrival())
}

/// Blanks of a rule text in their order, each once, and whether they stand in a host.
fn blanks_of(rule: &str) -> Vec<(&str, bool)> {
    let mut blanks: Vec<(&str, bool)> = Vec::new();
    let mut rest = rule;
    while let Some((before, after)) = rest.split_once('<') {
        let Some((name, behind)) = after.split_once('>') else {
            break;
        };
        let so_far = rule.get(..rule.len() - after.len() - 1).unwrap_or(before);
        let is_host = so_far
            .rsplit("://")
            .next()
            .is_some_and(|part| !part.contains(['/', '?']));
        if !blanks.iter().any(|(known, _)| *known == name) {
            blanks.push((name, is_host));
        }
        rest = behind;
    }
    blanks
}

#[cfg(test)]
mod platform_tests;
#[cfg(test)]
mod tests;
