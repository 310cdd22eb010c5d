//! The summary of a day or a week (日次・週次レポート): when it is due, for which period, and what it says. Pure.

use super::text::{Language, Message};
use crate::domain::account::SummaryEvery;
use crate::domain::money::{Currency, Money, grouped};
use crate::domain::stats::{Counters, Sums};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A period, and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SummaryPeriod {
    /// First millisecond of the period before.
    pub before_ms: i64,
    /// First millisecond.
    pub from_ms: i64,
    /// First millisecond that is not in it.
    pub to_ms: i64,
    /// Its first day.
    pub first: Date,
    /// Its last day.
    pub last: Date,
}

/// The newest period whose summary is due at a time; `None`: none is wanted.
#[must_use]
pub fn newest(every: SummaryEvery, hour: i8, now_ms: i64, zone: &TimeZone) -> Option<SummaryPeriod> {
    let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(zone.clone());
    let today = if now.hour() >= hour {
        now.date()
    } else {
        now.date().yesterday().ok()?
    };
    let (end, days): (Date, i64) = match every {
        SummaryEvery::Off => return None,
        SummaryEvery::Daily => (today, 1),
        SummaryEvery::Weekly => {
            let since_monday = i64::from(today.weekday().since(Weekday::Monday));
            (today.checked_sub(since_monday.days()).ok()?, 7)
        }
    };
    let start = |date: Date| Some(date.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond());
    let first = end.checked_sub(days.days()).ok()?;
    Some(SummaryPeriod {
        before_ms: start(first.checked_sub(days.days()).ok()?)?,
        from_ms: start(first)?,
        to_ms: start(end)?,
        first,
        last: end.yesterday().ok()?,
    })
}

/// What is summed up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Counters of the period.
    pub counters: Counters,
    /// Postbacks of the period that failed and were not sent again.
    pub failed: usize,
}

/// Writes the summary. `base` is the address of the UI without a slash at the end, when it is known.
#[must_use]
pub fn message(
    period: &SummaryPeriod,
    now: &Figures,
    before: &Figures,
    language: Language,
    base: Option<&str>,
) -> Message {
    let is_ja = language == Language::Ja;
    let pick = |en: &'static str, ja: &'static str| if is_ja { ja } else { en };
    let is_day = period.first == period.last;
    let days = if is_day {
        day(period.first, language)
    } else {
        format!(
            "{}{}{}",
            day(period.first, language),
            pick(" to ", "～"),
            day(period.last, language)
        )
    };
    let title = match (is_day, is_ja) {
        (true, true) => format!("日次レポート {days}"),
        (false, true) => format!("週次レポート {days}"),
        (true, false) => format!("Daily summary, {days}"),
        (false, false) => format!("Weekly summary, {days}"),
    };
    let compared = match (is_day, is_ja) {
        (true, true) => "（）内は前日",
        (false, true) => "（）内は前週",
        (true, false) => "In brackets: the day before",
        (false, false) => "In brackets: the week before",
    };
    let mut text = format!("{title}\n{compared}\n\n");
    let mut line = |label: &str, now: &str, before: &str| {
        let (colon, open, close) = if is_ja {
            ("：", "（", "）")
        } else {
            (": ", " (", ")")
        };
        text.push_str(&format!("{label}{colon}{now}{open}{before}{close}\n"));
    };
    let (n, b) = (&now.counters, &before.counters);
    for (label, now, before) in [
        (pick("Clicks", "クリック"), n.clicks, b.clicks),
        (pick("Conversions", "成果(CV)"), n.conversions, b.conversions),
        (pick("- pending", "・承認待ち"), n.pending, b.pending),
        (pick("- approved", "・承認"), n.approved, b.approved),
        (pick("- rejected", "・否認"), n.rejected, b.rejected),
        (pick("Refused", "成果エラー"), n.refused, b.refused),
    ] {
        line(label, &grouped(&now.to_string()), &grouped(&before.to_string()));
    }
    for (label, now, before) in [
        (pick("Sales", "売上"), &n.revenue, &b.revenue),
        (pick("Payout", "支払額（否認を除く）"), &n.payout, &b.payout),
    ] {
        line(label, &sums(now), &sums(before));
    }
    line(
        pick("Postbacks that failed", "失敗したポストバック"),
        &now.failed.to_string(),
        &before.failed.to_string(),
    );
    if let Some(base) = base {
        text.push_str(&format!(
            "\n{base}/reports?from={}&to={}",
            period.first, period.last
        ));
    }
    Message {
        subject: format!("[Yamabiko] {title}"),
        text,
    }
}

fn day(date: Date, language: Language) -> String {
    const JA: [&str; 7] = ["月", "火", "水", "木", "金", "土", "日"];
    match language {
        Language::En => date.strftime("%a, %-d %b %Y").to_string(),
        Language::Ja => {
            let at = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
            let weekday = JA.get(at).copied().unwrap_or_default();
            format!("{}年{}月{}日({weekday})", date.year(), date.month(), date.day())
        }
    }
}

/// Money of every currency; 0 without any.
fn sums(sums: &Sums) -> String {
    let all: Vec<String> = sums
        .0
        .iter()
        .filter(|(_, amount)| !amount.is_zero())
        .map(|(currency, amount)| money(*currency, *amount))
        .collect();
    if all.is_empty() {
        "0".into()
    } else {
        all.join(" / ")
    }
}

fn money(currency: Currency, amount: rust_decimal::Decimal) -> String {
    let amount = amount.round_dp(currency.decimals()).normalize();
    let text = Money { amount, currency }.amount_text();
    format!("{} {currency}", grouped(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<jiff::Zoned>().unwrap().timestamp().as_millisecond()
    }

    #[test]
    fn a_day_or_week_is_due_once_it_is_over_and_the_hour_has_come() {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let due = |every, now: &str| {
            let period = newest(every, 9, ms(&format!("{now}[Asia/Tokyo]")), &zone).unwrap();
            assert_eq!(period.from_ms, ms(&format!("{}T00:00[Asia/Tokyo]", period.first)));
            assert_eq!(period.to_ms - period.from_ms, period.from_ms - period.before_ms);
            (period.first.to_string(), period.last.to_string())
        };
        let days = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        // 2026-11-30 is a Monday.
        for (every, now, expected) in [
            (
                SummaryEvery::Daily,
                "2026-11-30T09:00",
                days("2026-11-29", "2026-11-29"),
            ),
            (
                SummaryEvery::Daily,
                "2026-11-30T08:59",
                days("2026-11-28", "2026-11-28"),
            ),
            (
                SummaryEvery::Weekly,
                "2026-11-30T09:00",
                days("2026-11-23", "2026-11-29"),
            ),
            (
                SummaryEvery::Weekly,
                "2026-11-30T08:59",
                days("2026-11-16", "2026-11-22"),
            ),
            (
                SummaryEvery::Weekly,
                "2026-12-06T23:00",
                days("2026-11-23", "2026-11-29"),
            ),
        ] {
            assert_eq!(due(every, now), expected, "{every:?} {now}");
        }
        assert_eq!(newest(SummaryEvery::Off, 9, 0, &zone), None);
    }

    #[test]
    fn it_says_each_figure_beside_that_of_before() {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let now_ms = ms("2026-11-30T09:00[Asia/Tokyo]");
        let period = newest(SummaryEvery::Daily, 9, now_ms, &zone).unwrap();
        let mut now = Figures {
            failed: 2,
            ..Figures::default()
        };
        now.counters.clicks = 12_345;
        for money in ["1234567 JPY", "10.5 USD"] {
            now.counters.revenue.add(Money::parse(money).unwrap());
        }
        let said = message(
            &period,
            &now,
            &Figures::default(),
            Language::Ja,
            Some("https://t.example"),
        );
        assert_eq!(said.subject, "[Yamabiko] 日次レポート 2026年11月29日(日)");
        for line in [
            "（）内は前日",
            "クリック：12,345（0）",
            "失敗したポストバック：2（0）",
            "https://t.example/reports?from=2026-11-29&to=2026-11-29",
        ] {
            assert!(said.text.lines().any(|l| l == line), "{line}: {}", said.text);
        }
        assert!(said.text.contains("売上：1,234,567 JPY / 10.5"), "{}", said.text);
        let said = message(&period, &now, &Figures::default(), Language::En, None);
        assert!(said.text.contains("Clicks: 12,345 (0)"), "{}", said.text);
    }
}
