//! Feeds systemd's watchdog, only after a probe went through the listener, the recorder and back: a ping
//! from an idle timer would prove nothing.

use crate::http::State;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Starts the probe when the unit asks for it.
pub(super) fn start(state: &Arc<State>, address: SocketAddr) -> JoinHandle<()> {
    let interval = sd_notify::watchdog_enabled().filter(|_| state.config.watchdog.enabled);
    let patience = Duration::from_secs(u64::from(state.config.watchdog.probe_timeout_s));
    let is_tls = state.config.tls.cert_file.is_some();
    actix_web::rt::spawn(async move {
        let Some(interval) = interval else { return };
        loop {
            tokio::time::sleep(interval / 3).await;
            let probed = actix_web::web::block(move || probe(address, patience, is_tls)).await;
            match probed {
                Ok(Ok(())) => super::listeners::notify(sd_notify::NotifyState::Watchdog),
                Ok(Err(error)) => {
                    tracing::error!(code = "watchdog_probe", %error, "the server does not answer its own probe; systemd is not told that all is well");
                }
                Err(error) => tracing::error!(code = "watchdog_probe", %error, "the probe could not run"),
            }
        }
    })
}

/// Asks `/healthz`; over TLS only whether the listener takes the connection.
fn probe(address: SocketAddr, patience: Duration, is_tls: bool) -> std::io::Result<()> {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    if is_tls {
        return Ok(());
    }
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    if &head == b"HTTP/1.1 200" {
        Ok(())
    } else {
        Err(std::io::Error::other(format!(
            "it answered {}",
            String::from_utf8_lossy(&head)
        )))
    }
}
