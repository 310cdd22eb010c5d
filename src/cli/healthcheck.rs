//! `healthcheck`: asks a running server whether it is ready.

use super::{CliError, Global, HealthcheckArgs, Outcome, say};
use crate::app::control::{self, Answer, Request};
use crate::app::probe;
use crate::config::Config;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// Exit code 0 when `/readyz` answers 200, else 1 with what it answered.
pub fn run(global: &Global, args: &HealthcheckArgs) -> Outcome {
    let (address, is_tls) = match &args.url {
        Some(url) => resolve(url)?,
        None => in_force(&global.load(Vec::new())?.config),
    };
    let (status, body) = probe::ask(address, is_tls, "/readyz", PATIENCE)
        .map_err(CliError::io(format!("no server answers on {address}")))?;
    say(body.trim_end())?;
    Ok(if status == 200 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Where the running server says that it listens, which a socket unit may have decided; else what is configured.
fn in_force(config: &Config) -> (SocketAddr, bool) {
    let configured = (config.listen, config.has_tls());
    // Whoever may not use the control socket can still ask the server.
    let Ok(Some(Answer::Done(status))) = control::ask(&config.data_dir, &Request::Status) else {
        return configured;
    };
    let address = status["address"].as_str().and_then(|text| text.parse().ok());
    address.map_or(configured, |address| (address, status["is_tls"] == true))
}

fn resolve(url: &str) -> Result<(SocketAddr, bool), CliError> {
    let (is_tls, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme.eq_ignore_ascii_case("https"), rest),
        None => (false, url),
    };
    let host = rest.split('/').next().unwrap_or(rest);
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = match (has_port, is_tls) {
        (true, _) => host.to_owned(),
        (false, true) => format!("{host}:443"),
        (false, false) => format!("{host}:80"),
    };
    let mut addresses = host.to_socket_addrs().map_err(CliError::io(format!(
        "cannot resolve {host}; give http://HOST:PORT or https://HOST:PORT"
    )))?;
    let address = addresses
        .next()
        .ok_or_else(|| CliError::Refused(format!("{host} has no address")))?;
    Ok((address, is_tls))
}
