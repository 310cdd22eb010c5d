//! Checks stops of offers, partners and links.

use super::AdminError;
use crate::domain::link;
use crate::domain::stop::{Stop, StoppedVisitors};
use url::Url;

/// Longest address of a fallback, bytes.
const URL_BYTES: usize = 2048;

/// A stop of a partner as it is stored.
///
/// # Errors
/// An address that visitors cannot be led to, or an end before the beginning.
pub fn checked_stop(stop: Stop, saved_at_ms: i64) -> Result<Stop, AdminError> {
    let from_ms = if stop.from_ms <= 0 {
        saved_at_ms
    } else {
        stop.from_ms
    };
    if stop.until_ms.is_some_and(|until_ms| until_ms <= from_ms) {
        let message = "it must resume later than it stops";
        return Err(AdminError::invalid("stop.until_ms", "out_of_range", message));
    }
    if let StoppedVisitors::Fallback { url } = &stop.visitors {
        let parsed = Url::parse(url).ok();
        let is_page =
            parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.username().is_empty());
        let is_plain = !url.chars().any(|c| c.is_control() || c.is_whitespace());
        if !is_page || !is_plain || url.len() > URL_BYTES {
            let message = "enter the whole address of a page, beginning with https://";
            return Err(AdminError::invalid("stop.visitors.url", "invalid_url", message));
        }
        if link::click_target(url).is_some() {
            let message = "a click URL counts again: enter the page itself";
            return Err(AdminError::invalid("stop.visitors.url", "link_loop", message));
        }
    }
    Ok(Stop { from_ms, ..stop })
}

/// A stop of an offer or a link as it is stored.
///
/// # Errors
/// As [`checked_stop`]; postbacks are held by partner only, since they are sent by partner.
pub fn checked_unheld_stop(stop: Stop, saved_at_ms: i64) -> Result<Stop, AdminError> {
    if stop.hold_postbacks {
        let message = "postbacks can be held for a whole partner: stop that instead";
        return Err(AdminError::invalid(
            "stop.hold_postbacks",
            "hold_is_for_partners",
            message,
        ));
    }
    checked_stop(stop, saved_at_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fallback(url: &str) -> Stop {
        Stop {
            from_ms: 0,
            until_ms: None,
            visitors: StoppedVisitors::Fallback { url: url.into() },
            hold_postbacks: false,
        }
    }

    #[test]
    fn visitors_are_led_to_pages_only() {
        let kept = checked_stop(fallback("https://shop.example/ended?x=1"), 5).unwrap();
        assert_eq!(kept.from_ms, 5);
        for (url, code) in [
            ("", "invalid_url"),
            ("shop.example", "invalid_url"),
            ("javascript:alert(1)", "invalid_url"),
            ("https://a@shop.example/", "invalid_url"),
            ("https://shop.example/a b", "invalid_url"),
            ("https://t.example/c/mylink01", "link_loop"),
        ] {
            assert_eq!(checked_stop(fallback(url), 5).unwrap_err().code(), code, "{url}");
        }
        let backwards = Stop {
            until_ms: Some(5),
            ..fallback("https://shop.example/")
        };
        assert_eq!(
            checked_stop(backwards, 5).unwrap_err().field(),
            Some("stop.until_ms")
        );
        let held = Stop {
            hold_postbacks: true,
            ..fallback("https://shop.example/")
        };
        assert_eq!(
            checked_unheld_stop(held, 5).unwrap_err().code(),
            "hold_is_for_partners"
        );
    }
}
