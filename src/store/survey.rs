//! What a data directory tells before anything in it is opened.

use super::database::Db;
use super::error::StoreError;
use super::files::{self, Layout};
use super::index;
use super::manifest::{Found, Manifest, SCHEMA, SnapshotMark};
use super::snapshot;

/// See the module.
pub(super) struct Survey {
    pub(super) manifest: Manifest,
    /// The manifest was lost or damaged, and this is what could be found without it.
    pub(super) is_guessed: Option<String>,
}

/// Looks at a directory; one that is empty gets its manifest.
pub(super) fn survey(layout: &Layout) -> Result<Survey, StoreError> {
    let reason = match Manifest::read(&layout.manifest())? {
        Found::Good(manifest) => {
            return Ok(Survey {
                manifest,
                is_guessed: None,
            });
        }
        Found::Newer(found) => return Err(newer(layout, found)),
        Found::Missing => "it was not there".to_owned(),
        Found::Damaged(reason) => reason,
    };
    let mut manifest = Manifest::new();
    let mut has_data = !files::names(&layout.journal())?.is_empty();
    for name in files::names(&layout.databases())? {
        if let Ok(db) = name.parse::<Db>() {
            has_data = true;
            manifest.databases.entry(db).or_default();
        }
    }
    let mut schema = None;
    for name in files::names(&layout.snapshots())? {
        if let Some((db, seq)) = Layout::parse_snapshot(&name) {
            has_data = true;
            schema = schema.max(note_snapshot(layout, &name, db, seq, &mut manifest)?);
        }
    }
    if !has_data {
        manifest.write(&layout.manifest())?;
        return Ok(Survey {
            manifest,
            is_guessed: None,
        });
    }
    if schema.is_none() {
        schema = ask_hot(layout, &mut manifest)?;
    }
    manifest.schema = schema.unwrap_or(SCHEMA);
    Ok(Survey {
        manifest,
        is_guessed: Some(reason),
    })
}

fn newer(layout: &Layout, found: u16) -> StoreError {
    StoreError::NewerSchema {
        dir: layout.root.clone(),
        found,
        supported: SCHEMA,
    }
}

/// Takes up what the header of a snapshot says; gives its schema, `None` when the header cannot be read.
fn note_snapshot(
    layout: &Layout,
    name: &str,
    db: Db,
    seq: u64,
    manifest: &mut Manifest,
) -> Result<Option<u16>, StoreError> {
    let Ok(header) = snapshot::read_header(&layout.snapshots().join(name)) else {
        return Ok(None);
    };
    if header.schema > SCHEMA {
        return Err(newer(layout, header.schema));
    }
    manifest.instance = header.instance;
    let known = manifest.databases.entry(db).or_default();
    if known.snapshot.is_none_or(|mark| mark.seq < seq) {
        known.snapshot = Some(SnapshotMark {
            seq,
            made_at_ms: header.made_at_ms,
        });
        known.applied_seq = seq;
    }
    Ok(Some(header.schema))
}

/// Without a snapshot the hot database itself says whose it is, if it can still be asked.
fn ask_hot(layout: &Layout, manifest: &mut Manifest) -> Result<Option<u16>, StoreError> {
    let dir = layout.database(Db::Hot);
    if !dir.join("db").exists() {
        return Ok(None);
    }
    match index::peek(&dir) {
        Ok(meta) if meta.applied_seq > 0 && meta.schema > SCHEMA => Err(newer(layout, meta.schema)),
        Ok(meta) if meta.applied_seq > 0 => {
            manifest.instance = meta.instance;
            Ok(Some(meta.schema))
        }
        _ => Ok(None),
    }
}
