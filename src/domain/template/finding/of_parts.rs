//! What is wrong with the parts of a rule beside its text, and with secrets: sentences and remedies.

use super::{Severity, sentences::Sentences};

/// A problem of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain::template) enum PartProblem {
    /// A secret where everybody would see it, or where it cannot be filled.
    SecretNotHere,
    /// A placeholder where only secrets are known.
    OnlySecrets,
    /// A key that is written out in a header.
    KeyInHeader,
    /// An offer-wide rule that does not say whose secrets it uses.
    NoSecretOwner,
    /// The partner has no such secret.
    UnknownSecret {
        name: String,
    },
    UnknownEvent {
        name: String,
        known: String,
    },
    EmptyWord,
    DuplicateWord {
        name: String,
    },
    WordWithoutMap,
    NeedsNoPlaceholder,
    NothingNeeded,
    /// The whole address in a rule that may not send it.
    AddressNotAllowed,
    /// The whole address in a rule whose conversions may be approved too late for it.
    AddressMayBeGone,
    BadPointer,
    BadStatus,
    CaseOfNothing,
    BadAge {
        most: u32,
    },
    BadWait,
    TooMany {
        most: usize,
    },
}

impl PartProblem {
    /// The row of the problem.
    pub(super) fn sentences(&self) -> Sentences {
        let row = |severity, code, m: String, r: &str, mj: String, rj: &str| {
            (severity, code, m, r.to_owned(), mj, rj.to_owned())
        };
        let error = |code, m: &str, r: &str, mj: &str, rj: &str| {
            row(Severity::Error, code, m.into(), r, mj.into(), rj)
        };
        let warning = |code, m: &str, r: &str, mj: &str, rj: &str| {
            row(Severity::Warning, code, m.into(), r, mj.into(), rj)
        };
        match self {
            Self::SecretNotHere => error(
                "secret_not_here",
                "A secret cannot stand here.",
                "Use it in path, query, headers or body of a rule, alone in its braces.",
                "ここでは秘密情報を使えません。",
                "設定のパス、クエリ、ヘッダー、本文の中で、波かっこに単独で入れて使ってください。",
            ),
            Self::OnlySecrets => error(
                "only_secrets",
                "Only secrets can stand here.",
                "Write {secret.NAME}, or the text itself.",
                "ここで使えるのは秘密情報だけです。",
                "{secret.名前} か、値そのものを書いてください。",
            ),
            Self::KeyInHeader => error(
                "key_in_header",
                "Whoever may read the rule would see the key in this header.",
                "Enter the key under Secrets on the partner's page, and write {secret.NAME} here.",
                "設定を閲覧できる人全員に、このヘッダーのキーが見えてしまいます。",
                "キーは媒体の画面の「秘密情報」に登録し、ここには {secret.名前} と書いてください。",
            ),
            Self::NoSecretOwner => error(
                "secret_without_partner",
                "The rule uses secrets but does not say whose.",
                "Choose the partner whose secrets it uses.",
                "秘密情報を使っていますが、どの媒体のものか指定されていません。",
                "秘密情報を持つ媒体を選んでください。",
            ),
            Self::UnknownSecret { name } => row(
                Severity::Warning,
                "unknown_secret",
                format!("The partner has no secret named {name}: its postbacks wait until there is one."),
                "Enter it under Secrets on the partner's page, or correct the name.",
                format!("この媒体に {name} という秘密情報がありません。登録されるまで送信待ちになります。"),
                "媒体の画面の「秘密情報」に登録するか、名前を直してください。",
            ),
            Self::UnknownEvent { name, known } => row(
                Severity::Warning,
                "unknown_event",
                format!("There is no event {name}. The events are: {known}."),
                "Choose one of them, or remove the row.",
                format!("{name} というイベントはありません。あるのは {known} です。"),
                "いずれかを選ぶか、行を削除してください。",
            ),
            Self::EmptyWord => error(
                "empty_word",
                "The platform's word for the event is missing.",
                "Enter it as the platform writes it, or remove the row.",
                "媒体側のイベント名がありません。",
                "媒体の表記どおりに入力するか、行を削除してください。",
            ),
            Self::DuplicateWord { name } => row(
                Severity::Error,
                "duplicate",
                format!("The event {name} is mapped twice."),
                "Keep one of the rows, or give them different statuses.",
                format!("{name} の対応が重複しています。"),
                "行を1つにするか、ステータスを分けてください。",
            ),
            Self::WordWithoutMap => warning(
                "event_word_without_map",
                "{event_word} has no value: the rule maps no events.",
                "Add the events and the platform's words for them, or write the word in place of the variable.",
                "{event_word} に値がありません。イベントの対応が設定されていません。",
                "イベントと媒体側の名前の対応を追加するか、変数の代わりに名前を直接書いてください。",
            ),
            Self::NeedsNoPlaceholder => error(
                "needs_no_placeholder",
                "What is needed has to be a variable.",
                "Enter a variable such as {dcp_ttclid}; several in one row are needed together.",
                "必要なデータは変数で指定します。",
                "{dcp_ttclid} のような変数を入力してください。1行に複数書くと、すべて必要になります。",
            ),
            Self::NothingNeeded => warning(
                "nothing_needed",
                "The rule hears every conversion of the offer, and would also be sent without any identifier that the platform knows.",
                "List the variables of which the platform needs one, such as its click id.",
                "この広告の成果すべてが対象のため、媒体が識別できるIDがない成果も送信されます。",
                "クリックIDなど、いずれかが必要な変数を指定してください。",
            ),
            Self::AddressNotAllowed => error(
                "address_not_allowed",
                "The rule would send the visitor's whole IP address, which it may not.",
                "Allow it below, or use {ip_address}: the address as far as the offer keeps it.",
                "訪問者の完全なIPアドレスを送信する内容ですが、許可されていません。",
                "「完全なIPアドレスの送信」を許可するか、{ip_address}（広告の設定で保存される範囲のアドレス）を使ってください。",
            ),
            Self::AddressMayBeGone => warning(
                "address_may_be_gone",
                "Conversions of the offer are approved by hand. The whole address is kept for at most 7 days: what is approved later is not sent.",
                "Approve within 7 days, let the rule fire while conversions are pending, or use {ip_address}.",
                "この広告の成果は手動で承認されます。完全なIPアドレスの保管は最長7日のため、それより後に承認した成果は送信されません。",
                "7日以内に承認するか、未承認の時点で送信する設定にするか、{ip_address} を使ってください。",
            ),
            Self::BadPointer => error(
                "bad_pointer",
                "This is no JSON pointer.",
                "Write the names on the way to the value, each behind a slash: /error/code.",
                "JSONポインターではありません。",
                "値までの名前をスラッシュで区切って /error/code のように書いてください。",
            ),
            Self::BadStatus => error(
                "bad_status",
                "This is no HTTP status.",
                "Write a status such as 200, or a class such as 4xx.",
                "HTTPステータスではありません。",
                "200 のような値か、4xx のような区分で書いてください。",
            ),
            Self::CaseOfNothing => error(
                "case_of_nothing",
                "The case looks neither at the status nor at the body.",
                "Give it a status or a JSON pointer, or remove it.",
                "ステータスも本文も条件に指定されていません。",
                "ステータスかJSONポインターを指定するか、行を削除してください。",
            ),
            Self::BadAge { most } => row(
                Severity::Error,
                "bad_age",
                format!("The greatest age is 1 to {most} hours."),
                "Enter the hours after a conversion at which it is no longer sent.",
                format!("最大経過時間は1～{most}時間です。"),
                "成果の発生後、送信しなくなるまでの時間数を入力してください。",
            ),
            Self::BadWait => error(
                "bad_wait",
                "The second look comes 1 to 86400 seconds after the first answer.",
                "Enter the seconds after which the receiver is asked.",
                "確認までの時間は1～86400秒です。",
                "受信側に確認するまでの秒数を入力してください。",
            ),
            Self::TooMany { most } => row(
                Severity::Error,
                "too_many",
                format!("There are more than {most}."),
                "Spread them over several rules.",
                format!("{most}件を超えています。"),
                "複数の設定に分けてください。",
            ),
        }
    }
}
