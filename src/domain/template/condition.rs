//! Conditions: `operator,LEFT,VALUE` before the URL of an entry. The comparison is byte for byte: literals
//! are decoded (`%XX`, `+` = space), the values of placeholders are taken as they are.

use super::escape::encode;
use super::finding::{Notes, PartProblem, Problem};
use super::parts::{self, Candidate, Part, Syntax, Values};
use super::url_check::is_percent_triple;
use serde::Serialize;
use strum::VariantArray;

/// How LEFT and VALUE are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Operator {
    /// LEFT is VALUE.
    Equal,
    /// LEFT is not VALUE.
    NotEqual,
    /// LEFT is one of the values separated by `;`.
    Contained,
    /// LEFT is none of them.
    NotContained,
}

impl Operator {
    /// The four, as the documents name them.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    fn takes_list(self) -> bool {
        matches!(self, Self::Contained | Self::NotContained)
    }
}

/// A piece of LEFT.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Field(parts::Field),
}

/// A parsed condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    operator: Operator,
    left: Vec<Piece>,
    left_source: String,
    items: Vec<Vec<u8>>,
}

/// What a condition said about an activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Evaluation {
    /// Whether it holds.
    pub holds: bool,
    /// LEFT as written.
    pub left: String,
    /// What LEFT was.
    pub actual: String,
    /// The operator.
    #[schema(value_type = String)]
    #[serde(serialize_with = "operator_name")]
    pub operator: Operator,
    /// What it was compared with, decoded.
    pub expected: Vec<String>,
}

fn operator_name<S: serde::Serializer>(operator: &Operator, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(operator.as_str())
}

impl Evaluation {
    /// In one line: `{country} = "jp" equal "us"`.
    pub fn explain(&self) -> String {
        let expected: Vec<String> = self.expected.iter().map(|item| quote(item)).collect();
        format!(
            "{} = {} {} {}",
            self.left,
            quote(&self.actual),
            self.operator.as_str(),
            expected.join("; ")
        )
    }
}

/// Quotes for people: control characters escaped, at most 200 characters.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for (index, c) in text.chars().enumerate() {
        if index == 200 {
            out.push('…');
            break;
        }
        if c.is_control() || matches!(c, '"' | '\\') {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out.push('"');
    out
}

impl Condition {
    /// Parses what stands between the operator and the URL; both texts with their places in the source.
    pub(super) fn parse(
        operator: Operator,
        (left, left_at): (&str, usize),
        (value, value_at): (&str, usize),
        notes: &mut Notes,
    ) -> Option<Self> {
        let mut own = Notes::default();
        if left.is_empty() {
            own.add(Problem::EmptyLeft, left_at.saturating_sub(1), left_at);
        }
        if value.is_empty() && operator.takes_list() {
            let operator = operator.as_str();
            own.add(
                Problem::EmptyList { operator },
                value_at.saturating_sub(1),
                value_at,
            );
        }
        let left_parts = parts::scan(left, left_at, Syntax::Condition, &mut own);
        check_literals(left, left_at, &mut own);
        let value_parts = parts::scan(value, value_at, Syntax::Condition, &mut own);
        check_literals(value, value_at, &mut own);
        for field in parts::fields(&value_parts) {
            own.add(Problem::PlaceholderInValue, field.start, field.end);
        }
        for field in parts::fields(&left_parts).filter(|field| !field.secrets().is_empty()) {
            own.add(Problem::Part(PartProblem::SecretNotHere), field.start, field.end);
        }
        let items: Vec<&str> = if operator.takes_list() {
            value.split(';').collect()
        } else {
            vec![value]
        };
        let condition = Self {
            operator,
            left: left_parts.into_iter().map(Piece::from).collect(),
            left_source: left.to_owned(),
            items: items.iter().map(|item| decode(item)).collect(),
        };
        condition.warn_impossible(&items, value_at, &mut own);
        let is_good = !own.has_errors();
        notes.0.append(&mut own.0);
        is_good.then_some(condition)
    }

    /// A lone placeholder whose form cannot take a value is probably a slip (`{country}` = `JP`).
    fn warn_impossible(&self, items: &[&str], value_at: usize, notes: &mut Notes) {
        let [Piece::Field(field)] = self.left.as_slice() else {
            return;
        };
        let [Candidate::Known(placeholder)] = field.candidates.as_slice() else {
            return;
        };
        let mut start = value_at;
        for (typed, bytes) in items.iter().zip(&self.items) {
            let end = start + typed.len();
            let value = String::from_utf8_lossy(bytes);
            if !placeholder.format.admits(&value) {
                let lower = value.to_lowercase();
                let upper = value.to_uppercase();
                let near = [lower, upper]
                    .into_iter()
                    .find(|other| placeholder.format.admits(other));
                let problem = Problem::ImpossibleValue {
                    placeholder: placeholder.name,
                    value: value.clone().into_owned(),
                    format: placeholder.format,
                };
                match near {
                    Some(near) => notes.offer(problem, start, end, near),
                    None => notes.add(problem, start, end),
                }
            }
            start = end + 1;
        }
    }

    /// Every placeholder in it.
    pub fn fields(&self) -> impl Iterator<Item = &parts::Field> {
        self.left.iter().filter_map(|piece| match piece {
            Piece::Field(field) => Some(field),
            Piece::Literal(_) => None,
        })
    }

    /// Compares with these values. A placeholder without data is the empty text.
    pub fn evaluate(&self, values: &dyn Values) -> Evaluation {
        let mut actual: Vec<u8> = Vec::new();
        for piece in &self.left {
            match piece {
                Piece::Literal(bytes) => actual.extend_from_slice(bytes),
                Piece::Field(field) => {
                    if let Some(value) = field.value(values) {
                        actual.extend_from_slice(value.as_bytes());
                    }
                }
            }
        }
        let is_among = self.items.contains(&actual);
        Evaluation {
            holds: match self.operator {
                Operator::Equal | Operator::Contained => is_among,
                Operator::NotEqual | Operator::NotContained => !is_among,
            },
            left: self.left_source.clone(),
            actual: String::from_utf8_lossy(&actual).into_owned(),
            operator: self.operator,
            expected: self
                .items
                .iter()
                .map(|item| String::from_utf8_lossy(item).into_owned())
                .collect(),
        }
    }
}

impl From<Part> for Piece {
    fn from(part: Part) -> Self {
        match part {
            Part::Literal(text) => Self::Literal(decode(&text)),
            Part::Field(field) => Self::Field(field),
        }
    }
}

/// `%XX` and `+` of a literal.
fn decode(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).collect()
}

/// Non-ASCII and control characters must be encoded, so that what is compared can be seen.
fn check_literals(text: &str, base: usize, notes: &mut Notes) {
    let is_unencoded = |c: char| !c.is_ascii() && !matches!(c, '＃' | '｛' | '｝') || c.is_ascii_control();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some(parts::Spot::Field { length, .. } | parts::Spot::Unknown { length, .. }) =
            parts::spot(rest)
        {
            at += length;
            continue;
        }
        if c == '%' && !is_percent_triple(rest) {
            notes.offer(Problem::BadPercent, base + at, base + at + 1, "%25");
        }
        if !is_unencoded(c) {
            at += c.len_utf8();
            continue;
        }
        let run: String = rest.chars().take_while(|c| is_unencoded(*c)).collect();
        let start = base + at;
        notes.offer(
            Problem::Unencoded {
                characters: run.clone(),
            },
            start,
            start + run.len(),
            encode(&run),
        );
        at += run.len();
    }
}
