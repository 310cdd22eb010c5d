//! Whether an operator has paused delivery: kept in the store, so that it stands through restarts, and known in
//! memory, since the scheduler asks often.

use crate::recorder::{Group, RecordError, Recorder};
use crate::store::codec::DeliveryPause;
use crate::store::{Reader, StoreError, keys};
use arc_swap::ArcSwapOption;
use std::sync::Arc;

/// See the module; clones share it.
#[derive(Clone, Default)]
pub struct Pause(Arc<ArcSwapOption<DeliveryPause>>);

impl Pause {
    /// What the store says.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn load(reader: &Reader) -> Result<Self, StoreError> {
        let known = reader.load(&keys::delivery_pause())?;
        Ok(Self(Arc::new(ArcSwapOption::from_pointee(known))))
    }

    /// Since when it is paused and by whom; `None`: postbacks are sent.
    pub fn current(&self) -> Option<Arc<DeliveryPause>> {
        self.0.load_full()
    }

    /// Whether it is paused.
    pub fn is_on(&self) -> bool {
        self.0.load().is_some()
    }

    /// Pauses delivery, unless it is paused. `note` writes what else belongs to it, such as an entry of the audit log.
    ///
    /// # Errors
    /// It could not be made durable: nothing has changed.
    pub fn begin(
        &self,
        recorder: &Recorder,
        by: &str,
        note: impl FnOnce(&mut Group<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), RecordError> {
        if self.is_on() {
            return Ok(());
        }
        let pause = DeliveryPause {
            since_ms: recorder.clock().now_ms(),
            by: by.into(),
        };
        let kept = pause.clone();
        recorder
            .try_run_blocking(move |group| -> Result<(), StoreError> {
                group.save(keys::delivery_pause(), &kept)?;
                note(group)
            })?
            .map_err(|error| RecordError::from(&error))?;
        self.0.store(Some(Arc::new(pause)));
        tracing::warn!(code = "delivery_paused", by, "delivery is paused: postbacks wait");
        Ok(())
    }

    /// Lets delivery go on.
    ///
    /// # Errors
    /// It could not be made durable: nothing has changed.
    pub fn end(
        &self,
        recorder: &Recorder,
        note: impl FnOnce(&mut Group<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), RecordError> {
        if !self.is_on() {
            return Ok(());
        }
        recorder
            .try_run_blocking(move |group| -> Result<(), StoreError> {
                group.remove(keys::delivery_pause());
                note(group)
            })?
            .map_err(|error| RecordError::from(&error))?;
        self.0.store(None);
        tracing::info!("delivery goes on");
        Ok(())
    }
}
