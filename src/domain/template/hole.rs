//! Holes: places of a rendered request that secrets fill when it is sent. What is stored, shown and exported holds
//! the hole, never the value, and what waits goes out with the secret of the day.
//!
//! A hole is U+0001, a letter that says how the value is escaped, what fills it, U+0002. Neither character can come
//! out of a rendered URL, form, JSON text or header by any other way: values are escaped, and literals that hold
//! control characters are refused. What fills it is `$NAME`, or a function over `$NAME` and `=text` joined by `+`
//! (texts percent-encoded).

use super::escape::{CLOSE, Escape, OPEN, is_forbidden_in_header};
use super::parts::Function;
use super::url::{MAX_BODY, MAX_URL, Unrenderable, has_dot_segment};
use crate::domain::postback::Request;
use crate::domain::secret::{FULL_ADDRESS, SecretName};
use std::borrow::Cow;

/// Values of fewer characters are not looked for in answers: they would be found everywhere.
const MASKED_FROM: usize = 8;
/// A value of which an answer's end, cut off, shows this many bytes is cut off with it.
const CUT_FROM: usize = 4;

/// Why a request cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoleError {
    /// There is no such secret.
    #[error("the secret {0} is not there: enter it on the partner's page")]
    Missing(String),
    /// With the secrets in it nothing can be sent.
    #[error("with the secret filled in, {0}")]
    Unrenderable(#[from] Unrenderable),
    /// The stored text is none that this program wrote.
    #[error("the stored request cannot be read; send it again with today's rule")]
    Damaged,
}

/// A request as it goes out, and what must not be shown of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Filled {
    /// The request with every secret in place.
    pub request: Request,
    masks: Vec<(String, String)>,
}

impl Filled {
    /// A request without holes.
    pub fn whole(request: Request) -> Self {
        Self {
            request,
            masks: Vec::new(),
        }
    }

    /// A text that came back, with every secret of the request masked by name: `‹NAME›`.
    pub fn mask(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.masks {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), &format!("‹{name}›"));
            }
        }
        for (name, value) in &self.masks {
            let ends = |at: &usize| value.is_char_boundary(*at) && text.ends_with(&value[..*at]);
            if let Some(at) = (CUT_FROM..value.len()).rev().find(ends) {
                text.truncate(text.len() - at);
                text.push_str(&format!("‹{name}›"));
            }
        }
        text
    }
}

/// Puts secrets into the holes of a request, and checks what comes of it.
pub fn fill(request: &Request, secret: &dyn Fn(&str) -> Option<String>) -> Result<Filled, HoleError> {
    let mut filling = Filling {
        secret,
        masks: Vec::new(),
    };
    let url = filling.text(&request.url)?;
    if url.len() > MAX_URL {
        return Err(Unrenderable::UrlTooLong.into());
    }
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    if has_dot_segment(path) {
        return Err(Unrenderable::DotSegment.into());
    }
    let mut headers = Vec::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        let value = filling.text(value)?;
        if value.contains(is_forbidden_in_header) {
            return Err(Unrenderable::HeaderControl.into());
        }
        headers.push((name.clone(), value));
    }
    let body = request.body.as_ref().map(|body| filling.text(body)).transpose()?;
    if body.as_ref().is_some_and(|body| body.len() > MAX_BODY) {
        return Err(Unrenderable::BodyTooLong.into());
    }
    let mut masks = filling.masks;
    masks.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    masks.dedup();
    Ok(Filled {
        request: Request {
            method: request.method,
            url,
            headers,
            body,
        },
        masks,
    })
}

struct Filling<'s> {
    secret: &'s dyn Fn(&str) -> Option<String>,
    masks: Vec<(String, String)>,
}

impl Filling<'_> {
    fn text(&mut self, text: &str) -> Result<String, HoleError> {
        let mut out = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Hole(hole) => {
                    let mut letters = hole.chars();
                    let escape = letters.next().and_then(Escape::of_letter);
                    let escape = escape.ok_or(HoleError::Damaged)?;
                    escape.write(&self.value(letters.as_str())?, &mut out);
                }
            }
        }
        Ok(out)
    }

    fn value(&mut self, expression: &str) -> Result<String, HoleError> {
        let (function, operands) = parsed(expression).ok_or(HoleError::Damaged)?;
        let mut values = Vec::with_capacity(operands.len());
        for operand in operands {
            values.push(match operand {
                Operand::Text(text) => text,
                Operand::Secret(name) => {
                    let value = (self.secret)(name).ok_or_else(|| HoleError::Missing(name.to_owned()))?;
                    self.hide(name, &value);
                    value
                }
            });
        }
        Ok(match function {
            None => values.concat(),
            Some(function) => {
                let result = function.apply(&values);
                self.hide(&shown_expression(expression), &result);
                result
            }
        })
    }

    /// A value is masked as it is and as it stands in URLs, JSON and HTML.
    fn hide(&mut self, name: &str, value: &str) {
        // An address is told apart from other text however short it is.
        if value.chars().count() < MASKED_FROM && name != FULL_ADDRESS {
            return;
        }
        let written = |escape: Escape| {
            let mut written = String::new();
            escape.write(value, &mut written);
            written
        };
        let json = written(Escape::Json);
        // Some writers of JSON and HTML escape more than they must.
        let forms = [
            value.to_owned(),
            written(Escape::Percent),
            json.replace('/', "\\/"),
            json.replace('&', "\\u0026"),
            value.replace('&', "&amp;"),
            json,
        ];
        for form in forms {
            let mask = (name.to_owned(), form);
            if !self.masks.contains(&mask) {
                self.masks.push(mask);
            }
        }
    }
}

enum Operand<'t> {
    Text(String),
    Secret(&'t str),
}

fn parsed(expression: &str) -> Option<(Option<Function>, Vec<Operand<'_>>)> {
    let (function, operands) = match expression.split_once(':') {
        Some((word, operands)) => (Some(word.parse().ok()?), operands),
        None => (None, expression),
    };
    let operands = operands.split('+').map(|operand| {
        if let Some(name) = operand.strip_prefix('$') {
            return Some(Operand::Secret(name));
        }
        let text = percent_encoding::percent_decode_str(operand.strip_prefix('=')?);
        Some(Operand::Text(text.decode_utf8().ok()?.into_owned()))
    });
    Some((function, operands.collect::<Option<_>>()?))
}

enum Piece<'t> {
    Text(&'t str),
    Hole(&'t str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.find(OPEN).unwrap_or(rest.len());
        if start > 0 {
            let (before, after) = rest.split_at(start);
            rest = after;
            return Some(Piece::Text(before));
        }
        let inner = &rest[OPEN.len_utf8()..];
        let end = inner.find(CLOSE).unwrap_or(inner.len());
        rest = inner.get(end + CLOSE.len_utf8()..).unwrap_or_default();
        Some(Piece::Hole(&inner[..end]))
    })
}

/// The hole of a secret in a header.
pub fn of_header(name: &SecretName) -> String {
    let mut hole = String::new();
    Escape::Plain.leave_hole(&format!("${}", name.as_str()), &mut hole);
    hole
}

/// Whether a request has holes.
pub fn has_holes(request: &Request) -> bool {
    let mut texts = std::iter::once(&request.url)
        .chain(request.headers.iter().map(|(_, value)| value))
        .chain(&request.body);
    texts.any(|text| text.contains(OPEN))
}

/// A text with every hole shown by what fills it: `‹NAME›`.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(OPEN) {
        return Cow::Borrowed(text);
    }
    let shown = pieces(text).map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Hole(hole) => {
            let mut letters = hole.chars();
            letters.next();
            format!("‹{}›", shown_expression(letters.as_str()))
        }
    });
    Cow::Owned(shown.collect())
}

fn shown_expression(expression: &str) -> String {
    let Some((function, operands)) = parsed(expression) else {
        return "?".into();
    };
    let operands: Vec<String> = operands
        .into_iter()
        .map(|operand| match operand {
            Operand::Secret(name) => name.to_owned(),
            Operand::Text(text) => text,
        })
        .collect();
    match function {
        Some(function) => format!("{}:{}", function.as_str(), operands.join("+")),
        None => operands.concat(),
    }
}

/// A request as it may be shown.
pub fn shown_request(request: &Request) -> Request {
    Request {
        method: request.method,
        url: shown(&request.url).into_owned(),
        headers: request
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), shown(value).into_owned()))
            .collect(),
        body: request.body.as_deref().map(|body| shown(body).into_owned()),
    }
}
