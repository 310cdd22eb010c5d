//! Pages of the documentation that are made from the code are those that the code makes.
//! `YAMABIKO_WRITE_DOCS=1 cargo test --test it docs` writes them.

use std::fmt::Write;
use yamabiko::domain::activity::ActivityKind;
use yamabiko::domain::preset::{self, Bilingual, Platform, Preset};
use yamabiko::domain::template::catalogue::{self, Format, Group, Kinds, Placeholder, Source};

/// The sections in their order: title and group.
const SECTIONS: [(&str, Group); 18] = [
    ("The activity and the postback", Group::Activity),
    ("The conversion", Group::Conversion),
    ("The click and what it carried", Group::Click),
    ("Identity and consent", Group::Identity),
    ("Offer, partner, link", Group::Link),
    ("Attribution", Group::Attribution),
    ("Policy in force", Group::Settings),
    ("Times and durations", Group::Time),
    ("Money", Group::Money),
    ("Ad revenue", Group::AdRevenue),
    ("The app", Group::App),
    ("Device ids", Group::DeviceId),
    ("The device", Group::Device),
    ("Where the device is", Group::Geo),
    ("Apple's install postbacks", Group::Skan),
    ("Subscriptions", Group::Subscription),
    ("Predictions", Group::Prediction),
    ("What only a network knows", Group::Network),
];

const HEAD: &str = "# Placeholders

<!-- Made from the code: `YAMABIKO_WRITE_DOCS=1 cargo test --test it docs` writes this page. -->

Every name that a rule can write between braces, as `{name}`, or in capitals between doubled hashes, as `##NAME##`. Both
spellings mean the same and may stand in one URL. A value is percent-encoded as UTF-8, all but letters, digits and `-._~`.
Without data the value is empty, unless the rule says otherwise.

- `{a||b||c}` takes the first of several names that has data.
- `{dcp_NAME}` takes the parameter `NAME` of the credited click, any parameter; `{cp_NAME}` that of the activity itself (custom
  parameters and other fields), else of the click.
- `{md5:...}`, `{join:...}` and other functions compute a value of several: [secrets.md](secrets.md).
- In a JSON body `{number:cp_NAME}` and `{json:cp_NAME}` stand bare for a number, or for JSON as it was sent (a list of items).
  What is no number, or no JSON, is no data.
- Names marked (parameter) are filled from a parameter of the same name: of the activity, else of the credited click. All
  others are recorded by the server, and no caller can set them.
- \"Kinds\" are the kinds of activities that have data for the name. A rule that fires for another kind is saved with a
  warning.
";

fn kinds(of: Kinds) -> String {
    let words: Vec<&str> = of.iter().map(ActivityKind::as_str).collect();
    let missing: Vec<&str> = ActivityKind::ALL
        .iter()
        .copied()
        .filter(|kind| !of.contains(*kind))
        .map(ActivityKind::as_str)
        .collect();
    match missing.len() {
        0 => "all".to_owned(),
        1..=4 => format!("all but {}", missing.join(", ")),
        _ => words.join(", "),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn format_of(format: Format) -> String {
    match format {
        // Listed where its own meaning says enough.
        Format::OneOf(words) => words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(" "),
        other => other.describe().0,
    }
}

fn line(entry: &Placeholder) -> String {
    let source = match entry.source {
        Source::Record => "",
        Source::Parameter => " (parameter)",
    };
    format!(
        "| `{{{}}}` | {}{source} | {} | `{}` | {} |\n",
        entry.name,
        cell(entry.en),
        cell(&format_of(entry.format)),
        cell(entry.sample),
        kinds(entry.kinds),
    )
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (title, group) in SECTIONS {
        let entries: Vec<_> = catalogue::all().filter(|entry| entry.group == group).collect();
        assert!(!entries.is_empty(), "{title} has no names");
        write!(
            page,
            "\n## {title}\n\n| name | meaning | format | sample | kinds |\n| --- | --- | --- | --- | --- |\n"
        )
        .unwrap();
        entries.into_iter().for_each(|entry| page.push_str(&line(entry)));
    }
    page
}

/// Everything that the pages of platforms say in one of the two languages.
struct Language {
    file: &'static str,
    head: &'static str,
    need: &'static str,
    ids: &'static str,
    words: &'static str,
    age: &'static str,
    test: &'static str,
    optional: &'static str,
    checked: &'static str,
    ends: &'static str,
    of: fn(&Bilingual) -> &str,
}

const ENGLISH: Language = Language {
    file: "platforms.md",
    head: "# Connect a platform

<!-- Made from the code: `YAMABIKO_WRITE_DOCS=1 cargo test --test it docs` writes this page. -->

日本語: [platforms.ja.md](platforms.ja.md)

A preset connects the conversion API of an ad platform: choose it under Partners > Add, paste id and token, choose the events,
send a test. Partner, secrets and rule are made in one commit. On the command line `yamabiko presets show NAME` prints what is
sent first, and `yamabiko presets connect NAME FILE` connects.

- A platform is told of every conversion that carries one of its ids, whoever earned it. The tag keeps the platforms' click ids
  and cookies and sends them with the conversion.
- Hashed e-mail addresses and telephone numbers are sent where the offer's privacy settings keep them ([identity.md](identity.md)).
- A refused token holds what waits; after a new one all of it goes out ([secrets.md](secrets.md)).
- \"Taken\" is what the platform answered. Some platforms answer so and drop an event later, in silence: look at their own screens.
",
    need: "You need",
    ids: "Recognised by",
    words: "Its events",
    age: "Not sent after (hours)",
    test: "Test",
    optional: " (optional)",
    checked: "Checked on",
    ends: "Ends in",
    of: |text| &text.en,
};

const JAPANESE: Language = Language {
    file: "platforms.ja.md",
    head: "# 媒体のコンバージョンAPIと接続する

<!-- Made from the code: `YAMABIKO_WRITE_DOCS=1 cargo test --test it docs` writes this page. -->

English: [platforms.md](platforms.md)

「媒体」→「媒体を登録」で媒体を選び、IDとトークンを貼り付け、イベントを選んでテスト送信します。媒体・秘密情報・ポストバック設定は一度に保存されます。
コマンドでは `yamabiko presets show 名前` で送信内容を表示、`yamabiko presets connect 名前 ファイル` で接続できます。

- 媒体のIDを持つ成果は、どの媒体経由の成果でもすべて送信します。媒体のクリックIDとCookieはタグが保持し、成果と一緒に送ります。
- ハッシュ化したメールアドレス・電話番号は、広告のプライバシー設定で保存している場合に送信します([identity.md](identity.md))。
- トークンが拒否されると送信待ちになり、差し替え後にすべて送信します([secrets.md](secrets.md))。
- 「受付」は媒体の応答です。受け付けた後に通知なく破棄する媒体もあるため、媒体の画面でも確認してください。
",
    need: "必要なもの",
    ids: "識別に使うID",
    words: "媒体のイベント",
    age: "送信の期限(時間)",
    test: "テスト",
    optional: "(任意)",
    checked: "確認日",
    ends: "終了",
    of: |text| &text.ja,
};

fn platform(page: &mut String, language: &Language, preset: &Preset, platform: &Platform) {
    let of = language.of;
    writeln!(page, "\n## {}\n", of(&preset.name)).unwrap();
    if let Some(ends) = &platform.ends {
        writeln!(page, "**{} {}.** {}\n", language.ends, ends.on, of(&ends.text)).unwrap();
    }
    writeln!(page, "{}\n\n{}:\n", of(&platform.note), language.need).unwrap();
    for blank in &platform.blanks {
        let optional = if blank.is_optional { language.optional } else { "" };
        writeln!(page, "- **{}**{optional}: {}", of(&blank.label), of(&blank.place)).unwrap();
    }
    if let Some(own) = &platform.words.own {
        writeln!(page, "- **{}**: {}", of(&own.label), of(&own.place)).unwrap();
    }
    let ids: Vec<String> = platform.ids.iter().map(|id| format!("`{}`", id.name)).collect();
    writeln!(page, "\n{}: {}\n", language.ids, ids.join(", ")).unwrap();
    let usual = platform.words.usual.iter();
    let words: Vec<String> = usual
        .map(|row| format!("{} = `{}`", row.event, row.word))
        .collect();
    if !words.is_empty() {
        writeln!(page, "{}: {}\n", language.words, words.join(", ")).unwrap();
    }
    if let Some(hours) = platform.rules.iter().find_map(|rule| rule.max_age_h) {
        writeln!(page, "{}: {hours}\n", language.age).unwrap();
    }
    writeln!(page, "{}: {}\n", language.test, of(&platform.test)).unwrap();
    writeln!(
        page,
        "{} {}: <{}>",
        language.checked, platform.checked, platform.page
    )
    .unwrap();
}

#[test]
fn the_pages_of_platforms_are_those_of_the_presets() {
    for language in [ENGLISH, JAPANESE] {
        let mut made = language.head.to_owned();
        for preset in preset::presets() {
            if let Some(of) = &preset.platform {
                platform(&mut made, &language, preset, of);
            }
        }
        same(language.file, &made);
    }
}

#[test]
fn the_reference_of_placeholders_is_that_of_the_catalogue() {
    let made = page();
    let listed = made.matches("\n| `{").count();
    assert_eq!(
        listed,
        catalogue::all().count(),
        "a group of the catalogue has no section"
    );
    same("placeholders.md", &made);
}

/// Writes a page, or compares it with the one that is there.
fn same(file: &str, made: &str) {
    let path = format!("{}/packaging/docs/{file}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("YAMABIKO_WRITE_DOCS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = made.lines().zip(kept.lines()).find(|(made, kept)| made != kept);
    assert!(
        made == kept,
        "packaging/docs/{file} is not what the code says ({differs:?}); write it with \
         YAMABIKO_WRITE_DOCS=1 cargo test --test it docs"
    );
}
