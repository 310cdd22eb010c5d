//! Reading again what can be read again, while everything runs: settings, the GeoIP file, certificates.

use crate::certificates::Reread;
use crate::config::Limits;
use crate::connection::PlaceRules;
use crate::http::State;
use crate::recorder::RoomBytes;
use crate::telemetry;
use crate::tracking::gate::Rates;

/// Takes over what can change without a restart, and says what did, what needs one, and what is wrong. What is wrong
/// stays as it was before.
pub(super) fn reload(state: &State) {
    settings(state);
    places(state);
    certificates(state);
}

fn settings(state: &State) {
    match state.config.reload() {
        Ok(changes) => {
            for change in &changes.taken {
                tracing::info!(change, "a setting has changed and is in force");
            }
            for change in &changes.waiting {
                tracing::warn!(
                    code = "restart_needed",
                    change,
                    "a setting has changed; restart the server for it to take effect"
                );
            }
            if changes.taken.is_empty() && changes.waiting.is_empty() {
                tracing::info!("the settings were read again and are the same as before");
            }
        }
        Err(error) => {
            for mistake in &error.mistakes {
                tracing::error!(code = "settings", %mistake, "the settings are wrong; those before stay");
            }
        }
    }
    let config = state.config.now();
    state.delivery.client().allow(&config.delivery.allow_networks);
    state.gate.set(Rates::from(&config.limits));
    state.recorder.rooms().set(room_bytes(&config.limits));
    state.connections.set(PlaceRules::from(config));
    if let Err(error) = telemetry::set_level(config.log.level) {
        tracing::error!(code = "log_level", %error, "the level of the log was not changed");
    }
}

/// What is kept a day of what does not count.
pub(super) fn room_bytes(limits: &Limits) -> RoomBytes {
    RoomBytes {
        strangers: u64::from(limits.refused_mb) << 20,
        known: u64::from(limits.refused_known_mb) << 20,
        proven: u64::from(limits.refused_proven_mb) << 20,
        held: u64::from(limits.held_mb) << 20,
    }
}

fn places(state: &State) {
    let Some(file) = &state.config.now().geoip.file else {
        state.geo.unload();
        return;
    };
    match state.geo.load(file) {
        Ok(()) => tracing::info!("the GeoIP file was read again"),
        Err(error) => {
            tracing::error!(code = error.code(), %error, "the GeoIP file was not read again; the one before stays");
        }
    }
}

fn certificates(state: &State) {
    match state.certificates.reread(state.config.now()) {
        Ok(Reread::NoFiles) => {}
        Ok(Reread::Renewed) => tracing::info!("the certificate was renewed, and is in use"),
        Ok(Reread::Same) => tracing::info!("the certificate was read again and is the same as before"),
        Ok(Reread::SameCredential) => tracing::warn!(
            code = "certificate_credential",
            "the certificate is the same as before: systemd makes credentials anew only when the service starts; restart it to use a renewed one"
        ),
        Err(error) => {
            tracing::error!(code = "certificate", %error, "the certificate was not read again; the one before stays");
        }
    }
    state.certificates.try_now();
}
