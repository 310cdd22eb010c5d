//! Words for people, for what is written outside the web interface: public pages and files. They stand in the
//! catalogues of the web interface, so that a kind of activity or a reason is called the same everywhere, and one
//! test holds both languages together.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The words of one language.
pub struct Words {
    /// `en` or `ja`.
    pub language: &'static str,
    texts: HashMap<String, String>,
}

static ENGLISH: LazyLock<Words> = LazyLock::new(|| Words::read("en", include_str!("../../web/i18n/en.json")));
static JAPANESE: LazyLock<Words> =
    LazyLock::new(|| Words::read("ja", include_str!("../../web/i18n/ja.json")));

impl Words {
    fn read(language: &'static str, catalogue: &str) -> Self {
        // A catalogue that is no JSON would show keys; a test reads both.
        let texts = serde_json::from_str(catalogue).unwrap_or_default();
        Self { language, texts }
    }

    /// The text of a key; the key itself when there is none.
    pub fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(key).map_or(key, String::as_str)
    }

    /// The text of a group and a code; the code when there is none.
    pub fn of_code(&self, group: &str, code: &str) -> String {
        self.texts
            .get(&format!("{group}.{code}"))
            .map_or_else(|| code.replace('_', " "), Clone::clone)
    }
}

/// The words of a language that is named: `en` or `ja`.
pub fn named(language: &str) -> Option<&'static Words> {
    match language {
        "en" => Some(&ENGLISH),
        "ja" => Some(&JAPANESE),
        _ => None,
    }
}

/// The words that fit an `Accept-Language` header best: the first language of it that there is, else English.
pub fn of(accepted: &str) -> &'static Words {
    let mut wanted: Vec<(f32, usize, &str)> = accepted
        .split(',')
        .take(20)
        .enumerate()
        .map(|(at, item)| {
            let (tag, rest) = item.trim().split_once(';').unwrap_or((item.trim(), ""));
            let weight = rest
                .trim()
                .strip_prefix("q=")
                .and_then(|q| q.parse().ok())
                .unwrap_or(1.0);
            (weight, at, tag)
        })
        .collect();
    wanted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let known = wanted
        .iter()
        .find_map(|(_, _, tag)| match tag.get(..2)?.to_ascii_lowercase().as_str() {
            "ja" => Some(&*JAPANESE),
            "en" => Some(&*ENGLISH),
            _ => None,
        });
    known.unwrap_or(&ENGLISH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_gets_the_language_of_the_browser() {
        for (accepted, language) in [
            ("ja", "ja"),
            ("ja-JP,ja;q=0.9,en;q=0.8", "ja"),
            ("fr,ja;q=0.5,en;q=0.8", "en"),
            ("en-GB", "en"),
            ("fr", "en"),
            ("", "en"),
            (";;,é", "en"),
        ] {
            assert_eq!(of(accepted).language, language, "{accepted}");
        }
    }

    #[test]
    fn the_words_are_there_in_both_languages() {
        for words in [of("ja"), of("en")] {
            for key in ["proof_page.title", "kind.event", "match.sid", "status.approved"] {
                assert_ne!(words.get(key), key, "{}", words.language);
            }
            assert_ne!(words.of_code("refusal", "unknown_session"), "unknown session");
        }
    }
}
