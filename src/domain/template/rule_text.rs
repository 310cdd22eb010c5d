//! The text of a rule: entries separated by white space, each a URL or `operator,LEFT,VALUE,URL`. `GET,` or `POST,`
//! may stand before either, over the method of the rule; after the URL of a POST entry, behind a comma, may stand
//! pairs (`key=value&key2=value2`) that are sent as one flat JSON object.

use super::body::JsonTemplate;
use super::catalogue::distance;
use super::condition::{Condition, Operator};
use super::finding::{Finding, Notes, Problem};
use super::foreign;
use super::form::FormTemplate;
use super::parts::{Field, Values};
use super::url::{MAX_BODY, Unrenderable, UrlTemplate};
use super::url_check::{encoded_form, is_url};
use crate::domain::postback::{Method, Request};
use crate::domain::rule::NoData;
use crate::domain::unfilled::{half_width, is_invisible};

/// Longest rule text in bytes.
pub const MAX_TEXT: usize = 64 * 1024;
/// Most entries of a rule text.
pub const MAX_ENTRIES: usize = 50;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Written before it; `None`: that of the rule.
    pub method: Option<Method>,
    /// `None`: always.
    pub condition: Option<Condition>,
    /// What is called.
    pub url: UrlTemplate,
    /// The pairs behind the URL of a POST.
    pub(super) body: Option<JsonTemplate>,
    /// First byte in the rule text.
    pub start: usize,
    /// Byte after it.
    pub end: usize,
}

impl Entry {
    /// Every placeholder in what is sent.
    pub fn request_fields(&self) -> impl Iterator<Item = &Field> {
        let of_body = self.body.iter().flat_map(JsonTemplate::fields);
        self.url.fields().chain(of_body)
    }

    /// What an entry without a rule around it sends: callbacks carried on a click URL. A GET unless it says POST.
    pub fn render(&self, values: &dyn Values) -> Result<Request, Unrenderable> {
        let mut request = Request {
            method: self.method.unwrap_or_default(),
            url: self.url.render(values, &NoData::Empty)?,
            headers: Vec::new(),
            body: None,
        };
        if let Some(body) = &self.body {
            request.headers.push(("Content-Type".into(), JSON.into()));
            request.body = Some(bounded(body.render(values, &NoData::Empty))?);
        }
        Ok(request)
    }

    /// Every placeholder in condition, URL and pairs.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.condition
            .iter()
            .flat_map(Condition::fields)
            .chain(self.request_fields())
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

/// Media type of a JSON body.
pub(super) const JSON: &str = "application/json";

/// The body, unless it is too long.
pub(super) fn bounded(body: String) -> Result<String, Unrenderable> {
    if body.len() > MAX_BODY {
        Err(Unrenderable::BodyTooLong)
    } else {
        Ok(body)
    }
}

/// A word between white space, and what it seems to be.
struct Word<'t> {
    text: &'t str,
    start: usize,
    method: Option<Method>,
    /// What follows the method, and where it begins.
    rest: &'t str,
    rest_at: usize,
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
        let (method, rest) = if let Some(rest) = text.strip_prefix("GET,") {
            (Some(Method::Get), rest)
        } else if let Some(rest) = text.strip_prefix("POST,") {
            (Some(Method::Post), rest)
        } else {
            (None, text)
        };
        let shape = match rest.split_once(',') {
            _ if is_url(rest) => Shape::Url,
            Some((word, _)) => match word.parse() {
                Ok(operator) => Shape::Condition(operator),
                Err(_) if !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic()) => {
                    Shape::OtherOperator
                }
                Err(_) => Shape::Neither,
            },
            None => Shape::Neither,
        };
        Self {
            text,
            start,
            method,
            rest,
            rest_at: start + text.len() - rest.len(),
            shape,
        }
    }

    fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The URL of an entry as the parser reads it, for those who judge its host before it is parsed; `None` when it has
/// none.
pub fn url_of(entry: &str) -> Option<&str> {
    let word = Word::new(entry, 0);
    let url = match word.shape {
        Shape::Url => word.rest,
        Shape::Condition(_) => word.rest.splitn(4, ',').nth(3)?,
        Shape::OtherOperator | Shape::Neither => return None,
    };
    Some(split_pairs(url, word.method).0).filter(|url| is_url(url))
}

/// Cuts the pairs off the URL of an entry. Only a POST has them: a comma elsewhere belongs to the URL.
fn split_pairs(url: &str, method: Option<Method>) -> (&str, Option<&str>) {
    match url.split_once(',') {
        Some((url, pairs)) if method == Some(Method::Post) => (url, Some(pairs)),
        _ => (url, None),
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
                    what_ja: "ポストバック設定",
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
            Shape::Neither | Shape::OtherOperator if offer_plain(word, notes) => {}
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
            Shape::Url => entries.extend(parse_url(word, None, word.rest, word.rest_at, notes)),
            Shape::Condition(operator) => entries.extend(parse_conditional(word, *operator, notes)),
        }
    }
    entries
}

/// Offers the word in half width and without invisible characters, when that makes it an entry.
fn offer_plain(word: &Word<'_>, notes: &mut Notes) -> bool {
    let visible: String = word.text.chars().filter(|c| !is_invisible(*c)).collect();
    let plain: String = visible.chars().map(half_width).collect();
    if plain == word.text || !matches!(Word::new(&plain, 0).shape, Shape::Url | Shape::Condition(_)) {
        return false;
    }
    let problem = if plain == visible {
        Problem::Invisible
    } else {
        Problem::FullWidth { half: plain.clone() }
    };
    notes.offer(problem, word.start, word.end(), plain);
    true
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
    let commas = match before.shape {
        Shape::Condition(_) => 3,
        _ => 0,
    } + usize::from(before.method.is_some());
    let url_at = match commas {
        0 => 0,
        n => typed.match_indices(',').nth(n - 1).map_or(0, |(at, _)| at + 1),
    };
    let (condition, url) = typed.split_at(url_at);
    if let Some(replaced) = foreign::replaced(url) {
        notes
            .0
            .retain(|found| found.end <= before.start || !found.problem.is_of_characters());
        let problem = Problem::ForeignVariable {
            typed: url.to_owned(),
            systems: "",
            is_certain: true,
            is_error: true,
        };
        notes.offer(
            problem,
            before.start,
            last.end(),
            format!("{condition}{replaced}"),
        );
        return;
    }
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
    let lower = typed.to_ascii_lowercase();
    let near = Operator::ALL
        .iter()
        .map(|operator| operator.as_str())
        .chain(["GET", "POST"])
        .map(|word| (distance(&lower, &word.to_ascii_lowercase()), word))
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
    let (url, pairs) = split_pairs(url, word.method);
    let body = pairs.map(|pairs| parse_pairs(pairs, url_at + url.len() + 1, notes));
    let url = UrlTemplate::parse(url, url_at, notes)?;
    Some(Entry {
        method: word.method,
        condition,
        url,
        body,
        start: word.start,
        end: word.end(),
    })
}

fn parse_pairs(text: &str, at: usize, notes: &mut Notes) -> JsonTemplate {
    let form = FormTemplate::parse(text, at, notes);
    if !form.is_named() {
        notes.add(Problem::NotPairs, at, at + text.len());
    }
    form.into_json()
}

fn parse_conditional(word: &Word<'_>, operator: Operator, notes: &mut Notes) -> Option<Entry> {
    let mut fields = word.rest.splitn(4, ',');
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
    let left_at = word.rest_at + name.len() + 1;
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
