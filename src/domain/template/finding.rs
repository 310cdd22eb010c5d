//! What a check found: every problem that a rule can have, with its stable code, sentence and remedy in both
//! languages. It must not know how problems are found.

mod of_parts;
mod sentences;

pub(super) use self::of_parts::PartProblem;

use super::catalogue::Format;
use crate::domain::activity::ActivityKind;
use crate::domain::signing::SecretError;
use serde::Serialize;

/// Whether a rule with the finding can be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can; the operator should look.
    Warning,
}

/// One finding, for the editor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Finding {
    /// Error or warning.
    pub severity: Severity,
    /// Stable code.
    pub code: &'static str,
    /// Which field of the rule: `text`, `body`, `headers.0.value`, ...
    pub field: String,
    /// First byte of the place in the field.
    pub start: usize,
    /// Byte after the place.
    pub end: usize,
    /// `start` in UTF-16 units, as a browser counts.
    pub start_utf16: usize,
    /// `end` in UTF-16 units.
    pub end_utf16: usize,
    /// What is wrong, English.
    pub message: String,
    /// What to do, English.
    pub remedy: String,
    /// What is wrong, Japanese.
    pub message_ja: String,
    /// What to do, Japanese.
    pub remedy_ja: String,
    /// Text that can stand in for the place as it is.
    pub replacement: Option<String>,
}

impl Finding {
    /// Whether it forbids saving.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// A problem with what the sentence about it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    NoEntry,
    TooManyEntries {
        most: usize,
    },
    TooLong {
        what: &'static str,
        what_ja: &'static str,
        most: usize,
    },
    NotAnEntry {
        word: String,
    },
    UnknownOperator {
        word: String,
    },
    MissingComma {
        operator: &'static str,
    },
    ConditionUrl,
    EmptyLeft,
    EmptyList {
        operator: &'static str,
    },
    PlaceholderInValue,
    FullWidth {
        half: String,
    },
    StrayBrace {
        encoded: String,
    },
    UnknownPlaceholder {
        name: String,
        suggestion: Option<&'static str>,
    },
    BrokenVariable,
    PlaceholderInHost,
    BadHost,
    BadPercent,
    Unencoded {
        characters: String,
    },
    SecondHash,
    DotSegment,
    JsonInvalid {
        reason: String,
    },
    HeaderName,
    HeaderReserved {
        name: String,
    },
    HeaderControl,
    /// A signing secret that cannot sign.
    Secret(SecretError),
    /// A key pair that would leave a GET unsigned.
    KeyPairWithGet,
    BodyWithoutPost,
    HostRefused {
        host: String,
        sentence: String,
    },
    NotAvailable {
        placeholder: String,
        kinds: Vec<ActivityKind>,
    },
    EncodedPlaceholder,
    /// A variable of another system, or a word that asks to be replaced. An error where it could not be sent as it
    /// stands.
    ForeignVariable {
        typed: String,
        systems: &'static str,
        is_certain: bool,
        is_error: bool,
    },
    /// `&amp;` and the like, as HTML and mails write `&`.
    HtmlAmpersand,
    /// What HTML makes of `&para1` and the like: `¶1`.
    HtmlEntity {
        sign: char,
        typed: &'static str,
    },
    /// Characters that take no room.
    Invisible,
    /// What follows the comma after the URL of a POST entry is no pair.
    NotPairs,
    /// The click id of the partner is to be sent, and nothing brings it.
    ClickIdNotSent,
    AmpersandWithoutQuestion,
    SecondQuestion,
    PlainHttp,
    DuplicateParameter {
        name: String,
    },
    FragmentNotSent,
    Userinfo,
    ImpossibleValue {
        placeholder: &'static str,
        value: String,
        format: Format,
    },
    StatusNeverFires,
    StatusWithoutUpdate,
    EventNeverFires,
    /// Of a part beside the text, or of a secret.
    Part(PartProblem),
}

impl Problem {
    /// Whether it forbids saving.
    pub(super) fn is_error(&self) -> bool {
        self.sentences().0 == Severity::Error
    }

    /// Whether it is about single characters, and says nothing more once the text around them is replaced.
    pub(super) fn is_of_characters(&self) -> bool {
        matches!(
            self,
            Self::FullWidth { .. }
                | Self::StrayBrace { .. }
                | Self::UnknownPlaceholder { .. }
                | Self::BrokenVariable
                | Self::BadPercent
                | Self::Unencoded { .. }
        )
    }
}

/// A problem with its place, before it is written out.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub problem: Problem,
    pub start: usize,
    pub end: usize,
    pub replacement: Option<String>,
}

/// Most findings that are shown of one field; errors go before warnings.
const MOST_FINDINGS: usize = 100;

/// What has been found so far in one field.
#[derive(Debug, Default)]
pub(super) struct Notes(pub Vec<Found>);

impl Notes {
    pub(super) fn add(&mut self, problem: Problem, start: usize, end: usize) {
        self.0.push(Found {
            problem,
            start,
            end,
            replacement: None,
        });
    }

    pub(super) fn offer(
        &mut self,
        problem: Problem,
        start: usize,
        end: usize,
        replacement: impl Into<String>,
    ) {
        self.0.push(Found {
            problem,
            start,
            end,
            replacement: Some(replacement.into()),
        });
    }

    /// Whether one of them is an error.
    pub(super) fn has_errors(&self) -> bool {
        self.0.iter().any(|found| found.problem.is_error())
    }

    /// Writes them out in the order of their places in `source`.
    pub(super) fn finish(mut self, source: &str, field: &str) -> Vec<Finding> {
        if self.0.len() > MOST_FINDINGS {
            self.0
                .sort_by_key(|found| (!found.problem.is_error(), found.start));
            self.0.truncate(MOST_FINDINGS);
        }
        self.0.sort_by_key(|found| found.start);
        let utf16 = |byte: usize| source.get(..byte).unwrap_or(source).encode_utf16().count();
        self.0
            .into_iter()
            .map(|found| {
                let (severity, code, message, remedy, message_ja, remedy_ja) = found.problem.sentences();
                Finding {
                    severity,
                    code,
                    field: field.to_owned(),
                    start: found.start,
                    end: found.end,
                    start_utf16: utf16(found.start),
                    end_utf16: utf16(found.end),
                    message,
                    remedy,
                    message_ja,
                    remedy_ja,
                    replacement: found.replacement,
                }
            })
            .collect()
    }
}
