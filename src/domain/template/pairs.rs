//! Pairs of a query or form: what stands between the `&`.

use super::parts::{self, Field, Part, Values, fields, fill_encoded};
use crate::domain::rule::NoData;

/// Pairs as of a query or form: what stands between the `&`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pairs(Vec<Vec<Part>>);

impl Pairs {
    /// Splits parts at `&`.
    pub(super) fn split(parts: Vec<Part>) -> Self {
        let mut pairs = vec![Vec::new()];
        for part in parts {
            match part {
                Part::Literal(text) => {
                    for (index, piece) in text.split('&').enumerate() {
                        if index > 0 {
                            pairs.push(Vec::new());
                        }
                        if let (false, Some(pair)) = (piece.is_empty(), pairs.last_mut()) {
                            pair.push(Part::Literal(piece.to_owned()));
                        }
                    }
                }
                field @ Part::Field(_) => {
                    if let Some(pair) = pairs.last_mut() {
                        pair.push(field);
                    }
                }
            }
        }
        Self(pairs)
    }

    /// Names of pairs whose name is a literal.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|pair| match pair.first() {
            Some(Part::Literal(text)) => match text.split_once('=') {
                Some((name, _)) => Some(name),
                None if pair.len() == 1 => Some(text.as_str()),
                None => None,
            },
            _ => None,
        })
    }

    /// Renders the pairs that stay.
    pub(super) fn render(&self, values: &dyn Values, no_data: &NoData) -> Vec<String> {
        let is_dropped = |pair: &[Part]| *no_data == NoData::Drop && parts::is_without_data(pair, values);
        self.0
            .iter()
            .filter(|pair| !is_dropped(pair))
            .map(|pair| {
                let mut text = String::new();
                fill_encoded(pair, values, no_data, &mut text);
                text
            })
            .collect()
    }

    /// The pairs, each as its parts.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Vec<Part>> {
        self.0.iter()
    }

    /// Every pair cut at its first `=`, without empty ones.
    pub(super) fn into_names_and_values(self) -> impl Iterator<Item = (Vec<Part>, Vec<Part>)> {
        self.0
            .into_iter()
            .filter(|pair| !pair.is_empty())
            .map(|pair| match parts::cut_at(pair, &['=']) {
                (name, Some((_, value))) => (name, value),
                (name, None) => (name, Vec::new()),
            })
    }

    /// Whether every pair has a name and a `=`; empty pairs are passed over.
    pub(super) fn are_named(&self) -> bool {
        self.0.iter().filter(|pair| !pair.is_empty()).all(|pair| {
            pair.iter().enumerate().any(|(index, part)| match part {
                Part::Literal(text) => text.find('=').is_some_and(|at| index > 0 || at > 0),
                Part::Field(_) => false,
            })
        })
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.0.iter().flat_map(|pair| fields(pair))
    }
}
