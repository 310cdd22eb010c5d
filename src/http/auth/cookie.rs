//! The cookie of a login, and the one by which a browser that signed in before is known.

use crate::admin::known_browser::KNOWN_MS;
use crate::admin::logins::ABSOLUTE_MS;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};

/// Name of the cookie: the `__Host-` prefix binds it to this host and to TLS where there is TLS.
pub fn cookie_name(is_tls: bool) -> &'static str {
    if is_tls { "__Host-yamabiko" } else { "yamabiko" }
}

/// The cookie of a login; an empty value removes it.
pub fn cookie(is_tls: bool, value: String) -> Cookie<'static> {
    let life = if value.is_empty() {
        CookieDuration::ZERO
    } else {
        CookieDuration::milliseconds(ABSOLUTE_MS)
    };
    kept(cookie_name(is_tls), is_tls, value, life)
}

/// Name of the cookie by which a browser is known.
pub fn known_name(is_tls: bool) -> &'static str {
    if is_tls {
        "__Host-yamabiko-known"
    } else {
        "yamabiko-known"
    }
}

/// The cookie by which a browser is known.
pub fn known(is_tls: bool, value: String) -> Cookie<'static> {
    kept(
        known_name(is_tls),
        is_tls,
        value,
        CookieDuration::milliseconds(KNOWN_MS),
    )
}

fn kept(name: &'static str, is_tls: bool, value: String, life: CookieDuration) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(is_tls)
        .max_age(life)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_bound_to_the_host() {
        let tls = cookie(true, "x".into()).to_string();
        assert!(tls.starts_with("__Host-yamabiko=x;"), "{tls}");
        for attribute in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
            assert!(tls.contains(attribute), "{tls}");
        }
        let known = known(true, "x".into()).to_string();
        for attribute in [
            "__Host-yamabiko-known=x;",
            "HttpOnly",
            "SameSite=Strict",
            "Secure",
        ] {
            assert!(known.contains(attribute), "{known}");
        }
        assert!(!cookie(false, "x".into()).to_string().contains("Secure"));
        assert!(cookie(true, String::new()).to_string().contains("Max-Age=0"));
    }
}
