//! The app was removed, as the push service noticed.

use super::{Case, Decided, Reply, finish, visitors};
use crate::domain::activity::ActivityKind;
use crate::recorder::Group;
use serde_json::json;

/// The time that is told is that of the last app session. A second notice changes nothing.
pub(super) fn record(case: &Case<'_>, group: &mut Group<'_>) -> Decided {
    let mut visitor = case.known_visitor(group)?;
    let adid = visitor.adid.to_string();
    if visitor.uninstalled_at_ms.is_some() {
        return Ok(Reply::ok(
            json!({"status": "OK", "adid": adid, "message": "Uninstall was tracked before"}),
        ));
    }
    let gone_ms = visitor.last_session_at_ms;
    visitor.uninstalled_at_ms = Some(gone_ms);
    visitors::save(&visitor, &[], group)?;
    let mut activity = case.activity_of(ActivityKind::Uninstall, &visitor, Some(gone_ms), group);
    let since_ms = visitor.reinstalled_at_ms.unwrap_or(visitor.installed_at_ms);
    let spent_s = (gone_ms - since_ms).max(0) / 1000;
    activity
        .facts
        .push(("time_to_uninstall".into(), spent_s.to_string()));
    finish(activity, Some(&visitor), group)?;
    Ok(Reply::ok(
        json!({"status": "OK", "adid": adid, "message": "Uninstall tracked"}),
    ))
}
