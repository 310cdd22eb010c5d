//! A request as it came to a platform, and the platform's answer.

use serde_json::Value;

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub host: String,
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    /// A POST of JSON to a URL.
    pub fn post(url: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let mut asked = Self::get(url, headers);
        asked.method = "POST".into();
        asked.set_header("Content-Type", Some("application/json"));
        asked.set_header("Content-Length", Some(&body.len().to_string()));
        asked.body = body.into();
        asked
    }

    /// A GET of a URL.
    pub fn get(url: &str, headers: &[(&str, &str)]) -> Self {
        let url = url::Url::parse(url).expect("a URL");
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut asked = Self {
            host: url.host_str().unwrap_or_default().into(),
            method: "GET".into(),
            path: url.path().into(),
            query: url.query_pairs().into_owned().collect(),
            headers: vec![("User-Agent".into(), "Yamabiko".into())],
            body: Vec::new(),
        };
        for (name, value) in headers.iter().map(own) {
            asked.set_header(&name, Some(&value));
        }
        asked
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn set_header(&mut self, name: &str, value: Option<&str>) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers
            .extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The pairs of a form.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The body, or nothing where there is none.
    pub fn json(&self) -> Result<Value, String> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).map_err(|_| "no JSON".to_owned())
    }

    /// Whether a text stands anywhere in it.
    pub fn has(&self, text: &str) -> bool {
        self.query.iter().any(|(_, value)| value.contains(text))
            || String::from_utf8_lossy(&self.body).contains(text)
    }

    /// The request as text, to be laid beside the platform's documents.
    pub fn shown(&self) -> String {
        let query: Vec<String> = self.query.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let join = if query.is_empty() { "" } else { "?" };
        let mut text = format!(
            "{} https://{}{}{join}{}\n",
            self.method,
            self.host,
            self.path,
            query.join("&")
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\n"));
        }
        let body = String::from_utf8_lossy(&self.body);
        let body = self
            .json()
            .ok()
            .filter(|json| !json.is_null())
            .map_or(body.into_owned(), |json| format!("{json:#}"));
        format!("{text}\n{body}\n")
    }
}

/// An answer of a platform; `{words}` in the body is what it has to say, `{token}` what it was shown.
#[derive(Clone, Copy, Debug)]
pub struct Says {
    pub status: u16,
    pub headers: &'static [(&'static str, &'static str)],
    pub body: &'static str,
}

/// An answer without headers of its own.
pub const fn says(status: u16, body: &'static str) -> Says {
    Says {
        status,
        headers: &[],
        body,
    }
}

/// An answer that says when to come again.
pub const fn later(status: u16, body: &'static str) -> Says {
    Says {
        status,
        headers: &[("Retry-After", "1")],
        body,
    }
}
