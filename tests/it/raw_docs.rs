//! The page of raw data is that of the tables in the code. `YAMABIKO_WRITE_DOCS=1 cargo test --test it raw_docs`
//! writes what is between its marks.

use std::fmt::Write;
use yamabiko::domain::activity::ActivityKind;
use yamabiko::domain::raw::{ACTIVITIES, Column, Kind, TABLES, Table};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/docs/raw-data.md");

/// The part of a page between two marks, and what is around it.
fn part<'p>(page: &'p str, name: &str) -> (&'p str, &'p str, &'p str) {
    let begin = format!("<!-- begin {name}, made from the code -->\n");
    let end = format!("<!-- end {name} -->\n");
    let from = page.find(&begin).unwrap_or_else(|| panic!("no {begin}")) + begin.len();
    let to = page.find(&end).unwrap_or_else(|| panic!("no {end}"));
    (&page[..from], &page[from..to], &page[to..])
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Json => "text (JSON)",
        Kind::Whole => "64-bit integer",
        Kind::Flag => "boolean",
        Kind::Time => "timestamp, ms, UTC",
        Kind::Amount => "decimal(18, 6)",
    }
}

fn columns(table: &Table) -> String {
    let mut text = format!(
        "\n### {}\n\n{}\n\n| column | type | meaning |\n| --- | --- | --- |\n",
        table.name, table.meaning
    );
    for Column {
        name,
        kind,
        meaning,
        is_personal,
        ..
    } in table.columns()
    {
        let mark = if *is_personal {
            " Emptied by an erasure."
        } else {
            ""
        };
        writeln!(text, "| `{name}` | {} | {meaning}{mark} |", type_of(*kind)).unwrap();
    }
    text
}

fn kinds() -> String {
    let names: Vec<String> = ActivityKind::ALL
        .iter()
        .map(|kind| format!("`{}`", kind.as_str()))
        .collect();
    format!("\nKinds of activities: {}.\n", names.join(", "))
}

/// The table of ClickHouse that takes the stream.
fn clickhouse() -> String {
    let mut text = String::from("\n```sql\nCREATE TABLE activities (\n    seq UInt64");
    for Column { name, kind, .. } in ACTIVITIES.columns() {
        let of = match (*name, kind) {
            ("activity_id", _) => "String",
            ("received_at", _) => "DateTime64(3, 'UTC')",
            (_, Kind::Text | Kind::Json) => "Nullable(String)",
            (_, Kind::Whole) => "Nullable(Int64)",
            (_, Kind::Flag) => "Nullable(Bool)",
            (_, Kind::Time) => "Nullable(DateTime64(3, 'UTC'))",
            (_, Kind::Amount) => "Nullable(Decimal(18, 6))",
        };
        write!(text, ",\n    `{name}` {of}").unwrap();
    }
    text + "\n) ENGINE = ReplacingMergeTree(seq)\nPARTITION BY toYYYYMM(received_at)\nORDER BY activity_id\nSETTINGS non_replicated_deduplication_window = 10000;\n```\n"
}

/// What stands between two marks that are not made from the code.
pub fn written(name: &str) -> String {
    let page = std::fs::read_to_string(PAGE).expect("raw-data.md");
    let after = page.split_once(&format!("<!-- begin {name} -->")).expect(name).1;
    after
        .split_once(&format!("<!-- end {name} -->"))
        .expect(name)
        .0
        .to_owned()
}

/// Statements of the blocks of SQL in a text.
pub fn statements(text: &str) -> Vec<String> {
    let blocks = text.split("```sql").skip(1);
    let sql: String = blocks.filter_map(|block| block.split("```").next()).collect();
    sql.split(';')
        .map(|statement| statement.trim().to_owned())
        .filter(|statement| !statement.is_empty())
        .collect()
}

/// Names, types and order of columns are a promise: the file of them only ever grows, at the ends of the parts.
/// `YAMABIKO_WRITE_DOCS=1` writes it.
#[test]
fn the_schema_of_the_files_is_the_one_that_was_promised() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/raw-schema.txt");
    let now: String = TABLES
        .iter()
        .map(|table| yamabiko::export::message_type(table))
        .collect();
    if std::env::var_os("YAMABIKO_WRITE_DOCS").is_some() {
        std::fs::write(path, &now).expect("write");
    }
    let promised = std::fs::read_to_string(path).expect("raw-schema.txt");
    assert_eq!(now, promised, "a column that exists stays as it is");
}

/// The statement that makes the table of ClickHouse, as the page has it.
pub fn create_table() -> String {
    let page = std::fs::read_to_string(PAGE).expect("raw-data.md");
    let (_, made, _) = part(&page, "table of ClickHouse");
    made.replace("```sql", "")
        .replace("```", "")
        .replace(';', "")
        .trim()
        .to_owned()
}

#[test]
fn the_page_has_every_column_as_the_code_has_it() {
    let mut page = std::fs::read_to_string(PAGE).expect("raw-data.md");
    let all: String = TABLES.iter().map(|table| columns(table)).collect();
    for (name, made) in [("columns", all + &kinds()), ("table of ClickHouse", clickhouse())] {
        let (before, now, after) = part(&page, name);
        if std::env::var_os("YAMABIKO_WRITE_DOCS").is_some() {
            page = format!("{before}{made}{after}");
            std::fs::write(PAGE, &page).expect("write");
        } else {
            assert!(
                now == made,
                "{name} of packaging/docs/raw-data.md are not what the code says; write them with \
                 `YAMABIKO_WRITE_DOCS=1 cargo test --test it raw_docs`"
            );
        }
    }
}
