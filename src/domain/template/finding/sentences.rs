//! What every problem says: severity, stable code, sentence and remedy in English and Japanese.

use super::{Problem, Severity};
use crate::domain::signing::SecretError;

/// Severity, code, message, remedy, message in Japanese, remedy in Japanese.
pub(super) type Sentences = (Severity, &'static str, String, String, String, String);

impl Problem {
    /// The row of the problem.
    pub(super) fn sentences(&self) -> Sentences {
        let error = |code, m: &str, r: &str, mj: &str, rj: &str| {
            (
                Severity::Error,
                code,
                m.to_owned(),
                r.to_owned(),
                mj.to_owned(),
                rj.to_owned(),
            )
        };
        let warning = |code, m: &str, r: &str, mj: &str, rj: &str| {
            (
                Severity::Warning,
                code,
                m.to_owned(),
                r.to_owned(),
                mj.to_owned(),
                rj.to_owned(),
            )
        };
        match self {
            Self::NoEntry => error(
                "no_entry",
                "The rule names no URL.",
                "Enter the URL that is to be called.",
                "URLがありません。",
                "通知先のURLを入力してください。",
            ),
            Self::TooManyEntries { most } => error(
                "too_many_entries",
                &format!("There are more than {most} entries."),
                "Spread them over several rules.",
                &format!("エントリが{most}件を超えています。"),
                "複数の設定に分けてください。",
            ),
            Self::TooLong { what, what_ja, most } => error(
                "too_long",
                &format!("The {what} is longer than {most} bytes."),
                "Shorten it.",
                &format!("{what_ja}が{most}バイトを超えています。"),
                "短くしてください。",
            ),
            Self::NotAnEntry { word } => error(
                "not_an_entry",
                &format!(
                    "\"{}\" begins neither with http:// or https:// nor with an operator.",
                    cut(word)
                ),
                "White space separates entries: if the space before it belongs to the URL, write the space as %20.",
                &format!(
                    "「{}」は http:// や https:// でも演算子でも始まっていません。",
                    cut(word)
                ),
                "空白はエントリの区切りです。直前の空白がURLの一部なら %20 と書いてください。",
            ),
            Self::UnknownOperator { word } => error(
                "unknown_operator",
                &format!("\"{}\" is no operator.", cut(word)),
                "Use equal, notequal, contained or notcontained. If a space before it belongs to a URL, write it as %20.",
                &format!("「{}」という演算子はありません。", cut(word)),
                "equal、notequal、contained、notcontained のいずれかを使ってください。直前の空白がURLの一部なら %20 と書いてください。",
            ),
            Self::MissingComma { operator } => error(
                "missing_comma",
                &format!("The condition {operator} lacks a comma: it needs three before the URL."),
                &format!("Write {operator},{{placeholder}},value,https://... without spaces."),
                &format!("条件 {operator} のカンマが足りません。URLの前に3つ必要です。"),
                &format!("{operator},{{変数}},値,https://... の形で空白を入れずに書いてください。"),
            ),
            Self::ConditionUrl => error(
                "condition_url",
                "What follows the third comma is no URL.",
                "Begin it with http:// or https://; write a comma that belongs to the value as %2C.",
                "3つ目のカンマの後がURLではありません。",
                "http:// または https:// で始めてください。値に含まれるカンマは %2C と書いてください。",
            ),
            Self::EmptyLeft => error(
                "empty_left",
                "The condition names nothing to compare.",
                "Put a placeholder after the first comma, such as {country}.",
                "比較する変数がありません。",
                "最初のカンマの後に {country} などの変数を書いてください。",
            ),
            Self::EmptyList { operator } => error(
                "empty_value",
                &format!("{operator} needs at least one value."),
                "Name the values, separated by ; - to ask for no data use equal with an empty value.",
                &format!("{operator} には値が必要です。"),
                "値を ; で区切って書いてください。データなしの判定には値を空にした equal を使います。",
            ),
            Self::PlaceholderInValue => error(
                "placeholder_in_value",
                "The value of a condition is a fixed text; a placeholder is not replaced there.",
                "Put the placeholder on the left, before the second comma.",
                "条件の値は固定の文字列です。変数は使えません。",
                "変数は2つ目のカンマより前に書いてください。",
            ),
            Self::FullWidth { half } => error(
                "full_width",
                "There are full-width characters where half-width ones are needed.",
                &format!("Write {half}."),
                "全角の記号が使われています。",
                &format!("半角の {half} を使ってください。"),
            ),
            Self::StrayBrace { encoded } => error(
                "stray_brace",
                "A brace here is not part of a placeholder.",
                &format!("Write it as {encoded}, or complete the placeholder, such as {{sid}}."),
                "変数の一部ではない波かっこがあります。",
                &format!("{encoded} と書くか、{{sid}} のような変数として完成させてください。"),
            ),
            Self::UnknownPlaceholder { name, suggestion } => {
                let (remedy, remedy_ja) = match suggestion {
                    Some(near) => (
                        format!(
                            "Did you mean {{{near}}}? The value of a parameter of the click is {{dcp_NAME}}."
                        ),
                        format!(
                            "{{{near}}} ではありませんか。クリックのパラメータの値は {{dcp_名前}} で使えます。"
                        ),
                    ),
                    None => (
                        "Choose one from the list; the value of a parameter of the click is {dcp_NAME}."
                            .into(),
                        "一覧から選んでください。クリックのパラメータの値は {dcp_名前} で使えます。".into(),
                    ),
                };
                (
                    Severity::Error,
                    "unknown_placeholder",
                    format!("There is no placeholder \"{}\".", cut(name)),
                    remedy,
                    format!("「{}」という変数はありません。", cut(name)),
                    remedy_ja,
                )
            }
            Self::BrokenVariable => error(
                "broken_variable",
                "## here does not begin a variable such as ##PARA1##.",
                "Complete the variable with ## at its end, or write each # as %23.",
                "この ## は ##PARA1## のような変数になっていません。",
                "末尾に ## を付けて変数を完成させるか、# を %23 と書いてください。",
            ),
            Self::PlaceholderInHost => error(
                "placeholder_in_host",
                "Host, port, user name and password must be written out; no value may choose the server.",
                "Write the host itself, and use one entry with a condition for each host.",
                "ホスト名・ポート・認証情報に変数は使えません。",
                "ホスト名を直接書き、ホストごとに条件付きのエントリを分けてください。",
            ),
            Self::BadHost => error(
                "bad_host",
                "The URL has no valid host.",
                "Write it as https://host/path; the port, if any, is 1 to 65535.",
                "ホスト名が正しくありません。",
                "https://ホスト名/パス の形で書いてください。ポートは1から65535です。",
            ),
            Self::BadPercent => error(
                "bad_percent",
                "% is not followed by two hexadecimal digits.",
                "Write a percent sign as %25.",
                "% の後に16進数2桁がありません。",
                "パーセント記号は %25 と書いてください。",
            ),
            Self::Unencoded { characters } => error(
                "unencoded",
                &format!("\"{}\" must be encoded in a URL.", cut(characters)),
                "Use the encoded form.",
                &format!("「{}」はURLではエンコードが必要です。", cut(characters)),
                "エンコードした形を使ってください。",
            ),
            Self::SecondHash => error(
                "second_hash",
                "A second # in a URL has no meaning.",
                "Write it as %23.",
                "URLに2つ目の # は使えません。",
                "%23 と書いてください。",
            ),
            Self::DotSegment => error(
                "dot_segment",
                "A path segment . or .. would be folded away before it is sent.",
                "Write the path without it.",
                "パスの . や .. は送信前に取り除かれてしまいます。",
                ". や .. を使わずにパスを書いてください。",
            ),
            Self::JsonInvalid { reason } => error(
                "json_invalid",
                &format!("The body is no JSON: {reason}."),
                "Correct it; placeholders stand inside strings or in place of a value.",
                &format!("本文がJSONではありません（{reason}）。"),
                "修正してください。変数は文字列の中か値の位置に書けます。",
            ),
            Self::HeaderName => error(
                "header_name",
                "This cannot stand in a header name.",
                "Use letters, digits and hyphens; placeholders and line breaks have no place in it.",
                "ヘッダー名に使えない文字があります。",
                "英数字とハイフンを使ってください。プレースホルダや改行は使えません。",
            ),
            Self::HeaderReserved { name } => error(
                "header_reserved",
                &format!("{name} belongs to the server or to the connection; a rule cannot set it."),
                "Remove the header, or choose a name such as X-Your-Name.",
                &format!("{name} はサーバーが設定します。"),
                "このヘッダーを削除するか、X- で始まる別の名前にしてください。",
            ),
            Self::HeaderControl => error(
                "header_control",
                "A header value holds a line break or another control character.",
                "Remove it.",
                "ヘッダーの値に改行などの制御文字があります。",
                "取り除いてください。",
            ),
            Self::Secret(wrong) => error(
                wrong.code(),
                &format!("The signing secret cannot be used: {wrong}."),
                "Make one with 32 random bytes in base64 behind whsec_, and give the same to the receiver.",
                secret_ja(*wrong),
                "ランダムな32バイトをbase64にして whsec_ の後ろに付けたものを使い、受信側にも同じものを渡してください。",
            ),
            Self::KeyPairWithGet => error(
                "secret_needs_post",
                "An Ed25519 key (whsk_) signs bodies, and a GET has none: the request would go out unsigned.",
                "Set the method to POST, or use a secret that begins with whsec_.",
                "Ed25519鍵(whsk_)は本文に署名しますが、GETには本文がないため署名なしで送信されます。",
                "メソッドをPOSTにするか、whsec_ で始まるシークレットを使ってください。",
            ),
            Self::BodyWithoutPost => error(
                "body_without_post",
                "There is a body, but the method is GET.",
                "Set the method to POST, or remove the body.",
                "メソッドがGETなのに本文があります。",
                "メソッドをPOSTにするか、本文を削除してください。",
            ),
            Self::HostRefused { host, sentence } => error(
                "host_refused",
                &format!("{host} may not be called: {sentence}"),
                "Use a public host, or have the operator allow-list the address in the configuration.",
                &format!("{host} への送信は許可されていません（{sentence}）。"),
                "公開ホストを使うか、設定の許可リストにアドレスを加えてください。",
            ),
            Self::NotAvailable { placeholder, kinds } => {
                let kinds = kinds.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(", ");
                warning(
                    "not_available",
                    &format!("{placeholder} has no data for: {kinds}."),
                    "Leave it out, or restrict the rule to the kinds that have it.",
                    &format!("{placeholder} は次の種類ではデータがありません：{kinds}"),
                    "変数を外すか、データのある種類だけに設定を絞ってください。",
                )
            }
            Self::EncodedPlaceholder => warning(
                "encoded_placeholder",
                "An encoded placeholder is not replaced: it is sent as it stands.",
                "Write braces and ## of our placeholders unencoded.",
                "エンコードされた変数は置換されず、そのまま送られます。",
                "変数の波かっこや ## はエンコードせずに書いてください。",
            ),
            Self::ForeignVariable {
                typed,
                systems,
                is_certain,
                is_error,
            } => foreign_variable(typed, systems, *is_certain, *is_error),
            Self::HtmlAmpersand => warning(
                "html_ampersand",
                "&amp; is how HTML and mails write &; sent so, the name of the next parameter begins with amp;.",
                "Write & alone.",
                "&amp; はHTMLやメールでの & の書き方です。このままでは次のパラメータ名が amp; で始まってしまいます。",
                "& だけにしてください。",
            ),
            Self::HtmlEntity { sign, typed } => error(
                "html_entity",
                &format!("{sign} is what HTML made of {typed}."),
                &format!("Write {typed} again."),
                &format!("{sign} は {typed} がHTMLとして変換されたものです。"),
                &format!("{typed} に戻してください。"),
            ),
            Self::Invisible => error(
                "invisible_character",
                "There is a character here that cannot be seen, such as a zero-width space; copying from a page or mail leaves them behind.",
                "Remove it.",
                "目に見えない文字（ゼロ幅スペースなど）が入っています。ページやメールからのコピーで混ざることがあります。",
                "取り除いてください。",
            ),
            Self::NotPairs => error(
                "not_pairs",
                "After the URL of a POST entry come pairs such as key=value&key2=value2.",
                "Write them so; a comma that belongs to the URL is written %2C.",
                "POSTエントリのURLの後には key=value&key2=value2 の形で送信内容を書きます。",
                "この形で書いてください。URLに含まれるカンマは %2C と書いてください。",
            ),
            Self::ClickIdNotSent => warning(
                "click_id_not_sent",
                "The partner's click id (PARA1) is to be sent, but no parameter of the partner brings it.",
                "Ask the partner for the variable that stands for its click id, and enter it at the partner for a parameter taken as PARA1.",
                "媒体のクリックID（PARA1）を送る設定ですが、媒体のパラメータにPARA1の値がありません。",
                "クリックIDの変数名を媒体に確認し、媒体のパラメータ（PARA1）に入力してください。",
            ),
            Self::AmpersandWithoutQuestion => warning(
                "ampersand_without_question",
                "There is & but no ?, so the receiver sees no parameters.",
                "Join the first parameter with ?.",
                "? がないのに & があります。受信側でパラメータとして認識されません。",
                "最初のパラメータは ? でつないでください。",
            ),
            Self::SecondQuestion => warning(
                "second_question",
                "There is a second ?; it becomes part of a value.",
                "Join further parameters with &, or write a ? inside a value as %3F.",
                "2つ目の ? があります。値の一部として扱われます。",
                "2番目以降のパラメータは & でつなぎ、値の ? は %3F と書いてください。",
            ),
            Self::PlainHttp => warning(
                "plain_http",
                "http:// is not encrypted: others on the way can read and change the postback.",
                "Use https:// if the receiver has it.",
                "http:// は暗号化されず、途中で読まれたり書き換えられたりします。",
                "受信側が対応していれば https:// を使ってください。",
            ),
            Self::DuplicateParameter { name } => warning(
                "duplicate_parameter",
                &format!(
                    "The parameter {} occurs more than once; they are sent in this order.",
                    cut(name)
                ),
                "Keep it if the receiver wants it so.",
                &format!("パラメータ {} が複数あります。この順に送られます。", cut(name)),
                "受信側の仕様どおりなら、このままで構いません。",
            ),
            Self::FragmentNotSent => warning(
                "fragment_not_sent",
                "What follows # is a fragment, which is never sent.",
                "Write # as %23 if it belongs to the address, or a variable as ##NAME##.",
                "# より後ろはフラグメントで、送信されません。",
                "アドレスの一部なら %23 と書いてください。変数は ##名前## の形です。",
            ),
            Self::Userinfo => warning(
                "userinfo",
                "A user name and password in a URL can be read by everybody who may read the rule.",
                "Take them out, enter the password under Secrets, and add the header Authorization with Basic {base64:'USER:'+secret.NAME}: it is sent as Basic authentication.",
                "URLにユーザー名とパスワードを書くと、設定を閲覧できる人全員に見えてしまいます。",
                "URLから取り除き、パスワードを「秘密情報」に登録して、ヘッダ Authorization に Basic {base64:'ユーザー名:'+secret.名前} と書いてください。Basic認証で送信されます。",
            ),
            Self::ImpossibleValue {
                placeholder,
                value,
                format,
            } => {
                let (form, form_ja) = format.describe();
                warning(
                    "impossible_value",
                    &format!(
                        "{{{placeholder}}} is never \"{}\": its form is {form}.",
                        cut(value)
                    ),
                    "Correct the value; the comparison is exact.",
                    &format!(
                        "{{{placeholder}}} が「{}」になることはありません（形式：{form_ja}）。",
                        cut(value)
                    ),
                    "値を修正してください。大文字・小文字も区別されます。",
                )
            }
            Self::StatusNeverFires => warning(
                "status_never_fires",
                "The rule waits for a status, but none of its kinds has one.",
                "Add the kinds event and event_update, or remove the statuses.",
                "ステータスが指定されていますが、対象の種類にはステータスがありません。",
                "event と event_update を加えるか、ステータスの指定を外してください。",
            ),
            Self::StatusWithoutUpdate => warning(
                "status_without_update",
                "Later changes of the status are of kind event_update, which the rule does not have.",
                "Add event_update if an approval or rejection by hand should be told, too.",
                "後からのステータス変更は event_update ですが、対象に含まれていません。",
                "手動の承認・否認も通知する場合は event_update を加えてください。",
            ),
            Self::Part(problem) => problem.sentences(),
            Self::EventNeverFires => warning(
                "event_never_fires",
                "The rule is for one event, but none of its kinds has events.",
                "Add the kind event, or remove the event.",
                "イベントが指定されていますが、対象の種類にはイベントがありません。",
                "種類に event を加えるか、イベントの指定を外してください。",
            ),
        }
    }
}

fn foreign_variable(typed: &str, systems: &str, is_certain: bool, is_error: bool) -> Sentences {
    let severity = if is_error {
        Severity::Error
    } else {
        Severity::Warning
    };
    let typed = cut(typed);
    let (of, of_ja) = match (is_certain, systems) {
        (false, _) => (
            "looks like a word that is to be replaced".to_owned(),
            "置き換え前の仮の文字のようです".to_owned(),
        ),
        (true, "") => (
            "looks like a variable of another system".to_owned(),
            "他のシステムの変数のようです".to_owned(),
        ),
        (true, systems) => (
            format!("looks like a variable of another system ({systems})"),
            format!("他のシステム（{systems}）の変数のようです"),
        ),
    };
    (
        severity,
        "foreign_variable",
        format!("\"{typed}\" {of}; it would be sent as it stands."),
        "Write the placeholder whose value the partner wants, such as {para1} for its click id.".into(),
        format!("「{typed}」は{of_ja}。値に置き換わらず、このまま送信されます。"),
        "送りたい値の変数に書き換えてください。媒体のクリックIDなら {para1} です。".into(),
    )
}

/// A quotation short enough for a sentence.
fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn secret_ja(error: SecretError) -> &'static str {
    match error {
        SecretError::Empty => "署名シークレットが空です。",
        SecretError::Encoding => "署名シークレットがbase64ではありません。",
        SecretError::Length { .. } => "署名シークレットの長さは24～64バイトでなければなりません。",
        SecretError::KeyPair => "署名鍵がEd25519の鍵ペアではありません。",
        SecretError::TooMany { .. } => "署名シークレットは4つまでです。",
    }
}
