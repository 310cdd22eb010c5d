//! The catalogue of placeholders: every name that `{name}` and `##NAME##` can take, with its meaning, format,
//! sample, and the activity kinds that have data for it. One table; nothing else in the product lists names.
//! It must not know where a value is stored: that is `values`.
//!
//! 2026-11-21: availability is stated for this product, not for the systems the names come from. A name that
//! is filled from a parameter of the click is available for every kind, since the credited click is copied
//! into each activity.

mod app;
mod core;
mod person;
mod vendor;

use crate::domain::activity::ActivityKind;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A set of activity kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self::of(ActivityKind::ALL);

    /// The set of the given kinds.
    pub const fn of(kinds: &[ActivityKind]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < kinds.len() {
            bits |= 1 << kinds[at] as u32;
            at += 1;
        }
        Self(bits)
    }

    /// Both sets together.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the kind is in the set.
    pub const fn contains(self, kind: ActivityKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// The kinds in the order of the specification.
    pub fn iter(self) -> impl Iterator<Item = ActivityKind> {
        ActivityKind::ALL
            .iter()
            .copied()
            .filter(move |kind| self.contains(*kind))
    }
}

/// What a placeholder is about; the sections of the reference and of the picker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// The activity and the postback.
    Activity,
    /// The conversion.
    Conversion,
    /// The click and what it carried.
    Click,
    /// Who the person is, as digests, and what they allow.
    Identity,
    /// Offer, partner, link.
    Link,
    /// How the credit was given.
    Attribution,
    /// Policy in force.
    Settings,
    /// Times and durations.
    Time,
    /// Money.
    Money,
    /// Ad revenue.
    AdRevenue,
    /// The app.
    App,
    /// Ids of devices.
    DeviceId,
    /// The device.
    Device,
    /// Where the device is.
    Geo,
    /// Apple's privacy-preserving install postbacks.
    Skan,
    /// Subscriptions.
    Subscription,
    /// Predictions.
    Prediction,
    /// What only an ad network itself knows.
    Network,
}

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Any text.
    Text,
    /// Unix time in seconds.
    UnixSeconds,
    /// Unix time in milliseconds.
    UnixMillis,
    /// Unix time in microseconds.
    UnixMicros,
    /// Date and time with offset (RFC 3339), in the time zone of the settings.
    DateTime,
    /// Whole seconds.
    Seconds,
    /// Whole hours.
    Hours,
    /// A whole number.
    Integer,
    /// A number with a point, exact.
    Decimal,
    /// 0 or 1.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Two lower-case letters.
    Country,
    /// Three upper-case letters of ISO 4217.
    Currency,
    /// An id of ours: lower-case letters and digits.
    Token,
    /// Hexadecimal digits.
    Hex,
    /// A UUID in upper case.
    UpperUuid,
    /// A UUID in lower case.
    LowerUuid,
    /// A URL.
    Url,
    /// A JSON document.
    Json,
}

impl Format {
    /// Whether a value of this form is a number, also in a JSON body.
    pub fn is_number(self) -> bool {
        matches!(
            self,
            Self::UnixSeconds
                | Self::UnixMillis
                | Self::UnixMicros
                | Self::Seconds
                | Self::Hours
                | Self::Integer
                | Self::Decimal
                | Self::Flag
        )
    }

    /// Whether a value of this form can ever equal `value`. The empty text (no data) always can.
    pub fn admits(self, value: &str) -> bool {
        let all = |ok: fn(u8) -> bool| value.bytes().all(ok);
        if value.is_empty() {
            return true;
        }
        match self {
            Self::Text | Self::Url | Self::Json => true,
            Self::UnixSeconds | Self::UnixMillis | Self::UnixMicros => all(|b| b.is_ascii_digit()),
            Self::DateTime => all(|b| b.is_ascii_digit() || b"-+:.TZ".contains(&b)),
            Self::Integer | Self::Seconds | Self::Hours => all(|b| b.is_ascii_digit() || b == b'-'),
            Self::Decimal => all(|b| b.is_ascii_digit() || b == b'.' || b == b'-'),
            Self::Flag => matches!(value, "0" | "1"),
            Self::OneOf(words) => words.contains(&value),
            Self::Country => value.len() == 2 && all(|b| b.is_ascii_lowercase()),
            Self::Currency => value.len() == 3 && all(|b| b.is_ascii_uppercase()),
            Self::Token => all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
            Self::Hex => all(|b| b.is_ascii_hexdigit()),
            Self::UpperUuid => all(|b| !b.is_ascii_lowercase()),
            Self::LowerUuid => all(|b| !b.is_ascii_uppercase()),
        }
    }

    /// The form in words, English and Japanese.
    pub fn describe(self) -> (String, String) {
        let (en, ja) = match self {
            Self::Text => ("text", "文字列"),
            Self::UnixSeconds => ("unix time in seconds", "UNIX時刻（秒）"),
            Self::UnixMillis => ("unix time in milliseconds", "UNIX時刻（ミリ秒）"),
            Self::UnixMicros => ("unix time in microseconds", "UNIX時刻（マイクロ秒）"),
            Self::DateTime => (
                "date and time with offset (RFC 3339)",
                "日時（RFC 3339、時差付き）",
            ),
            Self::Seconds => ("whole seconds", "秒数（整数）"),
            Self::Hours => ("whole hours", "時間数（整数）"),
            Self::Integer => ("whole number", "整数"),
            Self::Decimal => ("decimal number", "小数"),
            Self::Flag => ("0 or 1", "0 または 1"),
            Self::OneOf(words) => {
                return (
                    format!("one of {}", words.join(", ")),
                    format!("{} のいずれか", words.join("、")),
                );
            }
            Self::Country => ("two lower-case letters", "小文字2文字の国コード"),
            Self::Currency => (
                "three upper-case letters (ISO 4217)",
                "大文字3文字の通貨コード（ISO 4217）",
            ),
            Self::Token => ("lower-case letters and digits", "小文字英数字"),
            Self::Hex => ("hexadecimal digits", "16進数"),
            Self::UpperUuid => ("UUID in upper case", "大文字のUUID"),
            Self::LowerUuid => ("UUID in lower case", "小文字のUUID"),
            Self::Url => ("URL", "URL"),
            Self::Json => ("JSON", "JSON"),
        };
        (en.into(), ja.into())
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// What the product records itself; no caller can overwrite it.
    Record,
    /// The same-named parameter of the activity, else of the credited click.
    Parameter,
}

/// One entry of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placeholder {
    /// As between the braces.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// Form of its values.
    pub format: Format,
    /// Kinds that have data for it.
    pub kinds: Kinds,
    /// Where the value comes from.
    pub source: Source,
    /// A value as it could be.
    pub sample: &'static str,
    /// What it holds, English.
    pub en: &'static str,
    /// What it holds, Japanese.
    pub ja: &'static str,
}

/// Rows of the tables: the columns are name, group, format, kinds, sample, English, Japanese.
const fn row(
    source: Source,
    (name, group, format, kinds): (&'static str, Group, Format, Kinds),
    sample: &'static str,
    (en, ja): (&'static str, &'static str),
) -> Placeholder {
    Placeholder {
        name,
        group,
        format,
        kinds,
        source,
        sample,
        en,
        ja,
    }
}

static TABLES: [&[Placeholder]; 4] = [core::ROWS, person::ROWS, app::ROWS, vendor::ROWS];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Placeholder>> =
    LazyLock::new(|| all().map(|entry| (entry.name, entry)).collect());

/// Every entry, by group.
pub fn all() -> impl Iterator<Item = &'static Placeholder> {
    TABLES.into_iter().flatten()
}

/// The entry of a name, which is case-sensitive (`sid`, `trackerName`).
pub fn find(name: &str) -> Option<&'static Placeholder> {
    BY_NAME.get(name).copied()
}

/// Words of other systems for things of ours, for suggestions only.
const SYNONYMS: &[(&str, &str)] = &[
    ("click_id", "para1"),
    ("clickid", "para1"),
    ("cid1", "para1"),
    ("sub_id", "para1"),
    ("subid", "para1"),
    ("sub1", "para1"),
    ("aff_sub", "para1"),
    ("session_id", "sid"),
    ("sessionid", "sid"),
    ("price", "amount"),
    ("sales", "amount"),
    ("sum", "amount"),
    ("uid", "content_uid1"),
    ("txid", "content_uid1"),
    ("transaction_id", "content_uid1"),
    ("conversion_id", "activity_id"),
    ("timestamp", "created_at"),
    ("time", "created_at"),
    ("commission", "payout"),
    ("reward", "payout"),
    ("ip", "ip_address"),
    ("user_id", "tuid"),
    ("clid", "para1"),
    ("aff_click_id", "para1"),
    ("affclickid", "para1"),
    ("aff_sub1", "para1"),
    ("order", "content_uid1"),
    ("orderid", "content_uid1"),
    ("order_no", "content_uid1"),
    ("order_num", "content_uid1"),
    ("order_number", "content_uid1"),
    ("total", "amount"),
    ("total_amount", "amount"),
    ("total_price", "amount"),
    ("value", "amount"),
    ("goal", "event_name"),
];

/// Our name for what other systems call by a name, in lower case with `_`.
pub(super) fn synonym(name: &str) -> Option<&'static str> {
    SYNONYMS
        .iter()
        .find(|(theirs, _)| *theirs == name)
        .map(|(_, ours)| *ours)
}

/// The name that was probably meant: a known synonym, else the nearest name by edit distance if it is near.
pub fn suggest(name: &str) -> Option<&'static str> {
    let plain: String = name
        .chars()
        .map(|c| {
            if matches!(c, '-' | '.' | ' ') {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .take(64)
        .collect();
    if let Some(entry) = find(&plain) {
        return Some(entry.name);
    }
    if let Some(ours) = synonym(&plain) {
        return Some(ours);
    }
    let limit = (plain.len() / 3).clamp(1, 4);
    all()
        .map(|entry| (distance(&plain, entry.name), entry.name))
        .filter(|(d, _)| *d <= limit)
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name)
}

/// Levenshtein distance over bytes.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = i;
        last[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let change = diagonal + usize::from(left != right);
            diagonal = last[j + 1];
            last[j + 1] = change.min(last[j] + 1).min(diagonal + 1);
        }
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_spelled_alike() {
        let mut seen = std::collections::HashSet::new();
        for entry in all() {
            assert!(seen.insert(entry.name), "{} twice", entry.name);
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            assert!(
                entry.name.bytes().all(plain) || entry.name == "trackerName",
                "{}",
                entry.name
            );
            assert!(
                !entry.en.is_empty() && !entry.ja.is_empty() && !entry.sample.is_empty(),
                "{}",
                entry.name
            );
            assert!(
                entry.format.admits(entry.sample),
                "{}: {}",
                entry.name,
                entry.sample
            );
            assert!(entry.kinds.iter().next().is_some(), "{}", entry.name);
        }
        assert!(seen.len() > 330, "{}", seen.len());
    }

    #[test]
    fn the_eleven_variables_are_there_and_their_extension() {
        for name in [
            "amount",
            "cid",
            "sid",
            "tuid",
            "para1",
            "para5",
            "content_uid1",
            "content_uid8",
        ] {
            assert!(find(name).is_some(), "{name}");
        }
        assert!(find("SID").is_none());
    }

    #[test]
    fn suggestions() {
        for (typed, meant) in [
            ("SID", Some("sid")),
            ("param1", Some("para1")),
            ("tracker-name", Some("tracker_name")),
            ("creatd_at", Some("created_at")),
            ("click_id", Some("para1")),
            ("IDFA", Some("idfa")),
            ("zzzzqqqq", None),
            ("order_num", Some("content_uid1")),
            ("adj_custom_param", None),
        ] {
            assert_eq!(suggest(typed), meant, "{typed}");
        }
    }

    #[test]
    fn forms_know_what_cannot_be() {
        assert!(!Format::Country.admits("JP") && Format::Country.admits("jp"));
        assert!(!Format::Flag.admits("true") && Format::Flag.admits(""));
        assert!(!Format::OneOf(&["production", "sandbox"]).admits("Production"));
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
