//! What a notice says, in the operator's language: what is wrong, since when, what to do, and where to look.

mod told;
mod waiting;

use super::{AlertKind, Detail, Notice};
use told::told_headline;

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

/// A sentence of the log in one line, of any length that a message takes.
fn one_line_of(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(600)
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
        Detail::Overdue { .. } if is_over => (
            "Resolved: the postbacks that had outlived their time were sent or given up".into(),
            "復旧: 期限を過ぎていたポストバックの処理が終わりました".into(),
        ),
        Detail::Overdue { postbacks } => (
            format!("{postbacks} postbacks outlived their time while nothing could be sent"),
            format!("送信できない間に期限を過ぎたポストバックが {postbacks} 件あります"),
        ),
        Detail::Disk { .. } if is_over => (
            "Resolved: there is enough room on the disk again".into(),
            "復旧: ディスクの空き容量が回復しました".into(),
        ),
        Detail::Disk { free_mb, .. } => (
            format!("The disk is nearly full ({free_mb} MiB free)"),
            format!("ディスクの空き容量がわずかです（残り {free_mb} MiB）"),
        ),
        Detail::Told { .. } => told_headline(notice.key.kind, is_over),
        Detail::Checks { failed } => checks_headline(*failed, is_over),
        Detail::Held { partner, .. } if is_over => {
            let who = held(partner, language);
            (
                format!("Resolved: the postbacks of {who} go out again"),
                format!("復旧: {who} への送信を再開しました"),
            )
        }
        Detail::Held { partner, cause, .. } => {
            let (en, ja) = held_because(cause);
            let who = held(partner, language);
            (
                format!("The postbacks of {who} wait: {en}"),
                format!("{who} への送信を保留しています: {ja}"),
            )
        }
        Detail::HeldQueue { partner, percent } => {
            waiting::queue_headline(&held(partner, language), *percent, is_over)
        }
        Detail::Ending { postbacks, money } => {
            waiting::ending_headline(*postbacks, &one_line(money), is_over)
        }
        Detail::Refusals { .. } if is_over => (
            "Resolved: refused conversions are back to normal".into(),
            "復旧: 成果エラーの割合が通常に戻りました".into(),
        ),
        Detail::Refusals { refused, total } => (
            format!("{refused} of {total} conversions of the last hour were refused"),
            format!("直近1時間の成果 {total} 件のうち {refused} 件がエラーになりました"),
        ),
        Detail::Silence { offer, hours, .. } => silence_headline(notice.key.kind, offer, *hours, is_over),
        Detail::Logins { failed } => logins_headline(*failed, is_over),
    };
    language.pick(en, ja)
}

fn logins_headline(failed: i64, is_over: bool) -> (String, String) {
    if is_over {
        (
            "Resolved: nobody tries passwords any more".into(),
            "復旧: 不審なサインインの試行は収まりました".into(),
        )
    } else {
        (
            format!("{failed} tries to sign in failed in the last hour"),
            format!("直近1時間にサインインの失敗が {failed} 回ありました"),
        )
    }
}

/// In English and Japanese: what does not come in.
fn silence_headline(kind: AlertKind, offer: &str, hours: u16, is_over: bool) -> (String, String) {
    let (en, ja) = match kind {
        AlertKind::NoClicks => ("clicks", "クリック"),
        _ => ("conversions", "成果"),
    };
    let (of, from) = if offer.is_empty() {
        (String::new(), String::new())
    } else {
        let offer = one_line(offer);
        (format!(" of {offer}"), format!("「{offer}」の"))
    };
    if is_over {
        (
            format!("Resolved: {en}{of} come in again"),
            format!("復旧: {from}{ja}が再び入ってくるようになりました"),
        )
    } else {
        (
            format!("No {en}{of} for {hours} hours"),
            format!("{from}{ja}が{hours}時間入っていません"),
        )
    }
}

fn silence_remedy(kind: AlertKind, usual: [i64; 2]) -> (String, String) {
    let [week, two] = usual;
    let (en, ja) = match kind {
        AlertKind::NoClicks => (
            "Look whether the ads run and whether the links still lead here.",
            "広告の配信状況と、掲載されているリンクを確認してください。",
        ),
        _ => (
            "Look whether the shop's tag or its server still reports: a new cart, a new thanks page, a changed token.",
            "成果タグやサーバーからの通知が止まっていないか確認してください（カートやサンクスページの変更、トークンの変更など）。",
        ),
    };
    (
        format!("In the same hours there were {week} a week ago and {two} two weeks ago. {en}"),
        format!("同じ時間帯の実績は、1週間前が{week}件、2週間前が{two}件でした。{ja}"),
    )
}

fn remedy(notice: &Notice, language: Language) -> String {
    let (en, ja) = match &notice.detail {
        Detail::Lane { waiting, status: None, .. } => (
            format!("{waiting} postbacks wait and are sent as soon as the receiver answers; none is lost. If this lasts, ask the partner whether their server or its address has changed."),
            format!("{waiting} 件が送信待ちです。受信側が応答しだい自動で送信され、失われることはありません。長引く場合は、サーバーやURLに変更がないか媒体へご確認ください。"),
        ),
        Detail::Lane { status: Some(_), .. } => (
            "The receiver answers with an error: compare the rule's URL and its parameters with what the partner asks for, then send the failed postbacks again.".into(),
            "受信側がエラーを返しています。ポストバック設定のURLとパラメータが媒体の指定どおりか確認し、失敗したポストバックを再送してください。".into(),
        ),
        Detail::Queue { .. } => (
            "The server does not keep up with sending: look at the load and the disk of the machine; restart Yamabiko if it does not pass.".into(),
            "サーバーの送信が追いついていません。マシンの負荷とディスクを確認し、改善しない場合は Yamabiko を再起動してください。".into(),
        ),
        Detail::Overdue { .. } => (
            "Each is sent once more, and given up only if the receiver does not take it then; what is given up stays in the list of postbacks and can be sent again. Find out why the server was off, or its clock wrong.".into(),
            "それぞれもう一度送信し、受信側に受け付けられなかったものだけを失敗とします。失敗したものは一覧に残り、再送できます。サーバーの停止や時刻のずれの原因を確認してください。".into(),
        ),
        Detail::Disk { needed_mb, .. } => (
            format!("Free space or enlarge the disk: below {needed_mb} MiB conversions are no longer taken (clicks are still redirected)."),
            format!("不要なファイルを削除するか、ディスクを拡張してください。{needed_mb} MiB を下回ると成果を受け付けられなくなります（クリックの転送は続きます）。"),
        ),
        Detail::Told { message } if notice.key.kind == AlertKind::StoreDamaged => (
            format!("{}. Compare with a backup, run `yamabiko doctor`, and have the disk checked.", one_line_of(message)),
            format!("{} — バックアップと照合し、`yamabiko doctor` を実行してください。ディスクの点検もおすすめします。", one_line_of(message)),
        ),
        Detail::Told { message } if notice.key.kind == AlertKind::CertificateFailing => (
            format!("{}. Without a good certificate browsers stop visitors: look at the DNS records of the name and at ports 80 and 443.", one_line_of(message)),
            format!("{} — 有効な証明書がないと、ブラウザが訪問者をブロックします。ドメインのDNS設定と、80番・443番ポートを確認してください。", one_line_of(message)),
        ),
        Detail::Told { message } if notice.key.kind == AlertKind::RawDataFailing => (
            format!("{}. Nothing is lost: everything follows when the receiver takes it again. Settings, System has a test.", one_line_of(message)),
            format!("{} — データは失われず、受信側が復旧しだい続きから送信されます。「設定」の「システム」で接続をテストできます。", one_line_of(message)),
        ),
        Detail::Told { message } if notice.key.kind == AlertKind::ArchiveFailing => (
            format!("{}. What waits stays in the journal of this machine and goes out by itself; `yamabiko archive test` tries the bucket.", one_line_of(message)),
            format!("{} — 未送信のデータはこのサーバーに残り、自動で送信されます。`yamabiko archive test` でバケットを確認してください。", one_line_of(message)),
        ),
        Detail::Told { message } => (
            format!("{}. Make room or correct backup.dir; `yamabiko backup FILE` makes one at once.", one_line_of(message)),
            format!("{} — 空き容量または backup.dir の設定を確認してください。`yamabiko backup FILE` ですぐに作成できます。", one_line_of(message)),
        ),
        Detail::Checks { .. } => checks_remedy(),
        Detail::Held { cause, detail, .. } => {
            let detail = one_line(detail);
            let (en, ja) = match cause.as_str() {
                "token_refused" => (
                    "Get a new token from the partner and enter it under Secrets on the partner's page",
                    "媒体で新しいトークンを発行し、媒体の画面の「秘密情報」に登録してください",
                ),
                "secret_sealed" => (
                    "Give the server the file with the sealing key (sealing.key_file) and start it again",
                    "封印鍵のファイル（sealing.key_file）を用意して、サーバーを再起動してください",
                ),
                _ => (
                    "Enter the secret on the partner's page, or correct the rule that uses it",
                    "媒体の画面で秘密情報を登録するか、使っているポストバック設定を直してください",
                ),
            };
            (
                format!("{en} ({detail}). Nothing is lost: what waits is sent then."),
                format!("{ja}（{detail}）。送信待ちのものは失われず、その後に送信されます。"),
            )
        }
        Detail::HeldQueue { .. } => waiting::queue_remedy(),
        Detail::Ending { .. } => waiting::ending_remedy(),
        Detail::Refusals { .. } => (
            "Look at the reasons in the list of refused conversions: most often a tag or a parameter on the advertiser's site has changed.".into(),
            "成果エラーログで理由を確認してください。多くの場合、広告主サイトのタグやパラメータの変更が原因です。".into(),
        ),
        Detail::Silence { usual, .. } => silence_remedy(notice.key.kind, *usual),
        Detail::Logins { .. } => (
            "Somebody tries passwords. They are slowed down, and browsers that signed in before are not kept out. Switch the second factor on, look at the audit log, and open the admin side to your own network only if you can (admin.listen).".into(),
            "第三者がパスワードを試している可能性があります。試行は制限されており、過去にサインインしたブラウザは影響を受けません。二段階認証を有効にし、操作ログを確認してください。可能であれば管理画面を社内ネットワークからのみ開けるようにしてください（admin.listen）。".into(),
        ),
    };
    language.pick(en, ja)
}

fn held(partner: &str, language: Language) -> String {
    if partner.is_empty() {
        language.pick("your own servers", "自社サーバー").to_owned()
    } else {
        one_line(partner)
    }
}

fn held_because(cause: &str) -> (&'static str, &'static str) {
    match cause {
        "token_refused" => ("its token is refused", "トークンが拒否されました"),
        "secret_missing" => ("a secret is missing", "秘密情報が登録されていません"),
        "secret_sealed" => ("its secrets are sealed", "秘密情報の封印を解けません"),
        _ => ("the token endpoint gives no token", "トークンを取得できません"),
    }
}

fn checks_headline(failed: usize, is_over: bool) -> (String, String) {
    if is_over {
        (
            "Resolved: conversions of known senders pass their checks again".into(),
            "復旧: 取引実績のある送信元の成果が、再び認証を通るようになりました".into(),
        )
    } else {
        (
            format!(
                "{failed} conversions of the last hour failed their check, from senders that had good ones"
            ),
            format!("直近1時間に、取引実績のある送信元からの成果 {failed} 件が認証エラーになりました"),
        )
    }
}

fn checks_remedy() -> (String, String) {
    (
        "Token, signature or address of the shop has probably changed. Correct the offer's trust settings, then accept these conversions in the list of refused ones.".into(),
        "トークン、署名、または送信元IPが変わった可能性があります。広告の認証設定を直してから、成果エラーログで該当の成果を承認してください。".into(),
    )
}

fn screen(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::PartnerFailing | AlertKind::PostbacksOverdue | AlertKind::PostbacksEnding => "/postbacks",
        AlertKind::PartnerHeld | AlertKind::HeldQueueFilling => "/partners",
        AlertKind::QueueOld
        | AlertKind::DiskLow
        | AlertKind::StoreDamaged
        | AlertKind::BackupFailing
        | AlertKind::RawDataFailing
        | AlertKind::ArchiveFailing
        | AlertKind::CertificateFailing => "/settings/system",
        AlertKind::RefusalsHigh | AlertKind::ChecksFailing => "/refused",
        AlertKind::SignInAttack => "/settings/audit",
        AlertKind::NoClicks => "/clicks",
        AlertKind::NoConversions => "/conversions",
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
#[path = "text_tests.rs"]
mod tests;
