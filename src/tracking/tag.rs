//! The script for the advertiser's site, as it is served at `/tag.js`.
//!
//! The script finds the address of this server from where it was loaded, so the bytes are the same for
//! everyone and can be cached.

use std::sync::LazyLock;

/// The script as it is written; ES2017, no dependency.
const SOURCE: &str = include_str!("../../web/tag/tag.js");

/// As it is served: without comments and indentation, under 4 KB gzipped (a test beside the script holds this).
static SERVED: LazyLock<String> = LazyLock::new(|| without_comments(SOURCE));

/// The script for browsers.
#[must_use]
pub fn tag_js() -> &'static str {
    &SERVED
}

/// Comments of the script are whole lines, but for the one at its head.
fn without_comments(source: &str) -> String {
    let code = match source.strip_prefix("/*").and_then(|rest| rest.split_once("*/")) {
        Some((_, code)) => code,
        None => source,
    };
    let lines = code.lines().map(str::trim);
    let kept: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect();
    kept.join("\n")
}

/// Its `Content-Type`.
pub const TAG_CONTENT_TYPE: &str = "text/javascript; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_comments_and_indentation_are_left_out() {
        let source = "/*\n * head\n */\n(function () {\n  // why\n  a('x // y'); // said\n\n})();\n";
        assert_eq!(
            without_comments(source),
            "(function () {\na('x // y'); // said\n})();"
        );
        assert!(tag_js().starts_with("(function") && tag_js().ends_with("(window, document);"));
    }
}
