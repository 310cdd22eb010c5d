//! Feeds systemd's watchdog, only after a probe went through the listener, the recorder and back: a ping
//! from an idle timer would prove nothing.

use crate::http::State;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Starts the probe when the unit asks for it.
pub(super) fn start(state: &Arc<State>, address: SocketAddr) -> JoinHandle<()> {
    let interval = sd_notify::watchdog_enabled().filter(|_| state.config.now().watchdog.enabled);
    let patience = Duration::from_secs(u64::from(state.config.now().watchdog.probe_timeout_s));
    let is_tls = state.config.now().has_tls();
    actix_web::rt::spawn(async move {
        let Some(interval) = interval else { return };
        loop {
            tokio::time::sleep(interval / 3).await;
            let probed = actix_web::web::block(move || probe(address, patience, is_tls)).await;
            match probed {
                Ok(Ok(())) => super::systemd::notify(sd_notify::NotifyState::Watchdog),
                Ok(Err(error)) => {
                    tracing::error!(code = "watchdog_probe", %error, "the server does not answer its own probe; systemd is not told that all is well");
                }
                Err(error) => tracing::error!(code = "watchdog_probe", %error, "the probe could not run"),
            }
        }
    })
}

fn probe(address: SocketAddr, patience: Duration, is_tls: bool) -> std::io::Result<()> {
    match super::probe::ask(address, is_tls, "/healthz", patience)? {
        (200, _) => Ok(()),
        (status, _) => Err(std::io::Error::other(format!("it answered {status}"))),
    }
}
