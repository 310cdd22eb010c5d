//! Reads the sources and holds the rules of the house: who may import whom, which crate is named where, how
//! long a file may be, and what is not written outside tests.

#![expect(
    clippy::unwrap_used,
    reason = "a test program: what cannot be read fails the test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms that it may import. Never upwards, never sideways.
const ROOMS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("priority", &[]),
    ("config", &[]),
    ("domain", &[]),
    ("journal", &[]),
    ("telemetry", &["config", "domain"]),
    ("store", &["clock", "domain", "journal", "priority", "telemetry"]),
    ("live", &["clock", "domain", "telemetry"]),
    (
        "recorder",
        &["clock", "domain", "journal", "live", "store", "telemetry"],
    ),
    (
        "delivery",
        &[
            "clock",
            "config",
            "domain",
            "live",
            "priority",
            "recorder",
            "store",
            "telemetry",
        ],
    ),
    (
        "alerts",
        &[
            "clock",
            "config",
            "delivery",
            "domain",
            "recorder",
            "store",
            "telemetry",
        ],
    ),
    (
        "tracking",
        &[
            "clock",
            "config",
            "domain",
            "live",
            "recorder",
            "store",
            "telemetry",
        ],
    ),
    (
        "http",
        &[
            "alerts",
            "clock",
            "config",
            "delivery",
            "domain",
            "live",
            "recorder",
            "store",
            "telemetry",
            "tracking",
        ],
    ),
    (
        "app",
        &[
            "alerts",
            "clock",
            "config",
            "delivery",
            "domain",
            "http",
            "journal",
            "live",
            "recorder",
            "store",
            "telemetry",
            "tracking",
        ],
    ),
    (
        "cli",
        &[
            "alerts",
            "app",
            "clock",
            "config",
            "delivery",
            "domain",
            "http",
            "journal",
            "live",
            "recorder",
            "store",
            "telemetry",
            "tracking",
        ],
    ),
    ("main", &["cli"]),
];

/// Crates that only some rooms name: the beginning of the crate's name, and where it may stand.
const CRATES: &[(&str, &[&str])] = &[
    ("sled", &["store"]),
    ("isahc", &["delivery"]),
    ("curl", &["delivery"]),
    ("lettre", &["delivery"]),
    ("actix_", &["http", "app"]),
];

const MAX_LINES: usize = 650;

struct Source {
    path: String,
    room: String,
    /// How many modules deep the file is: 1 for `src/live.rs` and `src/http/mod.rs`.
    depth: usize,
    lines: usize,
    begins_with_purpose: bool,
    /// Code lines outside tests with their numbers, comments cut off.
    code: Vec<(usize, String)>,
}

fn rust_files(directory: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    let test_files: BTreeSet<PathBuf> = texts
        .iter()
        .flat_map(|(path, text)| test_modules_of(path, text))
        .collect();
    texts
        .into_iter()
        .filter(|(path, _)| !test_files.iter().any(|test| is_of_module(path, test)))
        .map(|(path, text)| {
            let inside = path.strip_prefix(root.join("src")).unwrap().with_extension("");
            let mut modules: Vec<String> = inside
                .components()
                .map(|c| c.as_os_str().to_string_lossy().into_owned())
                .collect();
            if modules.last().is_some_and(|last| last == "mod") {
                modules.pop();
            }
            Source {
                path: path.strip_prefix(root).unwrap().display().to_string(),
                room: modules[0].clone(),
                depth: modules.len(),
                lines: text.lines().count(),
                begins_with_purpose: text.starts_with("//! "),
                code: code_outside_tests(&text),
            }
        })
        .collect()
}

/// Whether the file is that of the module, or of a module within it.
fn is_of_module(path: &Path, module: &Path) -> bool {
    let directory = if module.ends_with("mod.rs") {
        module.with_file_name("")
    } else {
        module.with_extension("")
    };
    path == module || path.starts_with(directory)
}

/// Files of modules that are declared for tests only (`#[cfg(test)]` above `mod x;`, also with a path).
fn test_modules_of(path: &Path, text: &str) -> Vec<PathBuf> {
    let beside = path.parent().unwrap();
    let below = match path.file_stem().unwrap().to_str().unwrap() {
        "mod" | "lib" | "main" => beside.to_path_buf(),
        _ => path.with_extension(""),
    };
    let mut files = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while lines.any(|line| line == "#[cfg(test)]") {
        let declared = lines.clone().take(2).collect::<Vec<_>>();
        let name_of = |line: &str| {
            let name = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            Some(name.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
        };
        if let Some(file) = declared[0]
            .strip_prefix("#[path = \"")
            .and_then(|l| l.strip_suffix("\"]"))
        {
            files.push(beside.join(file));
        } else if let Some(name) = name_of(declared[0]) {
            files.push(below.join(format!("{name}.rs")));
            files.push(below.join(name).join("mod.rs"));
        }
    }
    files
}

/// The file is formatted, so an item ends at the first closing brace with its own indentation.
fn code_outside_tests(text: &str) -> Vec<(usize, String)> {
    let mut code = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let indentation = &line[..line.len() - line.trim_start().len()];
            for (_, inner) in lines.by_ref() {
                let is_at_level = inner
                    .strip_prefix(indentation)
                    .is_some_and(|r| !r.starts_with(' '));
                if is_at_level && (inner.trim_end().ends_with(';') || inner.trim() == "}") {
                    break;
                }
            }
            continue;
        }
        let bare = without_comment(line);
        if !bare.trim().is_empty() {
            code.push((number + 1, bare.to_owned()));
        }
    }
    code
}

/// Cuts a line comment that does not stand in a text.
fn without_comment(line: &str) -> &str {
    let is_outside_text = |at: usize| {
        line[..at]
            .replace("\\\"", "")
            .replace("'\"'", "")
            .matches('"')
            .count()
            .is_multiple_of(2)
    };
    line.match_indices("//")
        .map(|(at, _)| at)
        .find(|at| is_outside_text(*at))
        .map_or(line, |at| &line[..at])
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// First names behind `prefix`, which ends in `::`; also of a group `crate::{a, b::c}`.
fn names_behind(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at]
            .chars()
            .next_back()
            .is_some_and(|c| is_word(c) || c == ':')
        {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut name = String::new();
            let mut is_open = true;
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => {
                        names.push(std::mem::take(&mut name));
                        is_open = true;
                        continue;
                    }
                    c if is_word(c) && depth == 1 && is_open => name.push(c),
                    c if c.is_whitespace() => continue,
                    _ => is_open = false,
                }
                if depth == 0 {
                    break;
                }
            }
            names.push(name);
        } else {
            names.push(rest.chars().take_while(|c| is_word(*c)).collect());
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Rooms that the source reaches into: by `crate::`, by the library's name, by `super::` out of its own room.
fn imports(source: &Source) -> Vec<String> {
    let whole: String = source.code.iter().map(|(_, line)| format!("{line}\n")).collect();
    let mut names = names_behind(&whole, "crate::");
    names.extend(names_behind(&whole, "yamabiko::"));
    names.extend(names_behind(&whole, &"super::".repeat(source.depth)));
    names.retain(|name| ROOMS.iter().any(|(room, _)| room == name) && *name != source.room);
    names
}

/// Whether the code names a crate that begins with `prefix`.
fn names_crate(line: &str, prefix: &str) -> bool {
    line.match_indices(prefix).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let is_path_start = !before.is_some_and(|c| is_word(c) || matches!(c, ':' | '.' | '"' | '-'));
        let rest = line[at + prefix.len()..].trim_start_matches(is_word);
        let is_whole = prefix.ends_with('_') || !line[at + prefix.len()..].starts_with(is_word);
        is_path_start && is_whole && (rest.starts_with("::") || line.trim_start().starts_with("use "))
    })
}

#[test]
fn nobody_imports_upwards_or_sideways() {
    let mut wrong = Vec::new();
    for source in sources() {
        if matches!(source.room.as_str(), "lib" | "build") {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room) else {
            wrong.push(format!(
                "{}: the room {} is not in the table",
                source.path, source.room
            ));
            continue;
        };
        for name in imports(&source) {
            if !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}: {} may not import {name}", source.path, source.room));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn crates_are_named_only_in_their_rooms() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (prefix, rooms) in CRATES {
            for (number, line) in &source.code {
                if names_crate(line, prefix) && !rooms.contains(&source.room.as_str()) {
                    wrong.push(format!("{}:{number}: {prefix} belongs to {rooms:?}", source.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_shortcuts_outside_tests() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in &source.code {
            for shortcut in [".unwrap()", "todo!", "unimplemented!", "dbg!"] {
                if line.contains(shortcut) {
                    wrong.push(format!("{}:{number}: {shortcut}", source.path));
                }
            }
            let trimmed = line.trim_start();
            let is_lint = trimmed.starts_with("#[allow(") || trimmed.starts_with("#![allow(");
            if is_lint && !line.contains("reason") && trimmed.ends_with(")]") {
                wrong.push(format!("{}:{number}: allow without a reason", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.lines > MAX_LINES {
            wrong.push(format!(
                "{}: {} lines; {MAX_LINES} are the limit",
                source.path, source.lines
            ));
        }
        if !source.begins_with_purpose {
            wrong.push(format!("{}: begins without a `//!` comment", source.path));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_goes_one_way() {
    for (room, allowed) in ROOMS {
        for below in *allowed {
            let (_, back) = ROOMS.iter().find(|(name, _)| name == below).unwrap();
            assert!(!back.contains(room), "{room} and {below} import each other");
        }
    }
}

#[test]
fn the_reading_of_sources_finds_what_it_is_to_find() {
    assert_eq!(
        names_behind(
            "use crate::{store::{a, b}, live, domain::x as y};\ncrate::http::f()",
            "crate::"
        ),
        ["store", "live", "domain", "http"]
    );
    assert!(names_behind("let my_crate::x = 1; pub(crate) fn f()", "crate::").is_empty());
    assert_eq!(
        without_comment("let a = \"https://x\"; // crate::http"),
        "let a = \"https://x\"; "
    );
    assert_eq!(without_comment("/// crate::http"), "");
    for (line, prefix, expected) in [
        ("use sled::Db;", "sled", true),
        ("    let db: sled::Db = x;", "sled", true),
        ("let sled_path = dir.join(\"sled\");", "sled", false),
        ("use actix_web::web;", "actix_", true),
        ("\"actix_web=warn\"", "actix_", false),
        ("crate::store::sled::x()", "sled", false),
    ] {
        assert_eq!(names_crate(line, prefix), expected, "{line}");
    }
    let tests = test_modules_of(
        Path::new("src/a/b.rs"),
        "#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;\n#[cfg(test)]\nmod more;\n",
    );
    assert_eq!(tests[0], Path::new("src/a/b_tests.rs"));
    assert_eq!(tests[1], Path::new("src/a/b/more.rs"));
    assert!(is_of_module(Path::new("src/a/b/more/deep.rs"), &tests[1]));
    assert!(is_of_module(Path::new("src/a/b/more/deep.rs"), &tests[2]));
    assert!(!is_of_module(Path::new("src/a/b/other.rs"), &tests[2]));
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n        x.unwrap()\n    }\n}\nfn c() {}\n\
                #[cfg(test)]\nmod more;\nfn d() {}\n";
    let code: Vec<String> = code_outside_tests(text)
        .into_iter()
        .map(|(_, line)| line)
        .collect();
    assert_eq!(code, ["fn a() {}", "fn c() {}", "fn d() {}"]);
    let sources = sources();
    assert!(sources.iter().any(|s| s.room == "domain" && s.depth == 3));
    assert!(sources.iter().any(|s| s.room == "config" && !s.code.is_empty()));
}
