//! What a notice says, in the operator's language: what is wrong, since when, what to do, and where to look.

use super::{AlertKind, Detail, Notice};

/// Language of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// Japanese.
    Ja,
}

impl Language {
    /// The language of a code; everything but `ja` is English.
    pub fn of(code: &str) -> Self {
        if code == "ja" { Self::Ja } else { Self::En }
    }

    fn pick<T>(self, en: T, ja: T) -> T {
        match self {
            Self::En => en,
            Self::Ja => ja,
        }
    }
}

/// A message of several notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One line, for the subject of a mail.
    pub subject: String,
    /// Plain text of some lines.
    pub text: String,
}

/// Writes the message. `base` is the address of the UI without a slash at the end, when it is known; `time`
/// writes unix milliseconds in the operator's time zone. Names are shown in one line, without control
/// characters.
pub fn message(
    notices: &[Notice],
    language: Language,
    base: Option<&str>,
    time: &dyn Fn(i64) -> String,
) -> Message {
    let first = notices
        .first()
        .map(|notice| headline(notice, language))
        .unwrap_or_default();
    let more = match notices.len() {
        0 | 1 => String::new(),
        n => language.pick(format!(" (+{})", n - 1), format!("(ほか{}件)", n - 1)),
    };
    let blocks: Vec<String> = notices
        .iter()
        .map(|notice| block(notice, language, base, time))
        .collect();
    Message {
        subject: format!("[Yamabiko] {first}{more}"),
        text: blocks.join("\n\n"),
    }
}

/// The message of a test.
pub fn test_message(language: Language, base: Option<&str>) -> Message {
    let text = language.pick(
        "This is a test. Alerts of this server arrive here.",
        "これはテスト送信です。このサーバーの通知はここに届きます。",
    );
    Message {
        subject: language
            .pick("[Yamabiko] Test alert", "[Yamabiko] 通知のテスト")
            .into(),
        text: base.map_or_else(
            || text.to_owned(),
            |base| format!("{text}\n{base}/settings/alerts"),
        ),
    }
}

/// One line, so that a name cannot put a line of its own into a message or a header into a mail.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(120)
        .collect()
}

fn who(notice: &Notice, partners: &[String], language: Language) -> String {
    let lane = one_line(&notice.key.subject);
    if partners.is_empty() {
        return lane;
    }
    let names: Vec<String> = partners.iter().take(3).map(|name| one_line(name)).collect();
    let more = if partners.len() > names.len() {
        language.pick(", ...", "、ほか")
    } else {
        ""
    };
    let names = names.join(language.pick(", ", "、"));
    language.pick(
        format!("{names}{more} ({lane})"),
        format!("{names}{more}（{lane}）"),
    )
}

/// What is wrong, or over, in one line.
pub fn headline(notice: &Notice, language: Language) -> String {
    let is_over = notice.over_at_ms.is_some();
    let (en, ja) = match &notice.detail {
        Detail::Lane { partners, status, .. } => {
            let who = who(notice, partners, language);
            match (is_over, status) {
                (true, _) => (
                    format!("Resolved: {who} takes postbacks again"),
                    format!("復旧: {who} へのポストバックが届くようになりました"),
                ),
                (false, None) => (
                    format!("Postbacks do not reach {who}"),
                    format!("{who} へポストバックが届いていません"),
                ),
                (false, Some(status)) => (
                    format!("{who} refuses postbacks (status {status})"),
                    format!("{who} がポストバックを受け付けていません（ステータス {status}）"),
                ),
            }
        }
        Detail::Queue { .. } if is_over => (
            "Resolved: postbacks leave without delay again".into(),
            "復旧: ポストバックの送信の遅れが解消しました".into(),
        ),
        Detail::Queue { age_s } => (
            format!("Postbacks wait too long ({age_s} s)"),
            format!("ポストバックの送信が遅れています（{age_s}秒）"),
        ),
        Detail::Disk { .. } if is_over => (
            "Resolved: there is enough room on the disk again".into(),
            "復旧: ディスクの空き容量が回復しました".into(),
        ),
        Detail::Disk { free_mb, .. } => (
            format!("The disk is nearly full ({free_mb} MiB free)"),
            format!("ディスクの空き容量がわずかです（残り {free_mb} MiB）"),
        ),
        Detail::Refusals { .. } if is_over => (
            "Resolved: refused conversions are back to normal".into(),
            "復旧: 成果エラーの割合が通常に戻りました".into(),
        ),
        Detail::Refusals { refused, total } => (
            format!("{refused} of {total} conversions of the last hour were refused"),
            format!("直近1時間の成果 {total} 件のうち {refused} 件がエラーになりました"),
        ),
    };
    language.pick(en, ja)
}

fn remedy(notice: &Notice, language: Language) -> String {
    let (en, ja) = match &notice.detail {
        Detail::Lane { waiting, status: None, .. } => (
            format!("{waiting} postbacks wait and are sent as soon as the receiver answers; none is lost. If this lasts, ask the partner whether their server or its address has changed."),
            format!("{waiting} 件が送信待ちです。受信側が応答しだい自動で送信され、失われることはありません。長引く場合は、サーバーやURLに変更がないか媒体へご確認ください。"),
        ),
        Detail::Lane { status: Some(_), .. } => (
            "The receiver answers with an error: compare the rule's URL and its parameters with what the partner asks for, then send the failed postbacks again.".into(),
            "受信側がエラーを返しています。ルールのURLとパラメータが媒体の指定どおりか確認し、失敗したポストバックを再送してください。".into(),
        ),
        Detail::Queue { .. } => (
            "The server does not keep up with sending: look at the load and the disk of the machine; restart Yamabiko if it does not pass.".into(),
            "サーバーの送信が追いついていません。マシンの負荷とディスクを確認し、改善しない場合は Yamabiko を再起動してください。".into(),
        ),
        Detail::Disk { needed_mb, .. } => (
            format!("Free space or enlarge the disk: below {needed_mb} MiB conversions are no longer taken (clicks are still redirected)."),
            format!("不要なファイルを削除するか、ディスクを拡張してください。{needed_mb} MiB を下回ると成果を受け付けられなくなります（クリックの転送は続きます）。"),
        ),
        Detail::Refusals { .. } => (
            "Look at the reasons in the list of refused conversions: most often a tag or a parameter on the advertiser's site has changed.".into(),
            "成果エラーログで理由を確認してください。多くの場合、広告主サイトのタグやパラメータの変更が原因です。".into(),
        ),
    };
    language.pick(en, ja)
}

fn screen(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::PartnerFailing => "/postbacks",
        AlertKind::QueueOld | AlertKind::DiskLow => "/settings/system",
        AlertKind::RefusalsHigh => "/refused",
    }
}

fn block(notice: &Notice, language: Language, base: Option<&str>, time: &dyn Fn(i64) -> String) -> String {
    let (since, mut lines) = (time(notice.since_ms), vec![headline(notice, language)]);
    match notice.over_at_ms {
        // One line when it is over.
        Some(over_ms) => {
            let over = time(over_ms);
            return format!(
                "{}{}",
                headline(notice, language),
                language.pick(format!(" ({since} - {over})"), format!("（{since} ～ {over}）"))
            );
        }
        None => lines.push(language.pick(format!("Since: {since}"), format!("発生: {since}"))),
    }
    lines.push(remedy(notice, language));
    lines.extend(base.map(|base| format!("{base}{}", screen(notice.key.kind))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::AlertKey;
    use super::*;

    fn notice(detail: Detail, over_at_ms: Option<i64>) -> Notice {
        let kind = match detail {
            Detail::Lane { .. } => AlertKind::PartnerFailing,
            Detail::Queue { .. } => AlertKind::QueueOld,
            Detail::Disk { .. } => AlertKind::DiskLow,
            Detail::Refusals { .. } => AlertKind::RefusalsHigh,
        };
        let subject = if kind == AlertKind::PartnerFailing {
            "https://a.example:443"
        } else {
            ""
        };
        Notice {
            key: AlertKey {
                kind,
                subject: subject.into(),
            },
            detail,
            since_ms: 1,
            over_at_ms,
        }
    }

    fn lane(name: &str, status: Option<u16>) -> Detail {
        Detail::Lane {
            partners: vec![name.into()],
            waiting: 7,
            status,
        }
    }

    fn time(at_ms: i64) -> String {
        format!("T{at_ms}")
    }

    #[test]
    fn a_beginning_says_what_since_when_what_to_do_and_where() {
        let message = message(
            &[notice(lane("Media", None), None)],
            Language::En,
            Some("https://t.example"),
            &time,
        );
        assert_eq!(
            message.subject,
            "[Yamabiko] Postbacks do not reach Media (https://a.example:443)"
        );
        let lines: Vec<&str> = message.text.lines().collect();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert_eq!(lines[1], "Since: T1");
        assert!(lines[2].starts_with("7 postbacks wait"));
        assert_eq!(lines[3], "https://t.example/postbacks");
    }

    #[test]
    fn an_end_is_one_line_in_both_languages() {
        for (language, word) in [(Language::En, "Resolved: "), (Language::Ja, "復旧: ")] {
            for detail in [
                lane("Media", Some(404)),
                Detail::Queue { age_s: 99 },
                Detail::Disk {
                    free_mb: 1,
                    needed_mb: 512,
                },
                Detail::Refusals {
                    refused: 20,
                    total: 30,
                },
            ] {
                let over = message(
                    &[notice(detail.clone(), Some(9))],
                    language,
                    Some("https://t.example"),
                    &time,
                );
                assert_eq!(over.text.lines().count(), 1, "{over:?}");
                assert!(
                    over.text.starts_with(word) && over.text.contains("T9"),
                    "{over:?}"
                );
                let begun = message(&[notice(detail, None)], language, None, &time);
                assert_eq!(begun.text.lines().count(), 3, "{begun:?}");
            }
        }
    }

    #[test]
    fn names_stay_in_their_line() {
        let named = notice(lane("Media\r\nBcc: x@y.example\u{1b}[31m", None), None);
        let message = message(&[named.clone(), named], Language::Ja, None, &time);
        assert!(!message.subject.contains(char::is_control), "{message:?}");
        assert!(message.subject.contains("ほか1件"));
        assert_eq!(message.text.matches("発生: T1").count(), 2);
    }
}
