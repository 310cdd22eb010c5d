//! The table of rooms in the doc comment of `src/lib.rs`.
//!
//! A row is ``| [`room`] | what it is for | may import | crates that only it names |``. "May import" is `nothing`, a list
//! of rooms, or `all above` with, perhaps, `but` and a list.

use std::collections::BTreeSet;

/// One row.
pub struct Room {
    pub name: String,
    pub imports: BTreeSet<String>,
    pub crates: BTreeSet<String>,
}

/// Every row, in the order of the table: from the ground up.
pub fn rooms() -> Vec<Room> {
    let lib = super::sources::root().join("src/lib.rs");
    let text = std::fs::read_to_string(lib).expect("src/lib.rs can be read");
    let mut rooms: Vec<Room> = Vec::new();
    for line in text.lines() {
        let Some(row) = line.strip_prefix("//! | [`") else {
            continue;
        };
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [name, _, imports, crates, ..] = cells[..] else {
            panic!("a row of the table has four cells: {line}");
        };
        let named = imports.split_once("but").map_or(imports, |(_, names)| names);
        let named = quoted(named);
        let imports = if imports.starts_with("all above") {
            let above = rooms.iter().map(|room| room.name.clone());
            above.filter(|name| !named.contains(name)).collect()
        } else {
            named
        };
        rooms.push(Room {
            name: name.trim_end_matches("`]").to_owned(),
            imports,
            crates: quoted(crates),
        });
    }
    assert!(!rooms.is_empty(), "src/lib.rs holds the table of rooms");
    rooms
}

/// The words between back-ticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
