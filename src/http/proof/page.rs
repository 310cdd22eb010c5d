//! The public page as HTML. Every text goes through [`Html::text`]; nothing is inline that the content policy
//! forbids.

use crate::domain::postback::ErrorClass;
use crate::domain::proof::Proof;
use crate::domain::session::EngagementKind;
use crate::reports::story::{AttemptLine, Click, Happening, PostbackLine, RuleLine, Story};
use crate::reports::words::Words;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A page that is being written.
#[derive(Default)]
struct Html(String);

impl Html {
    /// Markup of ours, as it stands.
    fn raw(&mut self, markup: &str) -> &mut Self {
        self.0 += markup;
        self
    }

    /// Text of anybody.
    fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0 += "&amp;",
                '<' => self.0 += "&lt;",
                '>' => self.0 += "&gt;",
                '"' => self.0 += "&quot;",
                '\'' => self.0 += "&#39;",
                c if c.is_control() => self.0.push(' '),
                c => self.0.push(c),
            }
        }
        self
    }

    /// A term and its description; nothing when the description is empty.
    fn fact(&mut self, term: &str, description: &str) -> &mut Self {
        if description.is_empty() {
            return self;
        }
        self.raw("<div><dt>")
            .text(term)
            .raw("</dt><dd>")
            .text(description)
            .raw("</dd></div>")
    }
}

fn document(words: &Words, title: &str, body: &Html) -> String {
    let mut page = Html::default();
    page.raw("<!doctype html>\n<html lang=\"")
        .raw(words.language)
        .raw("\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .raw("<meta name=\"robots\" content=\"noindex, nofollow\">\n<meta name=\"referrer\" content=\"no-referrer\">\n")
        .raw("<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n")
        .raw("<link rel=\"stylesheet\" href=\"/proof/style.css\">\n<title>")
        .text(title)
        .raw("</title>\n</head>\n<body>\n<main>\n")
        .raw(&body.0)
        .raw("</main>\n</body>\n</html>\n");
    page.0
}

fn message(words: &Words, title: &str, text: &str) -> String {
    let mut body = Html::default();
    body.raw("<h1>")
        .text(words.get(title))
        .raw("</h1>\n<p>")
        .text(words.get(text))
        .raw("</p>\n");
    document(words, words.get(title), &body)
}

/// The page for a link that is unknown, expired or revoked.
pub(super) fn nothing(words: &Words) -> String {
    message(words, "proof_page.nothing", "proof_page.nothing_text")
}

/// The page for somebody who asks too often.
pub(super) fn too_many(words: &Words) -> String {
    message(words, "proof_page.later", "proof_page.later_text")
}

/// The story as a page; times are those of `zone`.
pub(super) fn write(story: &Story, proof: &Proof, words: &Words, zone: &TimeZone, now_ms: i64) -> String {
    let title = words.get("proof_page.title");
    let mut writer = Writer {
        html: Html::default(),
        words,
        zone,
    };
    writer
        .html
        .raw("<h1>")
        .text(title)
        .raw("</h1>\n<p>")
        .text(words.get("proof_page.lead"))
        .raw("</p>\n<dl>");
    writer.html.fact(words.get("proof_page.offer"), &story.offer);
    writer.html.fact(words.get("proof_page.partner"), &story.partner);
    writer.html.fact(words.get("proof_page.link"), &story.link);
    writer.timed("proof_page.as_of", now_ms);
    writer.timed("proof_page.until", proof.expires_at_ms);
    writer
        .html
        .fact(words.get("proof_page.zone"), zone.iana_name().unwrap_or("UTC"));
    writer.html.raw("</dl>\n<ol>\n");
    if let Some(click) = &story.click {
        writer.click(click);
    }
    for happening in &story.activities {
        writer.happening(happening);
    }
    writer
        .html
        .raw("</ol>\n<p class=\"note\">")
        .text(words.get("proof_page.masked"))
        .raw("</p>\n");
    document(words, title, &writer.html)
}

struct Writer<'a> {
    html: Html,
    words: &'a Words,
    zone: &'a TimeZone,
}

impl Writer<'_> {
    fn time(&mut self, at_ms: i64) {
        let Ok(at) = Timestamp::from_millisecond(at_ms) else {
            return;
        };
        let local = at.to_zoned(self.zone.clone());
        self.html
            .raw("<time datetime=\"")
            .raw(&at.to_string())
            .raw("\">")
            .raw(&local.strftime("%Y-%m-%d %H:%M:%S").to_string())
            .raw("</time>");
    }

    fn timed(&mut self, term: &str, at_ms: i64) {
        self.html
            .raw("<div><dt>")
            .text(self.words.get(term))
            .raw("</dt><dd>");
        self.time(at_ms);
        self.html.raw("</dd></div>");
    }

    fn heading(&mut self, title: &str, at_ms: i64) {
        self.html.raw("<li>\n<h2>").text(title).raw("</h2>\n<p>");
        self.time(at_ms);
        self.html.raw("</p>\n<dl>");
    }

    fn click(&mut self, click: &Click) {
        let words = self.words;
        let kind = match click.kind {
            EngagementKind::Impression => "kind.impression",
            EngagementKind::Click | EngagementKind::Direct => "kind.click",
        };
        self.heading(words.get(kind), click.at_ms);
        self.html.fact(words.get("proof_page.sid"), &click.sid);
        for (n, value) in click.para.iter().enumerate() {
            self.html.fact(&format!("PARA{}", n + 1), value);
        }
        self.html.fact(words.get("proof_page.device"), &click.device);
        self.html.fact(words.get("proof_page.country"), &click.country);
        self.html.raw("</dl>\n");
        self.rules(&click.rules);
        self.postbacks(&click.postbacks);
        self.html.raw("</li>\n");
    }

    fn happening(&mut self, a: &Happening) {
        let words = self.words;
        let kind = words.of_code("kind", a.kind.as_str());
        let title = if a.event.is_empty() {
            kind
        } else {
            format!("{kind}: {}", a.event)
        };
        self.heading(&title, a.at_ms);
        let verdict = match (a.is_accepted, a.reason) {
            (true, _) => words.get("proof_page.accepted").to_owned(),
            (false, None) => words.get("proof_page.refused").to_owned(),
            (false, Some(reason)) => {
                format!(
                    "{}: {}",
                    words.get("proof_page.refused"),
                    words.of_code("refusal", reason)
                )
            }
        };
        self.html.fact(words.get("proof_page.verdict"), &verdict);
        let status = a.status.map(|status| words.of_code("status", status.as_str()));
        self.html
            .fact(words.get("proof_page.status"), &status.unwrap_or_default());
        self.html.fact(words.get("proof_page.order"), &a.order);
        if let Some(matched) = a.match_type {
            let code = serde_json::to_value(matched).ok();
            let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or_default();
            self.html
                .fact(words.get("proof_page.match"), &words.of_code("match", code));
            let count = a.candidates.to_string();
            self.html.fact(
                words.get("proof_page.candidates"),
                if a.candidates > 0 { &count } else { "" },
            );
        }
        self.html.raw("</dl>\n");
        self.rules(&a.rules);
        self.postbacks(&a.postbacks);
        self.html.raw("</li>\n");
    }

    fn rules(&mut self, rules: &[RuleLine]) {
        if rules.is_empty() {
            return;
        }
        let words = self.words;
        self.html
            .raw("<h3>")
            .text(words.get("proof_page.rules"))
            .raw("</h3>\n<ul>\n");
        for rule in rules {
            let name = if rule.name.is_empty() {
                words.get("proof_page.unnamed_rule")
            } else {
                &rule.name
            };
            let held = words.get(if rule.holds {
                "proof_page.holds"
            } else {
                "proof_page.holds_not"
            });
            self.html
                .raw("<li>")
                .text(name)
                .raw(": ")
                .text(held)
                .raw("</li>\n");
        }
        self.html.raw("</ul>\n");
    }

    fn postbacks(&mut self, postbacks: &[PostbackLine]) {
        let words = self.words;
        let own_server = words.get("proof_page.own_server");
        for postback in postbacks {
            self.html
                .raw("<h3>")
                .text(words.get("proof_page.postback"))
                .raw(" <code>")
                .text(postback.host.as_deref().unwrap_or(own_server))
                .raw("</code> ")
                .text(&words.of_code("postback", postback.state))
                .raw("</h3>\n");
            if postback.attempts.is_empty() {
                continue;
            }
            self.html.raw("<table>\n<thead><tr>");
            for head in ["proof_page.time", "proof_page.result", "proof_page.duration"] {
                self.html
                    .raw("<th scope=\"col\">")
                    .text(words.get(head))
                    .raw("</th>");
            }
            self.html.raw("</tr></thead>\n<tbody>\n");
            for attempt in &postback.attempts {
                self.attempt(attempt);
            }
            self.html.raw("</tbody>\n</table>\n");
        }
    }

    fn attempt(&mut self, attempt: &AttemptLine) {
        self.html.raw("<tr><td>");
        self.time(attempt.at_ms);
        let result = match attempt.result {
            Ok(status) => format!("HTTP {status}"),
            Err(class) => self.words.of_code("attempt_error", error_code(class)),
        };
        self.html
            .raw("</td><td>")
            .text(&result)
            .raw("</td><td>")
            .text(&format!("{} ms", attempt.duration_ms))
            .raw("</td></tr>\n");
    }
}

fn error_code(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Dns => "dns",
        ErrorClass::Connect => "connect",
        ErrorClass::Tls => "tls",
        ErrorClass::Timeout => "timeout",
        ErrorClass::Reset => "reset",
        ErrorClass::Malformed => "malformed",
        ErrorClass::Egress => "egress",
        ErrorClass::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn what_anybody_typed_is_text() {
        let story = Story {
            offer: "<script>alert(1)</script>".into(),
            partner: "\" onload='x' &amp;".into(),
            link: String::new(),
            click: None,
            activities: vec![],
        };
        let proof = Proof {
            subject: crate::domain::ids::TimeId::new(0, 0),
            created_by: "user hanako".into(),
            created_at_ms: 0,
            expires_at_ms: 1_800_000_000_000,
        };
        for language in ["en", "ja"] {
            let page = write(
                &story,
                &proof,
                words::of(language),
                &TimeZone::UTC,
                1_700_000_000_000,
            );
            assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
            assert!(page.contains("&quot; onload=&#39;x&#39; &amp;amp;"), "{page}");
            assert!(
                !page.contains("hanako") && !page.contains("proof_page."),
                "{page}"
            );
            assert!(page.contains("2023-11-14 22:13:20"), "{page}");
        }
    }
}
