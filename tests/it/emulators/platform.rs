//! A platform as its documents describe it: one request and the answers, as data; and the check of a request.

use super::asked::{Asked, Says};
use super::shape::{self, Kind};
use serde_json::Value;

/// Where the token stands.
#[derive(Clone, Copy)]
pub enum Token {
    /// In a header, behind a word.
    Header(&'static str, &'static str),
    /// `Authorization: Basic`, of `name:token`.
    Basic,
    /// In a member at the top of the body.
    Member(&'static str),
    Query(&'static str),
    /// It is only reckoned with, or there is none.
    Unseen,
}

/// How a test is marked.
#[derive(Clone, Copy)]
pub enum Test {
    /// A member that is true, or has text.
    Member(&'static str),
    /// Another path.
    Path(&'static str),
    Host(&'static str),
    Query(&'static str, &'static str),
    None,
}

/// What becomes of a postback that is answered so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Taken,
    /// Refused for good.
    Refused,
    /// Sent again, with the same ids.
    Again,
    /// Everything for this partner waits for a new token.
    Stopped,
}

/// An answer that is not what it seems.
pub struct Odd {
    pub what: &'static str,
    pub says: Says,
    /// The event counts all the same.
    pub counts: bool,
    pub then: Then,
    /// The platform's words, as the log shows them; empty where it has none.
    pub words: &'static str,
}

/// Something else that the platform answers.
pub struct Beside {
    pub host: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    /// Stands in the body.
    pub mark: &'static str,
    pub kind: BesideKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BesideKind {
    /// Gives a token for a refresh token.
    Tokens,
    /// Tells what became of a request.
    Look,
}

/// Judges what no table of members can say; the token comes along.
pub type Also = fn(&Asked, &Value, &str) -> Result<(), String>;

/// A platform.
pub struct Platform {
    /// Id of our preset.
    pub preset: &'static str,
    /// `a|b` where there are two.
    pub host: &'static str,
    pub method: &'static str,
    /// `*` stands for one part.
    pub path: &'static str,
    /// Names of the query; true: has to be there.
    pub query: &'static [(&'static str, bool)],
    /// Headers that have to be there, with their values.
    pub headers: &'static [(&'static str, &'static str)],
    pub token: Token,
    pub body: Option<Kind>,
    pub also: Also,
    /// What two events are one by: pointers into the body, or names of the query. None: everything counts.
    pub one_by: &'static [&'static str],
    pub test: Test,
    pub taken: Says,
    pub refused: Says,
    pub token_refused: Says,
    pub odd: &'static [Odd],
    pub beside: &'static [Beside],
    /// The request of the documents, at [`NOW_S`], and the token that it carries.
    pub example: fn() -> Asked,
    pub example_token: &'static str,
    /// What is done to the example, and the reason that it is refused for.
    pub wrong: &'static [(&'static str, &'static str)],
}

/// When the examples were sent.
pub const NOW_S: i64 = 1_795_845_900;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Token,
    /// No such path, wrong media type and the like: a status with a reason.
    Head(u16, &'static str),
    Body(String),
}

impl Fault {
    pub fn words(&self) -> String {
        match self {
            Self::Token => "token".into(),
            Self::Head(_, why) => (*why).into(),
            Self::Body(why) => why.clone(),
        }
    }
}

/// What a good request holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Good {
    pub is_test: bool,
    /// The same of two events that count once.
    pub one_by: Option<String>,
}

impl Platform {
    /// Judges a request as the platform would, with the token that it knows.
    pub fn check(&self, asked: &Asked, token: &str, now_s: i64) -> Result<Good, Fault> {
        self.check_head(asked, token)?;
        let json = asked.json().map_err(Fault::Body)?;
        if let Token::Member(name) = self.token
            && json[name] != token
        {
            return Err(Fault::Token);
        }
        if let Some(kind) = self.body {
            shape::check(kind, &json, "", now_s).map_err(Fault::Body)?;
        }
        (self.also)(asked, &json, token).map_err(Fault::Body)?;
        Ok(Good {
            is_test: self.is_test(asked, &json),
            one_by: self.one_by(asked, &json),
        })
    }

    fn check_head(&self, asked: &Asked, token: &str) -> Result<(), Fault> {
        let head = |holds: bool, status, why| {
            if holds {
                Ok(())
            } else {
                Err(Fault::Head(status, why))
            }
        };
        head(asked.header("transfer-encoding").is_none(), 400, "chunked")?;
        head(self.is_at(asked), 404, "no such path")?;
        head(asked.method == self.method, 405, "method")?;
        self.check_token(asked, token)?;
        if self.body.is_some() {
            head(
                asked.header("content-type") == Some("application/json"),
                415,
                "media type",
            )?;
            let length = asked.body.len().to_string();
            head(asked.header("content-length") == Some(&length), 411, "length")?;
        }
        head(asked.header("content-encoding").is_none(), 415, "packed")?;
        for (name, value) in self.headers {
            head(asked.header(name) == Some(value), 400, name)?;
        }
        let is_known = |name: &str| self.query.iter().any(|(known, _)| *known == name);
        let is_test = |name: &str| matches!(self.test, Test::Query(test, _) if test == name);
        head(
            asked
                .query
                .iter()
                .all(|(name, _)| is_known(name) || is_test(name)),
            400,
            "unknown in the query",
        )?;
        let mut needed = self.query.iter().filter(|(_, is_needed)| *is_needed);
        let is_there = |name: &str| asked.query_value(name).is_some_and(|value| !value.is_empty());
        head(
            needed.all(|(name, _)| is_there(name)),
            400,
            "missing in the query",
        )
    }

    /// Whether the token that is sent along is the one.
    pub fn check_token(&self, asked: &Asked, token: &str) -> Result<(), Fault> {
        let is_right = match self.token {
            Token::Header(name, before) => {
                asked.header(name).and_then(|value| value.strip_prefix(before)) == Some(token)
            }
            Token::Basic => {
                use base64::Engine as _;
                let coded = base64::engine::general_purpose::STANDARD.encode(token);
                asked.header("authorization") == Some(&format!("Basic {coded}"))
            }
            Token::Query(name) => asked.query_value(name) == Some(token),
            Token::Member(_) | Token::Unseen => true,
        };
        if is_right { Ok(()) } else { Err(Fault::Token) }
    }

    /// Whether a request leads to it.
    pub fn is_at(&self, asked: &Asked) -> bool {
        let test = match self.test {
            Test::Path(path) => Some((self.host, path)),
            Test::Host(host) => Some((host, self.path)),
            _ => None,
        };
        let ways = [(self.host, self.path)].into_iter().chain(test);
        ways.into_iter()
            .any(|(host, path)| host.split('|').any(|host| host == asked.host) && leads(path, &asked.path))
    }

    fn is_test(&self, asked: &Asked, json: &Value) -> bool {
        match self.test {
            Test::Member(pointer) => match json.pointer(pointer) {
                Some(Value::Bool(is)) => *is,
                Some(Value::String(text)) => !text.is_empty(),
                _ => false,
            },
            Test::Path(path) => leads(path, &asked.path),
            Test::Host(host) => asked.host == host,
            Test::Query(name, value) => asked.query_value(name) == Some(value),
            Test::None => false,
        }
    }

    fn one_by(&self, asked: &Asked, json: &Value) -> Option<String> {
        let part = |name: &&str| match name.strip_prefix('/') {
            Some(_) => Some(json.pointer(name)?.to_string()),
            None => asked.query_value(name).map(str::to_owned),
        };
        let parts: Option<Vec<String>> = self.one_by.iter().map(part).collect();
        parts
            .filter(|parts| !parts.is_empty())
            .map(|parts| parts.join(" "))
    }

    /// What else of the platform is asked for.
    pub fn beside(&self, asked: &Asked) -> Option<&'static Beside> {
        self.beside.iter().find(|beside| {
            beside.host == asked.host
                && beside.method == asked.method
                && leads(beside.path, &asked.path)
                && (beside.mark.is_empty() || asked.has(beside.mark))
        })
    }

    /// Whether a request is meant for it, of several that answer under one host.
    pub fn is_meant(&self, asked: &Asked, token: &str) -> bool {
        let fetches = self
            .beside(asked)
            .is_some_and(|beside| beside.kind == BesideKind::Tokens);
        let is_here = self.is_at(asked) || self.beside(asked).is_some();
        fetches || (is_here && self.check_token(asked, token).is_ok())
    }

    /// Every host that it answers under.
    pub fn hosts(&self) -> impl Iterator<Item = &'static str> {
        let test = match self.test {
            Test::Host(host) => Some(host),
            _ => None,
        };
        let beside = self.beside.iter().map(|beside| beside.host);
        self.host.split('|').chain(test).chain(beside)
    }
}

/// Whether a path is the one that is described; `*` stands for one part, `a|b` for either.
fn leads(described: &str, path: &str) -> bool {
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (described, path) = (parts(described), parts(path));
    let is_it = |(described, part): (&String, &String)| {
        (described == "*" && !part.is_empty()) || described.split('|').any(|one| one == part)
    };
    described.len() == path.len() && described.iter().zip(&path).all(is_it)
}

/// Nothing more to judge.
pub fn nothing_more(_: &Asked, _: &Value, _: &str) -> Result<(), String> {
    Ok(())
}
