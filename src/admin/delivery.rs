//! Pausing the delivery of all postbacks, and letting it go on.

use super::AdminError;
use super::save::{self, Actor, Note};
use crate::delivery::pause::Pause;
use crate::recorder::{Group, Recorder};

/// Pauses delivery, or lets it go on, with an entry in the audit log; nothing when it is so already. Waits until it
/// is durable.
pub fn set_paused(
    pause: &Pause,
    recorder: &Recorder,
    actor: Actor,
    is_paused: bool,
) -> Result<(), AdminError> {
    let by = actor.name.clone();
    let action = if is_paused {
        "delivery.pause"
    } else {
        "delivery.resume"
    };
    let note = move |group: &mut Group<'_>| save::audit(group, &actor, Note::new(action, "delivery"));
    if is_paused {
        pause.begin(recorder, &by, note)?;
    } else {
        pause.end(recorder, note)?;
    }
    Ok(())
}
