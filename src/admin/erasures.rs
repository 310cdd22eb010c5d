//! Erasures of devices that nobody proved, while they wait: an operator looks, and cancels them or carries them out.

use super::AdminError;
use super::save::{Actor, Note, audit};
use crate::domain::held_erasure::HeldErasure;
use crate::domain::ids::OfferId;
use crate::recorder::Recorder;
use crate::store::{Reader, StoreError};
use crate::tracking::app::due::{self, Means};
use crate::tracking::app::held;
use serde::Serialize;

/// Erasures of one answer.
const MOST_SHOWN: usize = 200;

/// A device id.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeviceId {
    /// `idfa`, `gps_adid`, ...
    pub name: String,
    /// As it was sent, normalised.
    pub value: String,
}

/// An erasure that waits.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErasureDto {
    /// Names it.
    pub id: String,
    /// The app.
    pub offer: OfferId,
    /// Sandbox.
    pub is_test: bool,
    /// Our id of the device, when it was sent.
    pub adid: Option<String>,
    /// Ids of the device.
    pub devices: Vec<DeviceId>,
    /// Address that asked.
    pub from: String,
    /// Unix milliseconds.
    pub asked_at_ms: i64,
    /// When it is carried out, unix milliseconds.
    pub due_at_ms: i64,
}

impl ErasureDto {
    fn new(id: String, held: HeldErasure) -> Self {
        let devices = held.ids.into_iter();
        Self {
            id,
            offer: held.offer,
            is_test: held.is_test,
            adid: held.adid,
            devices: devices.map(|(name, value)| DeviceId { name, value }).collect(),
            from: held.from,
            asked_at_ms: held.asked_at_ms,
            due_at_ms: held.due_at_ms,
        }
    }
}

/// Erasures that wait.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErasureList {
    /// Those that are due first; at most 200.
    pub items: Vec<ErasureDto>,
    /// How many wait.
    pub count: usize,
}

/// What waits, first what is due first.
pub fn list(reader: &Reader) -> Result<ErasureList, AdminError> {
    let mut held = held::list(reader)?;
    held.sort_by_key(|(_, held)| held.due_at_ms);
    Ok(ErasureList {
        count: held.len(),
        items: (held.into_iter().take(MOST_SHOWN))
            .map(|(id, held)| ErasureDto::new(id, held))
            .collect(),
    })
}

/// What is done with an erasure that waits.
#[derive(Debug, Clone)]
pub enum Decision {
    /// It is not carried out.
    Cancel,
    /// It is carried out at once.
    CarryOut(Means),
}

/// Cancels an erasure, or carries it out.
pub async fn decide(
    id: String,
    decision: Decision,
    recorder: &Recorder,
    actor: Actor,
) -> Result<(), AdminError> {
    let name = id.clone();
    let decided = recorder.try_run(move |group| {
        let (action, done) = match &decision {
            Decision::Cancel => ("erasure.cancel", held::cancel(&name, group)?),
            Decision::CarryOut(means) => ("erasure.carry_out", due::carry_out(&name, means, group)?),
        };
        if let Some(held) = &done {
            let note = Note::new(action, held.offer.to_string());
            audit(
                group,
                &actor,
                note.detail(format!("asked for from {}", held.from)),
            )?;
        }
        Ok::<_, StoreError>(done.is_some())
    });
    if decided.await?? {
        Ok(())
    } else {
        Err(AdminError::not_found("erasure", id))
    }
}
