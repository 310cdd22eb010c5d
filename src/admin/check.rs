//! What fields may look like: one function a kind of field, each error with field, code and remedy.

use super::AdminError;
use std::str::FromStr;

type Checked = Result<(), AdminError>;

/// Most characters of a name.
pub const NAME_CHARS: usize = 200;
/// Most characters of free text.
pub const NOTE_CHARS: usize = 4000;

/// An id as it was typed or stands in a path; one of a wrong form is simply not there.
pub fn id<T: FromStr>(kind: &'static str, text: &str) -> Result<T, AdminError> {
    text.parse()
        .map_err(|_| AdminError::not_found(kind, text.chars().take(64).collect::<String>()))
}

/// The id in a form must be that of the object that it replaces.
pub fn same_id<T: PartialEq + Clone>(given: Option<T>, own: &T) -> Result<T, AdminError> {
    match given {
        Some(given) if given != *own => Err(AdminError::invalid(
            "id",
            "id_mismatch",
            "ids never change: leave the id out, or send the one of the address",
        )),
        _ => Ok(own.clone()),
    }
}

/// A name: not empty, at most 200 characters, no control characters.
pub fn name(field: &str, text: &str) -> Checked {
    if text.trim().is_empty() {
        return Err(AdminError::invalid(field, "empty", "enter a name"));
    }
    text_up_to(field, text, NAME_CHARS)
}

/// Text that may be empty, on one line.
pub fn text_up_to(field: &str, text: &str, chars: usize) -> Checked {
    if text.chars().count() > chars {
        return Err(AdminError::invalid(
            field,
            "too_long",
            format!("use at most {chars} characters"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(AdminError::invalid(
            field,
            "control_character",
            "remove line breaks and control characters",
        ));
    }
    Ok(())
}

/// Free text of several lines.
pub fn note(field: &str, text: &str) -> Checked {
    if text.chars().count() > NOTE_CHARS {
        return Err(AdminError::invalid(
            field,
            "too_long",
            format!("use at most {NOTE_CHARS} characters"),
        ));
    }
    Ok(())
}

/// A number within bounds.
pub fn within<T: PartialOrd + std::fmt::Display>(field: &str, value: T, from: T, to: T) -> Checked {
    if value < from || value > to {
        return Err(AdminError::invalid(
            field,
            "out_of_range",
            format!("use a number from {from} to {to}"),
        ));
    }
    Ok(())
}

/// At most so many entries.
pub fn at_most<T>(field: &str, list: &[T], most: usize) -> Checked {
    if list.len() > most {
        return Err(AdminError::invalid(
            field,
            "too_many",
            format!("use at most {most} entries"),
        ));
    }
    Ok(())
}

/// `https://t.example.com`: scheme, host, possibly a port, nothing else. Gives it without a slash at the end.
pub fn origin(field: &str, text: &str) -> Result<String, AdminError> {
    let wrong = || {
        AdminError::invalid(
            field,
            "invalid_origin",
            "enter an address such as https://t.example.com: http or https, a host, possibly a port, no path",
        )
    };
    let url = url::Url::parse(text.trim()).map_err(|_| wrong())?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    if is_plain {
        Ok(url.origin().ascii_serialization())
    } else {
        Err(wrong())
    }
}

/// The name in a `Host` header, lower case, without port and final dot; `None` when it is not one.
pub fn host_name(host: &str) -> Option<String> {
    let host = host.trim();
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"/\\@?#".contains(c);
    (!name.is_empty() && name.chars().all(is_plain)).then_some(name)
}

/// An http or https URL with a host and without user information.
pub fn web_url(field: &str, text: &str) -> Checked {
    let url = url::Url::parse(text)
        .ok()
        .filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    match url {
        Some(url)
            if url.username().is_empty()
                && url.password().is_none()
                && !text.chars().any(char::is_control) =>
        {
            Ok(())
        }
        _ => Err(AdminError::invalid(
            field,
            "invalid_url",
            "enter a whole URL that begins with https:// or http://",
        )),
    }
}

/// An IANA time zone.
pub fn time_zone(field: &str, text: &str) -> Result<jiff::tz::TimeZone, AdminError> {
    jiff::tz::TimeZone::get(text).map_err(|_| {
        AdminError::invalid(
            field,
            "unknown_time_zone",
            "use a name such as Asia/Tokyo, Europe/Berlin or UTC",
        )
    })
}

/// `en` or `ja`.
pub fn language(field: &str, text: &str) -> Checked {
    if matches!(text, "en" | "ja") {
        Ok(())
    } else {
        Err(AdminError::invalid(field, "unknown_language", "use en or ja"))
    }
}

/// The name of a query parameter that we or a partner put on a URL.
pub fn parameter_name(field: &str, text: &str) -> Checked {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']' | '~');
    if text.is_empty() || text.len() > 64 || !text.chars().all(good) {
        return Err(AdminError::invalid(
            field,
            "invalid_parameter_name",
            "use 1 to 64 letters, digits, _ - . ~ or brackets, as the name stands in the URL",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: Result<T, AdminError>) -> &'static str {
        result.err().map_or("ok", |error| error.code())
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(code(name("name", "  ")), "empty");
        assert_eq!(code(name("name", "夏のキャンペーン")), "ok");
        assert_eq!(code(name("name", &"あ".repeat(201))), "too_long");
        assert_eq!(code(name("name", "a\nb")), "control_character");
        assert_eq!(code(within("days", 0, 1, 365)), "out_of_range");
        assert_eq!(code(within("days", 365, 1, 365)), "ok");
    }

    #[test]
    fn origins_and_urls() {
        assert_eq!(
            origin("x", " https://T.example.com/ ").unwrap(),
            "https://t.example.com"
        );
        assert_eq!(
            origin("x", "http://t.example.com:8080").unwrap(),
            "http://t.example.com:8080"
        );
        for bad in [
            "t.example.com",
            "https://t.example.com/a",
            "ftp://a.example",
            "https://u@a.example",
            "",
            "https://",
        ] {
            assert_eq!(code(origin("x", bad)), "invalid_origin", "{bad}");
        }
        for (url, expected) in [
            ("https://a.example/x?y", "ok"),
            ("javascript:alert(1)", "invalid_url"),
            ("https://u:p@a.example/", "invalid_url"),
            ("//a.example/", "invalid_url"),
        ] {
            assert_eq!(code(web_url("x", url)), expected, "{url}");
        }
    }

    #[test]
    fn zones_languages_parameters() {
        assert_eq!(code(time_zone("tz", "Asia/Tokyo")), "ok");
        assert_eq!(code(time_zone("tz", "Tokyo")), "unknown_time_zone");
        assert_eq!(code(language("language", "ja")), "ok");
        assert_eq!(code(language("language", "fr")), "unknown_language");
        assert_eq!(code(parameter_name("n", "param1")), "ok");
        assert_eq!(code(parameter_name("n", "a b")), "invalid_parameter_name");
    }
}
