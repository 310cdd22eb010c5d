//! Backups by a schedule: made beside everything else and kept for a while.

use super::backup;
use super::engine::Engine;
use super::error::StoreError;
use super::files;
use super::schedule::{BackupStatus, made, name_at};
use super::space;
use super::target::Target;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether one is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Engine {
    /// Makes backups when they are due, until the store closes.
    pub(super) fn keep_backups(self: &Arc<Self>) {
        let started_at_ms = self.now_ms();
        while self.sleep(LOOK_EVERY) {
            let due_at_ms = self
                .backups
                .lock()
                .as_ref()
                .map(|status| status.due_at_ms(started_at_ms));
            if due_at_ms.is_some_and(|at_ms| at_ms <= self.now_ms()) {
                self.scheduled_backup();
            }
        }
    }

    /// Makes one now and notes how it went.
    pub(super) fn scheduled_backup(self: &Arc<Self>) {
        let Some(status) = self.backups.lock().clone() else {
            return;
        };
        let now_ms = self.now_ms();
        let made = self.backup_into(&status, now_ms);
        let mut known = self.backups.lock();
        let Some(known) = known.as_mut() else { return };
        match made {
            Ok(bytes) => {
                tracing::info!(dir = %status.dir.display(), bytes, "a scheduled backup was made");
                known.counted_from_ms = now_ms;
                known.last_at_ms = Some(now_ms);
                known.last_bytes = Some(bytes);
                known.failure = None;
            }
            Err(StoreError::Closing) => {}
            Err(error) => {
                tracing::error!(code = "backup_failed", %error, "the scheduled backup could not be made; it is tried again in an hour");
                known.failure = Some((now_ms, error.to_string()));
            }
        }
    }

    fn backup_into(self: &Arc<Self>, status: &BackupStatus, now_ms: i64) -> Result<u64, StoreError> {
        files::make_dir(&status.dir)?;
        self.check_room(status)?;
        let path = status.dir.join(name_at(now_ms));
        let mut target = Target::create(&path, false)?;
        backup::write(self, &mut target)?;
        target.keep()?;
        let bytes = std::fs::metadata(&path)
            .map_err(StoreError::io("look at", &path))?
            .len();
        let keep = self
            .options
            .backups
            .as_ref()
            .map_or(1, |schedule| schedule.keep.max(1));
        let made = made(&status.dir)?;
        for (_, old) in &made[..made.len().saturating_sub(keep)] {
            files::remove(old)?;
        }
        Ok(bytes)
    }

    /// A backup must not be what fills the disk: one as large as the last has to fit twice.
    fn check_room(&self, status: &BackupStatus) -> Result<(), StoreError> {
        let free_bytes = space::free_bytes(&status.dir)?;
        let needed = status.last_bytes.unwrap_or(0).saturating_mul(2);
        if free_bytes < self.options.space.ready_from_bytes.saturating_add(needed) {
            return Err(StoreError::Full {
                dir: status.dir.clone(),
                free_bytes,
            });
        }
        Ok(())
    }
}
