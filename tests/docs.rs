//! Pages of the documentation that are made from the code are those that the code makes.
//! `YAMABIKO_WRITE_DOCS=1 cargo test --test docs` writes them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write;
use yamabiko::domain::activity::ActivityKind;
use yamabiko::domain::template::catalogue::{self, Format, Group, Kinds, Placeholder, Source};

/// The sections in their order: title and group.
const SECTIONS: [(&str, Group); 17] = [
    ("The activity and the postback", Group::Activity),
    ("The conversion", Group::Conversion),
    ("The click and what it carried", Group::Click),
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

<!-- Made from the code: `YAMABIKO_WRITE_DOCS=1 cargo test --test docs` writes this page. -->

Every name that a rule can write between braces, as `{name}`, or in capitals between doubled hashes, as `##NAME##`. Both
spellings mean the same and may stand in one URL. A value is percent-encoded as UTF-8, all but letters, digits and `-._~`.
Without data the value is empty, unless the rule says otherwise.

- `{a||b||c}` takes the first of several names that has data.
- `{dcp_NAME}` takes the parameter `NAME` of the credited click, any parameter.
- Names marked (parameter) are filled from a parameter of the same name: of the activity, else of the credited click. All
  others are recorded by the server, and no caller can set them.
- \"Kinds\" are the kinds of activities that have data for the name. A rule that fires for another kind is saved with a
  warning.
";

fn kinds(of: Kinds) -> String {
    let words: Vec<&str> = of.iter().map(ActivityKind::as_str).collect();
    let missing: Vec<&str> = ActivityKind::ALL
        .into_iter()
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

#[test]
fn the_reference_of_placeholders_is_that_of_the_catalogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/docs/placeholders.md");
    let made = page();
    let listed = made.matches("\n| `{").count();
    assert_eq!(
        listed,
        catalogue::all().count(),
        "a group of the catalogue has no section"
    );
    if std::env::var_os("YAMABIKO_WRITE_DOCS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let differs = made.lines().zip(kept.lines()).find(|(made, kept)| made != kept);
    assert!(
        made == kept,
        "packaging/docs/placeholders.md is not what the catalogue says ({differs:?}); write it with \
         YAMABIKO_WRITE_DOCS=1 cargo test --test docs"
    );
}
