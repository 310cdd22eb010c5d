//! What systemd is told, when the unit asks for it.

use sd_notify::NotifyState;
use std::time::Duration;

/// Tells systemd, when it is there.
pub(super) fn notify(what: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[what]) {
        tracing::warn!(code = "systemd_notify", %error, "systemd could not be told");
    }
}

/// What `systemctl status` shows.
pub(super) fn status(text: &str) {
    notify(NotifyState::Status(text));
}

/// Asks for so much time from now on, in place of the timeout of the unit.
pub(super) fn extend_timeout(more: Duration) {
    notify(NotifyState::ExtendTimeoutUsec(
        u32::try_from(more.as_micros()).unwrap_or(u32::MAX),
    ));
}
