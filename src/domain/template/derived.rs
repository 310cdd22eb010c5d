//! Values that nobody sent but that follow from what was: hashes of ids, the cost in the offer's currency, hours of
//! times, the store of a destination, whether tracking is limited.
//!
//! Ids are hashed in the spelling in which their systems write them: those of Apple and hardware addresses in
//! upper case, all others in lower case, the app's own as they are.

use crate::domain::hex::hex;
use crate::domain::money::{Currency, Money, parse_amount};
use aws_lc_rs::digest;
use md5::{Digest, Md5};

/// The value of a name, from other values by name. `currency` is that of the offer.
pub(super) fn value(
    name: &str,
    currency: Option<Currency>,
    of: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    match name {
        "idfa_md5" => of("idfa_md5_hex").or_else(|| of("idfa").map(|id| md5(&id.to_ascii_uppercase()))),
        "idfa_md5_hex" => of("idfa_md5").or_else(|| of("idfa").map(|id| md5(&id.to_ascii_uppercase()))),
        "gps_adid_md5" => of("gps_adid").map(|id| md5(&id.to_ascii_lowercase())),
        "android_id_md5" => of("android_id").map(|id| md5(&id.to_ascii_lowercase())),
        "oaid_md5" => of("oaid").map(|id| md5(&id.to_ascii_lowercase())),
        "mac_md5" => of("mac").map(|id| md5(&id.to_ascii_uppercase())),
        "mac_sha1" => of("mac").map(|id| sha1(&id.to_ascii_uppercase())),
        "external_device_id_md5" => of("external_device_id").map(|id| md5(&id)),
        "cost_id_md5" => of("cost_id").map(|id| md5(&id)),
        "reporting_cost" => reporting_cost(currency?, of),
        "store" => store(&of("destination")?).map(Into::into),
        "tracking_enabled" => tracking_limited(&of).map(|limited| flag(!limited)),
        "tracking_limited" => tracking_limited(&of).map(flag),
        "device_manufacturer" => (of("os_name")?.eq_ignore_ascii_case("ios")).then(|| "apple".into()),
        hour => {
            let at: i64 = of(hour.strip_suffix("_hour")?)?.parse().ok()?;
            Some((at.div_euclid(3600) * 3600).to_string())
        }
    }
}

fn flag(is: bool) -> String {
    u8::from(is).to_string()
}

/// Whether ad tracking is limited: as either name says, else by the consent on iOS. Without an answer yet it is not
/// known.
fn tracking_limited(of: &impl Fn(&str) -> Option<String>) -> Option<bool> {
    let said = |name: &str| match of(name)?.as_str() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    };
    said("tracking_limited")
        .or_else(|| said("tracking_enabled").map(|enabled| !enabled))
        .or_else(|| match of("att_status")?.as_str() {
            "3" => Some(false),
            "1" | "2" => Some(true),
            _ => None,
        })
}

/// The store that a destination leads to.
fn store(destination: &str) -> Option<&'static str> {
    let url = url::Url::parse(destination).ok()?;
    match (url.scheme(), url.host_str().unwrap_or_default()) {
        ("itms" | "itms-apps" | "itms-appss", _) | (_, "apps.apple.com" | "itunes.apple.com") => {
            Some("itunes")
        }
        ("market", _) | (_, "play.google.com") => Some("google"),
        ("ms-windows-store", _) | (_, "apps.microsoft.com" | "www.microsoft.com") => Some("wstore"),
        ("amzn", _) => Some("amazon"),
        (_, host) if host.starts_with("www.amazon.") && url.path().contains("/dp/") => Some("amazon"),
        _ => None,
    }
}
fn reporting_cost(currency: Currency, of: impl Fn(&str) -> Option<String>) -> Option<String> {
    let is_same = of("cost_currency")?.trim().parse() == Ok(currency);
    let amount = parse_amount(&of("cost_amount")?).ok().filter(|_| is_same)?;
    Some(Money { amount, currency }.amount_text())
}

fn md5(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

fn sha1(text: &str) -> String {
    hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(name: &str, known: &[(&str, &str)]) -> Option<String> {
        value(name, Some(Currency::JPY), |of| {
            known
                .iter()
                .find(|(name, _)| *name == of)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn hashes_are_of_the_spelling_of_their_system() {
        for (name, known, expected) in [
            ("idfa_md5", ("idfa", "abc"), md5("ABC")),
            ("idfa_md5", ("idfa_md5_hex", "0f"), "0f".into()),
            ("idfa_md5_hex", ("idfa", "ABC"), md5("ABC")),
            (
                "gps_adid_md5",
                ("gps_adid", "ABC"),
                "900150983cd24fb0d6963f7d28e17f72".into(),
            ),
            ("android_id_md5", ("android_id", "aBc"), md5("abc")),
            ("oaid_md5", ("oaid", "abc"), md5("abc")),
            ("mac_md5", ("mac", "aa:bb"), md5("AA:BB")),
            ("mac_sha1", ("mac", "aa:bb"), sha1("AA:BB")),
            (
                "external_device_id_md5",
                ("external_device_id", "aBc"),
                md5("aBc"),
            ),
            ("cost_id_md5", ("cost_id", "abc"), md5("abc")),
        ] {
            assert_eq!(from(name, &[known]), Some(expected), "{name}");
            assert_eq!(from(name, &[]), None, "{name}");
        }
        assert_eq!(sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn a_cost_is_reported_in_its_own_currency_only() {
        let cost = |currency| {
            from(
                "reporting_cost",
                &[("cost_amount", "0.350"), ("cost_currency", currency)],
            )
        };
        assert_eq!(cost("jpy").as_deref(), Some("0.35"));
        assert_eq!(cost("usd"), None);
        assert_eq!(from("reporting_cost", &[("cost_amount", "1")]), None);
    }
}
