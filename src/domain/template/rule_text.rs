//! The text of a rule: entries separated by white space, each a URL or `operator,LEFT,VALUE,URL`.

use super::catalogue::distance;
use super::condition::{Condition, Operator};
use super::finding::{Finding, Notes, Problem};
use super::parts::Field;
use super::url::UrlTemplate;
use super::url_check::{encoded_form, is_url};

/// Longest rule text in bytes.
pub const MAX_TEXT: usize = 64 * 1024;
/// Most entries of a rule text.
pub const MAX_ENTRIES: usize = 50;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `None`: always.
    pub condition: Option<Condition>,
    /// What is called.
    pub url: UrlTemplate,
    /// First byte in the rule text.
    pub start: usize,
    /// Byte after it.
    pub end: usize,
}

impl Entry {
    /// Every placeholder in condition and URL.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.condition
            .iter()
            .flat_map(Condition::fields)
            .chain(self.url.fields())
    }
}

/// A rule text without errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// In the order written; at least one.
    pub entries: Vec<Entry>,
}

/// What parsing brought: the text unless there are errors, and everything found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// `None` when a finding is an error.
    pub text: Option<RuleText>,
    /// In the order of their places.
    pub findings: Vec<Finding>,
}

/// A word between white space, and what it seems to be.
struct Word<'t> {
    text: &'t str,
    start: usize,
    shape: Shape,
}

#[derive(PartialEq, Eq)]
enum Shape {
    Url,
    Condition(Operator),
    /// Letters before a comma, but none of the operators.
    OtherOperator,
    Neither,
}

impl<'t> Word<'t> {
    fn new(text: &'t str, start: usize) -> Self {
        let shape = match text.split_once(',') {
            _ if is_url(text) => Shape::Url,
            Some((word, _)) => match Operator::of(word) {
                Some(operator) => Shape::Condition(operator),
                None if !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic()) => {
                    Shape::OtherOperator
                }
                None => Shape::Neither,
            },
            None => Shape::Neither,
        };
        Self { text, start, shape }
    }

    fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Cuts at white space, the ideographic space included.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        match (c.is_whitespace(), start) {
            (true, Some(from)) => {
                words.push(Word::new(&text[from..at], from));
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    if let Some(from) = start {
        words.push(Word::new(&text[from..], from));
    }
    words
}

impl RuleText {
    /// Parses a rule text and finds everything that is wrong with it.
    pub fn parse(text: &str) -> Parsed {
        let mut notes = Notes::default();
        let entries = if text.len() > MAX_TEXT {
            notes.add(
                Problem::TooLong {
                    what: "rule",
                    what_ja: "ルール",
                    most: MAX_TEXT,
                },
                0,
                text.len(),
            );
            Vec::new()
        } else {
            parse_entries(text, &mut notes)
        };
        let text_is_good = !notes.has_errors();
        Parsed {
            text: text_is_good.then_some(Self { entries }),
            findings: notes.finish(text, "text"),
        }
    }
}

fn parse_entries(text: &str, notes: &mut Notes) -> Vec<Entry> {
    let words = words(text);
    if words.is_empty() {
        notes.add(Problem::NoEntry, 0, text.len());
    }
    if words.len() > MAX_ENTRIES {
        notes.add(Problem::TooManyEntries { most: MAX_ENTRIES }, 0, text.len());
        return Vec::new();
    }
    let mut entries = Vec::new();
    let mut index = 0;
    while let Some(word) = words.get(index) {
        index += 1;
        match &word.shape {
            Shape::Neither => {
                let last = words[index..]
                    .iter()
                    .take_while(|next| next.shape == Shape::Neither)
                    .count();
                let run = &words[index - 1..index + last];
                let before = index.checked_sub(2).and_then(|at| words.get(at));
                report_stray(text, before, run, notes);
                index += last;
            }
            Shape::OtherOperator => report_operator(word, notes),
            Shape::Url => entries.extend(parse_url(word, None, word.text, word.start, notes)),
            Shape::Condition(operator) => entries.extend(parse_conditional(word, *operator, notes)),
        }
    }
    entries
}

/// Words that are no entries: with the entry before them they are probably one URL typed with spaces, so its
/// encoded form is offered for the whole.
fn report_stray(text: &str, before: Option<&Word<'_>>, run: &[Word<'_>], notes: &mut Notes) {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return;
    };
    let problem = Problem::NotAnEntry {
        word: first.text.to_owned(),
    };
    let Some(before) = before.filter(|word| matches!(word.shape, Shape::Url | Shape::Condition(_))) else {
        notes.add(problem, first.start, last.end());
        return;
    };
    let typed = &text[before.start..last.end()];
    let url_at = match before.shape {
        Shape::Condition(_) => typed.match_indices(',').nth(2).map_or(0, |(at, _)| at + 1),
        _ => 0,
    };
    let (condition, url) = typed.split_at(url_at);
    notes.offer(
        problem,
        before.start,
        last.end(),
        format!("{condition}{}", encoded_form(url)),
    );
}

fn report_operator(word: &Word<'_>, notes: &mut Notes) {
    let typed = word.text.split(',').next().unwrap_or_default();
    let end = word.start + typed.len();
    let problem = Problem::UnknownOperator {
        word: typed.to_owned(),
    };
    let near = Operator::ALL
        .into_iter()
        .map(|operator| {
            (
                distance(&typed.to_ascii_lowercase(), operator.as_str()),
                operator.as_str(),
            )
        })
        .filter(|(d, _)| *d <= 2)
        .min();
    match near {
        Some((_, operator)) => notes.offer(problem, word.start, end, operator),
        None => notes.add(problem, word.start, end),
    }
}

fn parse_url(
    word: &Word<'_>,
    condition: Option<Condition>,
    url: &str,
    url_at: usize,
    notes: &mut Notes,
) -> Option<Entry> {
    let url = UrlTemplate::parse(url, url_at, notes)?;
    Some(Entry {
        condition,
        url,
        start: word.start,
        end: word.end(),
    })
}

fn parse_conditional(word: &Word<'_>, operator: Operator, notes: &mut Notes) -> Option<Entry> {
    let mut fields = word.text.splitn(4, ',');
    let (Some(name), Some(left), Some(value), Some(url)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        notes.add(
            Problem::MissingComma {
                operator: operator.as_str(),
            },
            word.start,
            word.end(),
        );
        return None;
    };
    let left_at = word.start + name.len() + 1;
    let value_at = left_at + left.len() + 1;
    let url_at = value_at + value.len() + 1;
    if !is_url(url) {
        notes.add(Problem::ConditionUrl, url_at.min(word.end()), word.end());
    }
    let condition = Condition::parse(operator, (left, left_at), (value, value_at), notes);
    let entry = parse_url(word, condition, url, url_at, notes)?;
    // A condition with errors must never become an entry without one.
    entry.condition.is_some().then_some(entry)
}
