//! What the columns of a file are called: our codes, the headings of our own exports in both languages, and those of
//! other systems. Letter case, spaces, hyphens and underscores do not matter.

use super::SheetKind;
use crate::reports::words;

/// A field and its names.
type Names = (&'static str, &'static [&'static str]);

const PARTNERS: &[Names] = &[
    (
        "id",
        &["id", "partner id", "媒体ID", "affiliate id", "publisher id"],
    ),
    (
        "name",
        &[
            "name",
            "partner",
            "partner name",
            "媒体",
            "媒体名",
            "メディア名",
            "サイト名",
            "名前",
            "affiliate",
            "affiliate name",
            "publisher",
            "company",
        ],
    ),
    (
        "parameters",
        &[
            "parameters",
            "click parameters",
            "受信パラメータ",
            "パラメータ",
            "セッションIDのパラメータ",
            "tracking template",
        ],
    ),
    (
        "postback",
        &[
            "postback",
            "postback url",
            "global postback",
            "ポストバックURL",
            "ポストバック通知先URL",
            "ポストバック通知先URL(成果)",
            "通知先URL",
            "成果通知URL",
            "キックバックURL",
        ],
    ),
    (
        "postback_pending",
        &["postback pending", "承認待ち時のURL", "発生時URL", "承認待ちURL"],
    ),
    (
        "postback_approved",
        &["postback approved", "承認時のURL", "承認時URL", "承認URL"],
    ),
    (
        "postback_rejected",
        &[
            "postback rejected",
            "否認時のURL",
            "否認時URL",
            "否認URL",
            "非承認URL",
        ],
    ),
    (
        "categories",
        &[
            "categories",
            "category",
            "カテゴリ",
            "媒体カテゴリ",
            "媒体カテゴリ名",
        ],
    ),
    ("preset", &["preset", "プリセット"]),
    ("note", &["note", "notes", "メモ", "備考", "媒体概要", "memo"]),
];

const LINKS: &[Names] = &[
    ("token", &["token", "リンクID", "link id"]),
    (
        "name",
        &[
            "name",
            "link",
            "link name",
            "名前",
            "クリックURL名",
            "リンク名",
            "掲載枠",
            "placement",
        ],
    ),
    ("network", &["network", "ネットワーク"]),
    ("campaign", &["campaign", "キャンペーン"]),
    ("adgroup", &["adgroup", "ad group", "広告グループ"]),
    ("creative", &["creative", "クリエイティブ", "原稿"]),
    (
        "offer",
        &[
            "offer",
            "offer id",
            "広告ID",
            "広告",
            "広告名",
            "案件",
            "案件名",
            "cid",
            "content id",
            "program",
            "プロモーション",
        ],
    ),
    (
        "partner",
        &[
            "partner",
            "partner id",
            "媒体ID",
            "媒体",
            "媒体名",
            "affiliate",
            "affiliate id",
            "publisher",
            "メディア名",
        ],
    ),
    (
        "destination",
        &[
            "destination",
            "destination url",
            "landing page",
            "landing page url",
            "lp",
            "遷移先URL",
            "遷移先",
            "遷移広告URL",
            "遷移先広告URL",
            "target url",
        ],
    ),
    ("state", &["state", "status", "状態", "稼働状態"]),
    ("note", &["note", "notes", "メモ", "備考", "memo"]),
];

const RULES: &[Names] = &[
    ("id", &["id", "rule id", "設定ID", "ルールID"]),
    ("name", &["name", "rule", "名前", "設定名"]),
    ("enabled", &["enabled", "on", "有効", "状態"]),
    (
        "offer",
        &["offer", "offer id", "広告ID", "広告", "広告名", "案件"],
    ),
    (
        "partner",
        &[
            "partner",
            "partner id",
            "媒体ID",
            "媒体",
            "媒体名",
            "affiliate",
            "publisher",
        ],
    ),
    ("kinds", &["kinds", "kind", "種別", "対象イベント"]),
    (
        "event",
        &[
            "event",
            "conversion point",
            "conversion point id",
            "成果地点ID",
            "成果地点",
            "goal",
        ],
    ),
    (
        "statuses",
        &["statuses", "status", "ステータス", "成果ステータス"],
    ),
    ("method", &["method", "メソッド"]),
    (
        "text",
        &["text", "url", "postback url", "ポストバックURL", "通知先URL"],
    ),
];

/// Keys of the screens' texts under which our exports write a column.
const ON_SCREEN: &[(SheetKind, &str, &str)] = &[
    (SheetKind::Partners, "name", "partners.name"),
    (SheetKind::Partners, "parameters", "partners.parameters"),
    (SheetKind::Links, "token", "links.token"),
    (SheetKind::Links, "name", "links.name"),
    (SheetKind::Links, "offer", "link.offer"),
    (SheetKind::Links, "partner", "link.partner"),
    (SheetKind::Links, "state", "offers.state"),
    (SheetKind::Rules, "offer", "link.offer"),
    (SheetKind::Rules, "partner", "link.partner"),
    (SheetKind::Rules, "kinds", "rule.kinds"),
    (SheetKind::Rules, "event", "conversion.event"),
    (SheetKind::Rules, "statuses", "conversion.status"),
];

fn plain(text: &str) -> String {
    let kept = text
        .trim()
        .chars()
        .filter(|c| !matches!(c, ' ' | '_' | '-' | '　'));
    kept.flat_map(char::to_lowercase)
        .map(|c| match c {
            '（' => '(',
            '）' => ')',
            'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            _ => c,
        })
        .collect()
}

/// The field that a heading names; `None` for a column that says nothing to us.
pub fn field(kind: SheetKind, heading: &str) -> Option<&'static str> {
    let wanted = plain(heading);
    let names = match kind {
        SheetKind::Partners => PARTNERS,
        SheetKind::Links => LINKS,
        SheetKind::Rules => RULES,
    };
    let listed = names
        .iter()
        .find(|(_, all)| all.iter().any(|name| plain(name) == wanted));
    listed.map(|(field, _)| *field).or_else(|| {
        let both = [words::named("en"), words::named("ja")];
        let on_screen = ON_SCREEN.iter().find(|(of, _, key)| {
            *of == kind && both.iter().flatten().any(|words| plain(words.get(key)) == wanted)
        });
        on_screen.map(|(_, field, _)| *field)
    })
}

/// A code by its name on the wire or by the word of either language.
pub fn code<'c>(group: &str, codes: &[&'c str], text: &str) -> Option<&'c str> {
    let wanted = plain(text);
    let both = [words::named("en"), words::named("ja")];
    codes.iter().copied().find(|code| {
        plain(code) == wanted
            || both
                .iter()
                .flatten()
                .any(|words| plain(&words.of_code(group, code)) == wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_ours_and_of_others_are_known() {
        for (kind, heading, expected) in [
            (SheetKind::Partners, "Partner_Name", Some("name")),
            (SheetKind::Partners, "媒体名", Some("name")),
            (
                SheetKind::Partners,
                "ポストバック通知先URL（成果）",
                Some("postback"),
            ),
            (SheetKind::Links, "Offer ID", Some("offer")),
            (SheetKind::Links, "ＬＰ", Some("destination")),
            (SheetKind::Links, "クリック数", None),
            (SheetKind::Rules, "Rule id", Some("id")),
            (SheetKind::Rules, "成果ステータス", Some("statuses")),
        ] {
            assert_eq!(field(kind, heading), expected, "{heading}");
        }
    }

    #[test]
    fn codes_are_read_in_both_languages() {
        let codes = ["pending", "approved", "rejected"];
        assert_eq!(code("status", &codes, "承認待ち"), Some("pending"));
        assert_eq!(code("status", &codes, "Approved"), Some("approved"));
        assert_eq!(code("status", &codes, "unknown"), None);
    }
}
