//! Times that callers name: unix seconds or milliseconds, and ISO 8601, whichever of them under whichever name, since
//! servers send either.
//!
//! It must not know what a time is allowed to be; windows and clocks are checked where it is used.

use super::query::FieldError;
use jiff::Timestamp;
use jiff::fmt::strtime;

/// Values from here on are milliseconds: as seconds they would lie beyond the year 5138.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// A time in unix milliseconds, of unix seconds (milliseconds when the number has 12 digits or more; a fraction is
/// dropped), or of ISO 8601 with an offset in the forms that servers and SDKs write (`2026-11-21T15:04:05Z`,
/// `2026-11-21T15:04:05.000+0900`, `2026-11-21T15:04:05.000Z+0900`).
///
/// # Errors
/// `invalid_time`; also for a time without an offset: nobody knows whose it is.
pub fn read(field: &str, text: &str) -> Result<i64, FieldError> {
    let text = text.trim();
    unix(text).or_else(|| iso(text)).ok_or_else(|| {
        FieldError::new(
            field,
            "invalid_time",
            "Send unix seconds such as 1763000000, or ISO 8601 with an offset such as 2026-11-21T15:04:05+09:00.",
        )
    })
}

fn unix(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    match whole.parse().ok()? {
        seconds if seconds < FIRST_MILLISECONDS => Some(seconds * 1000),
        milliseconds if milliseconds < FIRST_MILLISECONDS * 1000 => Some(milliseconds),
        _ => None,
    }
}

fn iso(text: &str) -> Option<i64> {
    let text = spelled(text).replacen("Z+", "+", 1).replacen("Z-", "-", 1);
    text.parse::<Timestamp>()
        .or_else(|_| strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", &text).and_then(|time| time.to_timestamp()))
        .ok()
        .map(Timestamp::as_millisecond)
}

/// A time with `T` between date and clock, and without the blanks that stand for it or for a `+` that a form decoder
/// took for one; `2026/11/29` is a date too.
fn spelled(text: &str) -> String {
    let (date, clock) = match text.char_indices().nth(10) {
        Some((at, ' ' | 'T' | 't')) => (&text[..at], &text[at + 1..]),
        _ => return text.replace(' ', "+"),
    };
    let date = date.replace('/', "-");
    let clock = clock.trim_start();
    let clock = match clock.split_once(' ') {
        Some((clock, offset)) => match offset.trim_start() {
            offset if offset.starts_with(['+', '-', 'Z']) => format!("{clock}{offset}"),
            offset => format!("{clock}+{offset}"),
        },
        None => clock.to_owned(),
    };
    format!("{date}T{clock}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_times() {
        for (text, at_ms) in [
            ("1763000000", 1_763_000_000_000),
            (" 1763000000 ", 1_763_000_000_000),
            ("1763000000123", 1_763_000_000_123),
            ("1763000000.4567", 1_763_000_000_000),
            ("0", 0),
        ] {
            assert_eq!(read("created_at", text), Ok(at_ms), "{text}");
        }
        for text in [
            "-1",
            ".5",
            "1.",
            "1e9",
            "99999999999999999999",
            "999999999999999999",
        ] {
            assert_eq!(read("t", text).unwrap_err().code, "invalid_time", "{text}");
        }
    }

    #[test]
    fn iso_times() {
        for (text, at_ms) in [
            ("2017-01-02T15:04:05Z", 1_483_369_445_000),
            ("2017-01-02T15:04:05.000+0000", 1_483_369_445_000),
            ("2017-01-03T00:04:05+09:00", 1_483_369_445_000),
            ("2017-01-03T00:04:05.250+0900", 1_483_369_445_250),
            // A `+` that a form decoder took for a space.
            ("2017-01-03T00:04:05 09:00", 1_483_369_445_000),
            ("2024-01-25T14:13:16.151Z+0100", 1_706_188_396_151),
            ("2017-01-03 00:04:05+09:00", 1_483_369_445_000),
            ("2017-01-03 00:04:05 +0900", 1_483_369_445_000),
            ("2017-01-03 00:04:05  0900", 1_483_369_445_000),
            ("2017-01-02 15:04:05Z", 1_483_369_445_000),
            ("2017/01/03 00:04:05 +0900", 1_483_369_445_000),
        ] {
            assert_eq!(read("created_at_unix", text), Ok(at_ms), "{text}");
        }
        for text in ["", "yesterday", "2017-01-02T15:04:05", "2017-13-02T15:04:05Z"] {
            let error = read("created_at", text).unwrap_err();
            assert_eq!(
                (error.field.as_str(), error.code),
                ("created_at", "invalid_time"),
                "{text}"
            );
        }
    }
}
