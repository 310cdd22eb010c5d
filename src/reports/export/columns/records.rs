//! Columns of what was recorded: clicks, activities, postbacks.

use super::Heading::{Own, Screen};
use super::{Column, column, for_people, optional, text};
use crate::domain::money::Money;
use crate::domain::session::EngagementKind;
use crate::reports::records::{ActivityDto, PostbackDto, SessionDto, VerdictWord};

fn amount(money: Option<&Money>) -> String {
    money.map_or_else(String::new, Money::amount_text)
}

fn currency(money: Option<&Money>) -> String {
    money.map_or_else(String::new, |money| money.currency.to_string())
}

/// Clicks and impressions (クリックログ).
pub const SESSIONS: &[Column<SessionDto>] = &[
    column("time", Screen("click.at"), |s, w| w.time(s.at_ms)),
    column("sid", Screen("click.sid"), |s, _| s.id.to_string()),
    column("kind", Screen("click.kind"), |s, w| match s.kind {
        EngagementKind::Direct => w.screen("click.direct", "direct"),
        kind => w.code("kind", &kind),
    }),
    for_people(Screen("link.offer"), |s, w| w.offer(Some(&s.offer))),
    column("offer", Own("Offer id", "広告ID"), |s, _| s.offer.to_string()),
    for_people(Screen("link.partner"), |s, w| w.partner(s.partner.as_ref())),
    column("partner", Own("Partner id", "媒体ID"), |s, _| {
        optional(s.partner.as_ref())
    }),
    column("link", Screen("link.one"), |s, _| s.link.clone()),
    column("tracker_name", Own("Link name", "リンク名"), |s, _| {
        text(&s.tracker_name)
    }),
    column("para1", Own("PARA1", "PARA1"), |s, _| text(&s.para[0])),
    column("para2", Own("PARA2", "PARA2"), |s, _| text(&s.para[1])),
    column("para3", Own("PARA3", "PARA3"), |s, _| text(&s.para[2])),
    column("para4", Own("PARA4", "PARA4"), |s, _| text(&s.para[3])),
    column("para5", Own("PARA5", "PARA5"), |s, _| text(&s.para[4])),
    column("label", Screen("click.label"), |s, _| text(&s.label)),
    column("tuid", Own("TUID", "TUID"), |s, _| text(&s.tuid)),
    column("ip", Own("IP address", "IPアドレス"), |s, _| text(&s.ip)),
    column("country", Screen("click.country"), |s, _| text(&s.country)),
    column("os", Own("System", "OS"), |s, _| text(&s.os_name)),
    column("device", Screen("click.device"), |s, _| text(&s.device_type)),
    column("referer", Screen("click.referer"), |s, _| text(&s.referer)),
    column("user_agent", Screen("click.user_agent"), |s, _| {
        text(&s.user_agent)
    }),
    column("is_unique", Own("Unique", "ユニーク"), |s, w| {
        w.flag(s.is_unique)
    }),
    column("is_bot", Own("Bot", "ボット"), |s, w| {
        w.flag(s.is_bot || s.is_prefetch)
    }),
    column("is_repeat", Screen("stat.repeats"), |s, w| w.flag(s.is_repeat)),
    column("is_test", Own("Test", "テスト"), |s, w| w.flag(s.is_test)),
];

/// Activities (成果ログ, 成果エラーログ).
pub const ACTIVITIES: &[Column<ActivityDto>] = &[
    column("time", Screen("conversion.at"), |a, w| w.time(a.at_ms)),
    column("activity_id", Own("Conversion id", "成果ID"), |a, _| {
        a.id.to_string()
    }),
    column("kind", Screen("conversion.kind"), |a, w| w.code("kind", &a.kind)),
    column("verdict", Own("Verdict", "判定"), |a, w| {
        let code = a.verdict.as_str();
        match a.verdict {
            VerdictWord::Accepted => w.screen("verdict.accepted", code),
            VerdictWord::Duplicate => w.screen("stat.duplicates", code),
            VerdictWord::Refused => w.screen("stat.refused", code),
        }
    }),
    column("reason", Screen("refused.reason"), |a, w| {
        w.word("refusal", a.reason.unwrap_or_default())
    }),
    column("status", Screen("conversion.status"), |a, w| {
        w.word("status", a.status.map_or("", |s| s.as_str()))
    }),
    for_people(Screen("link.offer"), |a, w| w.offer(a.offer.as_ref())),
    column("offer", Own("Offer id", "広告ID"), |a, _| {
        optional(a.offer.as_ref())
    }),
    for_people(Screen("conversion.event"), |a, w| {
        w.event(a.offer.as_ref(), a.event.as_deref())
    }),
    column("event", Own("Conversion point id", "成果地点ID"), |a, _| {
        optional(a.event.as_ref())
    }),
    for_people(Screen("link.partner"), |a, w| w.partner(a.partner.as_ref())),
    column("partner", Own("Partner id", "媒体ID"), |a, _| {
        optional(a.partner.as_ref())
    }),
    column("link", Screen("link.one"), |a, _| optional(a.link.as_ref())),
    column("tracker_name", Own("Link name", "リンク名"), |a, _| {
        optional(a.tracker_name.as_ref())
    }),
    column("sid", Screen("click.sid"), |a, _| optional(a.session.as_ref())),
    column("para1", Own("PARA1", "PARA1"), |a, _| optional(a.para1.as_ref())),
    column("amount", Screen("stat.revenue"), |a, _| amount(a.money.as_ref())),
    column("currency", Own("Currency", "通貨"), |a, _| {
        currency(a.money.as_ref())
    }),
    column("payout", Screen("stat.payout"), |a, _| amount(a.payout.as_ref())),
    column(
        "payout_currency",
        Own("Payout currency", "報酬の通貨"),
        |a, _| currency(a.payout.as_ref()),
    ),
    column("uid1", Screen("conversion.uid"), |a, _| {
        a.uids.first().map_or_else(String::new, |u| text(u))
    }),
    column("uid2", Own("UID2", "UID2"), |a, _| {
        a.uids.get(1).map_or_else(String::new, |u| text(u))
    }),
    column("match_type", Screen("conversion.match"), |a, w| {
        a.match_type
            .as_ref()
            .map_or_else(String::new, |matched| w.code("match", matched))
    }),
    column("note", Screen("conversion.note"), |a, _| text(&a.note)),
    column("is_test", Own("Test", "テスト"), |a, w| w.flag(a.is_test)),
];

/// Postbacks (ポストバックログ).
pub const POSTBACKS: &[Column<PostbackDto>] = &[
    column("time", Screen("pb.at"), |p, w| w.time(p.created_at_ms)),
    column(
        "postback_id",
        Own("Postback id", "ポストバックID"),
        |p, _| p.id.to_string(),
    ),
    column("activity_id", Own("Conversion id", "成果ID"), |p, _| {
        p.activity.to_string()
    }),
    for_people(Screen("link.offer"), |p, w| w.offer(Some(&p.offer))),
    column("offer", Own("Offer id", "広告ID"), |p, _| p.offer.to_string()),
    for_people(Screen("link.partner"), |p, w| w.partner(p.partner.as_ref())),
    column("partner", Own("Partner id", "媒体ID"), |p, _| {
        optional(p.partner.as_ref())
    }),
    column("rule", Screen("pb.rule"), |p, _| text(&p.origin.id)),
    column("state", Screen("pb.state"), |p, w| {
        w.word("postback", p.state.as_str())
    }),
    column("fail_reason", Own("Reason", "失敗理由"), |p, w| {
        w.word("fail", p.fail_reason.unwrap_or_default())
    }),
    column("attempts", Screen("pb.attempts"), |p, _| p.attempts.to_string()),
    column("last_status", Own("Status code", "応答コード"), |p, _| {
        optional(p.last.as_ref().and_then(|l| l.status).as_ref())
    }),
    column("last_error", Own("Error", "エラー"), |p, _| {
        optional(p.last.as_ref().and_then(|l| l.message.as_ref()))
    }),
    column("settled", Own("Settled", "完了日時"), |p, w| {
        p.settled_at_ms.map_or_else(String::new, |ms| w.time(ms))
    }),
    column("method", Own("Method", "メソッド"), |p, _| {
        p.request.method.as_str().to_owned()
    }),
    column("url", Own("URL", "URL"), |p, _| text(&p.request.url)),
    column("is_test", Own("Test", "テスト"), |p, w| w.flag(p.is_test)),
];
