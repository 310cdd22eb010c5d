//! Taking a decision back. While its postbacks wait the conversions become what they were and nobody hears of it;
//! afterwards it is a new change of status, which fires rules.

use super::{Decision, Part, UNDO_MS, list};
use crate::admin::AdminError;
use crate::admin::bulk::DecisionDto;
use crate::admin::save::{Actor, Note, audit};
use crate::domain::ids::TimeId;
use crate::recorder::{Group, Recorder};
use crate::store::{Db, KeyRange, Record, keys};
use crate::tracking::status::{self, TakenBack};

/// Parts of one commit: a thousand conversions, so that a decision of as many is taken back as a whole.
const PARTS_OF_COMMIT: usize = 20;

/// Takes a decision back, as far as its conversions were not changed again since.
///
/// # Errors
/// There is no such decision, or it was taken back already.
pub async fn undo(recorder: &Recorder, actor: &Actor, id: TimeId) -> Result<DecisionDto, AdminError> {
    let mut is_quiet = None;
    loop {
        let (actor, known) = (actor.clone(), is_quiet);
        let done = recorder.try_run(move |group| undo_some(id, known, &actor, group));
        let (is_over, quiet) = done.await??;
        is_quiet = Some(quiet);
        if is_over {
            break;
        }
    }
    let found = list(recorder)?
        .into_iter()
        .find(|known| known.id == id.to_string());
    found.ok_or_else(|| unknown(id))
}

fn unknown(id: TimeId) -> AdminError {
    AdminError::not_found("decision", id.to_string())
}

/// Takes back some parts. Gives whether it was all, and whether it is done quietly: that is judged once, so that
/// what was begun in time ends alike.
fn undo_some(
    id: TimeId,
    is_quiet: Option<bool>,
    actor: &Actor,
    group: &mut Group<'_>,
) -> Result<(bool, bool), AdminError> {
    let at = keys::decision::<Decision>(id);
    let Some(mut decision) = group.load(&at)? else {
        return Err(unknown(id));
    };
    let now_ms = group.now_ms();
    let range = KeyRange::prefix(&keys::decision_parts_prefix(id));
    let parts = group.scan(Db::Hot, range, PARTS_OF_COMMIT + 1)?;
    if decision.undone_at_ms.is_some() && parts.is_empty() {
        return Err(AdminError::State {
            code: "already_undone",
            message: "this decision was taken back already".into(),
        });
    }
    let is_over = parts.len() <= PARTS_OF_COMMIT;
    let is_quiet = is_quiet.unwrap_or(now_ms < decision.at_ms + UNDO_MS);
    decision.undone_at_ms = Some(now_ms);
    for (key, value) in parts.into_iter().take(PARTS_OF_COMMIT) {
        for update in Part::decode(&value, Db::Hot, &key)?.updates {
            match status::take_back(group, update, is_quiet, &actor.name)? {
                TakenBack::Quietly => decision.restored += 1,
                TakenBack::Anew(_) => decision.changed_back += 1,
                TakenBack::ChangedSince => decision.changed_since += 1,
            }
        }
        group.remove((Db::Hot, key));
    }
    let detail = format!(
        "{} restored, {} changed back, {} changed since",
        decision.restored, decision.changed_back, decision.changed_since
    );
    group.save(at, &decision)?;
    if is_over {
        audit(
            group,
            actor,
            Note::new("conversion.undo", id.to_string()).detail(detail),
        )?;
    }
    Ok((is_over, is_quiet))
}
