//! What stands in the columns of exported files. The headings of the conversion log are those that tools of
//! the field look for.

use super::payouts;
use super::records::{ActivityDto, PostbackDto, SessionDto};
use super::stats;
use crate::domain::account::AuditEntry;
use crate::domain::money::Money;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A column: heading in English and Japanese, and the cell of a row.
pub struct Column<T> {
    /// English.
    pub en: &'static str,
    /// Japanese.
    pub ja: &'static str,
    /// The cell of a row; times are written in the zone.
    pub cell: fn(&T, &TimeZone) -> String,
}

/// A text from outside: what a spreadsheet would take for a formula gets a quote in front.
fn text(value: &str) -> String {
    let is_formula = value.starts_with(['=', '+', '-', '@', '\t', '\r', '\0', '＝', '＋', '－', '＠']);
    if is_formula {
        format!("'{value}")
    } else {
        value.to_owned()
    }
}

fn optional<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(String::new, |v| text(&v.to_string()))
}

/// A word of ours as JSON has it, without quotes.
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn time(at_ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(at_ms);
    at.map_or_else(
        |_| at_ms.to_string(),
        |at| {
            at.to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        },
    )
}

fn amount(money: Option<&Money>) -> String {
    money.map_or_else(String::new, Money::amount_text)
}

fn sums(money: &[Money]) -> String {
    money
        .iter()
        .map(|m| format!("{} {}", m.amount_text(), m.currency))
        .collect::<Vec<_>>()
        .join(" / ")
}

/// Clicks and impressions (クリックログ).
pub const SESSIONS: &[Column<SessionDto>] = &[
    Column {
        en: "time",
        ja: "クリック日時",
        cell: |s, z| time(s.at_ms, z),
    },
    Column {
        en: "sid",
        ja: "セッションID",
        cell: |s, _| s.id.to_string(),
    },
    Column {
        en: "kind",
        ja: "種別",
        cell: |s, _| word(&s.kind),
    },
    Column {
        en: "offer",
        ja: "広告ID",
        cell: |s, _| s.offer.to_string(),
    },
    Column {
        en: "partner",
        ja: "媒体ID",
        cell: |s, _| optional(s.partner.as_ref()),
    },
    Column {
        en: "link",
        ja: "クリックURL",
        cell: |s, _| s.link.clone(),
    },
    Column {
        en: "tracker_name",
        ja: "リンク名",
        cell: |s, _| text(&s.tracker_name),
    },
    Column {
        en: "para1",
        ja: "PARA1",
        cell: |s, _| text(&s.para[0]),
    },
    Column {
        en: "para2",
        ja: "PARA2",
        cell: |s, _| text(&s.para[1]),
    },
    Column {
        en: "para3",
        ja: "PARA3",
        cell: |s, _| text(&s.para[2]),
    },
    Column {
        en: "para4",
        ja: "PARA4",
        cell: |s, _| text(&s.para[3]),
    },
    Column {
        en: "para5",
        ja: "PARA5",
        cell: |s, _| text(&s.para[4]),
    },
    Column {
        en: "label",
        ja: "ラベル",
        cell: |s, _| text(&s.label),
    },
    Column {
        en: "tuid",
        ja: "トラッキングユーザーID",
        cell: |s, _| text(&s.tuid),
    },
    Column {
        en: "ip",
        ja: "IPアドレス",
        cell: |s, _| text(&s.ip),
    },
    Column {
        en: "country",
        ja: "国",
        cell: |s, _| text(&s.country),
    },
    Column {
        en: "os",
        ja: "OS",
        cell: |s, _| text(&s.os_name),
    },
    Column {
        en: "device",
        ja: "端末",
        cell: |s, _| text(&s.device_type),
    },
    Column {
        en: "referer",
        ja: "リファラ",
        cell: |s, _| text(&s.referer),
    },
    Column {
        en: "user_agent",
        ja: "ユーザーエージェント",
        cell: |s, _| text(&s.user_agent),
    },
    Column {
        en: "is_unique",
        ja: "ユニーク",
        cell: |s, _| s.is_unique.to_string(),
    },
    Column {
        en: "is_bot",
        ja: "ボット",
        cell: |s, _| (s.is_bot || s.is_prefetch).to_string(),
    },
    Column {
        en: "is_repeat",
        ja: "連続クリック",
        cell: |s, _| s.is_repeat.to_string(),
    },
    Column {
        en: "is_test",
        ja: "テスト",
        cell: |s, _| s.is_test.to_string(),
    },
];

/// Activities (成果ログ, 成果エラーログ).
pub const ACTIVITIES: &[Column<ActivityDto>] = &[
    Column {
        en: "time",
        ja: "成果日時",
        cell: |a, z| time(a.at_ms, z),
    },
    Column {
        en: "activity_id",
        ja: "成果ID",
        cell: |a, _| a.id.to_string(),
    },
    Column {
        en: "kind",
        ja: "種別",
        cell: |a, _| word(&a.kind),
    },
    Column {
        en: "verdict",
        ja: "判定",
        cell: |a, _| a.verdict.as_str().to_owned(),
    },
    Column {
        en: "reason",
        ja: "エラー内容",
        cell: |a, _| a.reason.unwrap_or_default().to_owned(),
    },
    Column {
        en: "status",
        ja: "成果ステータス",
        cell: |a, _| a.status.map_or("", |s| s.as_str()).to_owned(),
    },
    Column {
        en: "offer",
        ja: "広告ID",
        cell: |a, _| optional(a.offer.as_ref()),
    },
    Column {
        en: "event",
        ja: "成果地点",
        cell: |a, _| optional(a.event.as_ref()),
    },
    Column {
        en: "partner",
        ja: "媒体ID",
        cell: |a, _| optional(a.partner.as_ref()),
    },
    Column {
        en: "link",
        ja: "クリックURL",
        cell: |a, _| optional(a.link.as_ref()),
    },
    Column {
        en: "tracker_name",
        ja: "リンク名",
        cell: |a, _| optional(a.tracker_name.as_ref()),
    },
    Column {
        en: "sid",
        ja: "セッションID",
        cell: |a, _| optional(a.session.as_ref()),
    },
    Column {
        en: "para1",
        ja: "PARA1",
        cell: |a, _| optional(a.para1.as_ref()),
    },
    Column {
        en: "amount",
        ja: "売上金額",
        cell: |a, _| amount(a.money.as_ref()),
    },
    Column {
        en: "currency",
        ja: "通貨",
        cell: |a, _| a.money.map_or_else(String::new, |m| m.currency.to_string()),
    },
    Column {
        en: "payout",
        ja: "報酬",
        cell: |a, _| amount(a.payout.as_ref()),
    },
    Column {
        en: "uid1",
        ja: "UID1",
        cell: |a, _| a.uids.first().map_or_else(String::new, |u| text(u)),
    },
    Column {
        en: "uid2",
        ja: "UID2",
        cell: |a, _| a.uids.get(1).map_or_else(String::new, |u| text(u)),
    },
    Column {
        en: "match_type",
        ja: "照合方法",
        cell: |a, _| a.match_type.as_ref().map_or_else(String::new, word),
    },
    Column {
        en: "note",
        ja: "備考",
        cell: |a, _| text(&a.note),
    },
    Column {
        en: "is_test",
        ja: "テスト",
        cell: |a, _| a.is_test.to_string(),
    },
];

/// Postbacks (ポストバックログ).
pub const POSTBACKS: &[Column<PostbackDto>] = &[
    Column {
        en: "time",
        ja: "受付日時",
        cell: |p, z| time(p.created_at_ms, z),
    },
    Column {
        en: "postback_id",
        ja: "ポストバックID",
        cell: |p, _| p.id.to_string(),
    },
    Column {
        en: "activity_id",
        ja: "成果ID",
        cell: |p, _| p.activity.to_string(),
    },
    Column {
        en: "offer",
        ja: "広告ID",
        cell: |p, _| p.offer.to_string(),
    },
    Column {
        en: "partner",
        ja: "媒体ID",
        cell: |p, _| optional(p.partner.as_ref()),
    },
    Column {
        en: "rule",
        ja: "ルール",
        cell: |p, _| text(&p.origin.id),
    },
    Column {
        en: "state",
        ja: "状態",
        cell: |p, _| p.state.as_str().to_owned(),
    },
    Column {
        en: "fail_reason",
        ja: "失敗理由",
        cell: |p, _| p.fail_reason.unwrap_or_default().to_owned(),
    },
    Column {
        en: "attempts",
        ja: "送信回数",
        cell: |p, _| p.attempts.to_string(),
    },
    Column {
        en: "last_status",
        ja: "応答コード",
        cell: |p, _| optional(p.last.as_ref().and_then(|l| l.status).as_ref()),
    },
    Column {
        en: "last_error",
        ja: "エラー",
        cell: |p, _| optional(p.last.as_ref().and_then(|l| l.message.as_ref())),
    },
    Column {
        en: "settled",
        ja: "完了日時",
        cell: |p, z| p.settled_at_ms.map_or_else(String::new, |ms| time(ms, z)),
    },
    Column {
        en: "method",
        ja: "メソッド",
        cell: |p, _| p.request.method.as_str().to_owned(),
    },
    Column {
        en: "url",
        ja: "URL",
        cell: |p, _| text(&p.request.url),
    },
    Column {
        en: "is_test",
        ja: "テスト",
        cell: |p, _| p.is_test.to_string(),
    },
];

/// Rows of a report.
pub const STATS: &[Column<stats::StatRow>] = &[
    Column {
        en: "key",
        ja: "キー",
        cell: |r, _| text(&r.key),
    },
    Column {
        en: "name",
        ja: "名前",
        cell: |r, _| text(&r.label),
    },
    Column {
        en: "impressions",
        ja: "インプレッション",
        cell: |r, _| r.counters.impressions.to_string(),
    },
    Column {
        en: "clicks",
        ja: "クリック",
        cell: |r, _| r.counters.clicks.to_string(),
    },
    Column {
        en: "unique_clicks",
        ja: "ユニーククリック",
        cell: |r, _| r.counters.unique_clicks.to_string(),
    },
    Column {
        en: "conversions",
        ja: "成果",
        cell: |r, _| r.counters.conversions.to_string(),
    },
    Column {
        en: "pending",
        ja: "承認待ち",
        cell: |r, _| r.counters.pending.to_string(),
    },
    Column {
        en: "approved",
        ja: "承認",
        cell: |r, _| r.counters.approved.to_string(),
    },
    Column {
        en: "rejected",
        ja: "否認",
        cell: |r, _| r.counters.rejected.to_string(),
    },
    Column {
        en: "conversion_rate",
        ja: "CVR(%)",
        cell: |r, _| r.counters.conversion_rate.clone().unwrap_or_default(),
    },
    Column {
        en: "revenue",
        ja: "売上金額",
        cell: |r, _| sums(&r.counters.revenue),
    },
    Column {
        en: "payout",
        ja: "報酬",
        cell: |r, _| sums(&r.counters.payout),
    },
    Column {
        en: "cost",
        ja: "コスト",
        cell: |r, _| sums(&r.counters.cost),
    },
    Column {
        en: "duplicates",
        ja: "重複",
        cell: |r, _| r.counters.duplicates.to_string(),
    },
    Column {
        en: "refused",
        ja: "成果エラー",
        cell: |r, _| r.counters.refused.to_string(),
    },
];

/// Payouts by partner and month.
pub const PAYOUTS: &[Column<payouts::PayoutRow>] = &[
    Column {
        en: "month",
        ja: "月",
        cell: |r, _| r.month.clone(),
    },
    Column {
        en: "partner",
        ja: "媒体ID",
        cell: |r, _| optional(r.partner.as_ref()),
    },
    Column {
        en: "name",
        ja: "媒体名",
        cell: |r, _| text(&r.name),
    },
    Column {
        en: "conversions",
        ja: "成果",
        cell: |r, _| r.conversions.to_string(),
    },
    Column {
        en: "approved",
        ja: "承認",
        cell: |r, _| r.approved.to_string(),
    },
    Column {
        en: "pending",
        ja: "承認待ち",
        cell: |r, _| r.pending.to_string(),
    },
    Column {
        en: "payout",
        ja: "報酬",
        cell: |r, _| sums(&r.payout),
    },
];

/// The audit log.
pub const AUDIT: &[Column<AuditEntry>] = &[
    Column {
        en: "time",
        ja: "日時",
        cell: |e, z| time(e.at_ms, z),
    },
    Column {
        en: "actor",
        ja: "実行者",
        cell: |e, _| text(&e.actor),
    },
    Column {
        en: "from",
        ja: "接続元",
        cell: |e, _| text(&e.from),
    },
    Column {
        en: "action",
        ja: "操作",
        cell: |e, _| text(&e.action),
    },
    Column {
        en: "subject",
        ja: "対象",
        cell: |e, _| text(&e.subject),
    },
    Column {
        en: "detail",
        ja: "内容",
        cell: |e, _| text(&e.detail),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused() {
        for value in ["=1+1", "+81", "-1", "@x", "\tx", "＝A1"] {
            assert!(text(value).starts_with('\''), "{value}");
        }
        assert_eq!(text("a=b"), "a=b");
    }
}
