//! Reads the sources and holds the rules of the house. The table of rooms is the one in the crate's doc comment
//! (`src/lib.rs`), read here, so that it cannot say anything else than what is held.
//!
//! Held are: who may import whom, which crate is named where, no circle of files but a module and its own
//! children, how long files and functions may be, and what is not written outside tests.

mod circles;
mod sources;
mod table;

use sources::{Source, sources};
use table::Room;

/// Longest file, with its tests.
const MAX_FILE_LINES: usize = 500;

/// Longest function, comments and blank lines included.
const MAX_FUNCTION_LINES: usize = 80;

/// Functions that are tables: a list of rows under one name, longer than [`MAX_FUNCTION_LINES`].
const TABLES: &[&str] = &["recorded", "sentences"];

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn room_of<'a>(rooms: &'a [Room], source: &Source) -> Option<&'a Room> {
    rooms.iter().find(|room| room.name == source.room())
}

#[test]
fn nobody_imports_upwards_or_sideways() {
    let (rooms, sources) = (table::rooms(), sources());
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|s| s.is_in_a_room()) {
        let Some(room) = room_of(&rooms, source) else {
            wrong.push(format!(
                "{}: `{}` is not in the table of src/lib.rs",
                source.file,
                source.room()
            ));
            continue;
        };
        for import in &source.imports {
            let name = import.path.first().map_or("", String::as_str);
            let is_a_room = rooms.iter().any(|r| r.name == name);
            if is_a_room && name != room.name && !room.imports.contains(name) {
                wrong.push(format!(
                    "{}:{}: {} may not import {name}",
                    source.file, import.line, room.name
                ));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_table_names_every_room_once_and_goes_one_way() {
    let (rooms, sources) = (table::rooms(), sources());
    let mut wrong = Vec::new();
    for (at, room) in rooms.iter().enumerate() {
        if !sources.iter().any(|source| source.room() == room.name) {
            wrong.push(format!("the table names `{}`, which does not exist", room.name));
        }
        for name in &room.imports {
            if !rooms[..at].iter().any(|above| above.name == *name) {
                wrong.push(format!(
                    "`{}` imports `{name}`, which stands below it in the table",
                    room.name
                ));
            }
        }
    }
    none(&wrong);
}

#[test]
fn crates_are_named_only_in_their_rooms() {
    let rooms = table::rooms();
    let owned: Vec<&String> = rooms.iter().flat_map(|room| &room.crates).collect();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|s| s.is_in_a_room()) {
        let room = room_of(&rooms, source);
        for (name, line) in &source.crates {
            let is_owned = owned.contains(&name);
            if is_owned && !room.is_some_and(|room| room.crates.contains(name)) {
                wrong.push(format!(
                    "{}:{line}: `{name}` is not named in this room",
                    source.file
                ));
            }
        }
    }
    none(&wrong);
}

#[test]
fn no_circle_of_files_but_a_module_and_its_children() {
    let wrong: Vec<String> = circles::circles(&sources())
        .iter()
        .map(|files| format!("a circle: {}", files.join(" - ")))
        .collect();
    none(&wrong);
}

#[test]
fn files_and_functions_are_short_and_files_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.lines > MAX_FILE_LINES {
            wrong.push(format!(
                "{}: {} lines; at most {MAX_FILE_LINES}",
                source.file, source.lines
            ));
        }
        if !source.begins_with_purpose {
            wrong.push(format!("{}: begins without a `//!` comment", source.file));
        }
        for (name, lines) in &source.functions {
            if *lines > MAX_FUNCTION_LINES && !TABLES.contains(&name.as_str()) {
                wrong.push(format!(
                    "{}: {name} has {lines} lines; at most {MAX_FUNCTION_LINES}",
                    source.file
                ));
            }
        }
    }
    none(&wrong);
}

#[test]
fn no_shortcuts_outside_tests() {
    let wrong: Vec<String> = sources()
        .iter()
        .flat_map(|source| {
            source
                .shortcuts
                .iter()
                .map(|what| format!("{}:{what}", source.file))
        })
        .collect();
    none(&wrong);
}
