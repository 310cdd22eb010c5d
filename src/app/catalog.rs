//! The configuration at the start: read, its secrets opened, and sealed anew where they are not stored as they should
//! be.

use super::AppError;
use crate::config::Config;
use crate::recorder::Recorder;
use crate::store::catalog::{Catalog, ConfigObject};
use crate::store::{Db, Keeper, Reader, Record, Sealing, StoreError, keys};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

/// Reads the configuration objects. One that cannot be read is logged, and does not keep the rest away.
/// Gives those, too, whose secrets are not stored as they should be.
pub(super) fn load(reader: &Reader, sealing: Sealing) -> Result<(Catalog, Vec<ConfigObject>), StoreError> {
    let (mut objects, mut stale): (Vec<ConfigObject>, Vec<ConfigObject>) = Default::default();
    for kind in [b's', b'o', b'p', b'l', b'r', b'u', b't', b'k'] {
        reader.scan_prefix(Db::Hot, &keys::config_prefix(kind), false, |key, value| {
            match ConfigObject::decode(value, Db::Hot, key) {
                Ok(object) => {
                    let (object, is_well) = object.opened(&sealing);
                    if !is_well {
                        stale.push(object.clone());
                    }
                    objects.push(object);
                }
                Err(error) => tracing::error!(code = error.code(), %error, "an object of the configuration cannot be read"),
            }
            ControlFlow::Continue(())
        })?;
    }
    let catalog = Catalog::load(objects, Arc::new(sealing));
    if let Some(problem) = catalog.sealing.problem() {
        tracing::error!(code = "sealing_key", "{problem}");
    }
    if catalog.has_sealed() {
        tracing::error!(
            code = "sealed",
            "secrets are sealed with a key that is not at hand: partners that need them wait, and enforced signatures are answered 503"
        );
    }
    Ok((catalog, stale))
}

/// The sealing key: the file of the configuration, else what systemd hands over as `sealing-key`.
pub(super) fn sealing(config: &Config) -> Sealing {
    let handed_over = || {
        let dir = std::env::var_os("CREDENTIALS_DIRECTORY")?;
        Some(PathBuf::from(dir).join("sealing-key")).filter(|file| file.exists())
    };
    let file = config.sealing.key_file.clone().or_else(handed_over);
    file.map_or_else(Sealing::default, |file| Sealing::read(&file, &config.data_dir))
}

/// Seals what is stored open, or with an earlier key, and has snapshots and journal forget what they hold of it.
pub(super) fn seal_stored(
    recorder: &Recorder,
    keeper: &Keeper,
    stale: Vec<ConfigObject>,
) -> Result<(), AppError> {
    if stale.is_empty() {
        return Ok(());
    }
    let objects = stale.len();
    recorder.try_run_blocking(move |group| -> Result<(), StoreError> {
        let sealing = group.catalog().sealing.clone();
        stale.iter().try_for_each(|object| {
            let key = object.key();
            group.save(
                keys::config(key.kind_byte(), key.id_text()),
                &object.sealed(&sealing),
            )
        })
    })??;
    if let Err(error) = keeper.rewrite_snapshots() {
        tracing::warn!(code = error.code(), %error, "snapshots from before the sealing are still there; they are made anew later");
    }
    tracing::info!(objects, "secrets were sealed");
    Ok(())
}
