//! `healthcheck`: asks a running server whether it is ready.

use super::{CliError, Global, HealthcheckArgs, Outcome, say};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// Exit code 0 when `/readyz` answers 200, else 1 with what it answered.
pub fn run(global: &Global, args: &HealthcheckArgs) -> Outcome {
    let address = match &args.url {
        Some(url) => resolve(url)?,
        None => reachable(global.load(Vec::new())?.config.listen),
    };
    let answer = ask(address).map_err(CliError::io(format!("no server answers on {address}")))?;
    let is_ready = answer.starts_with("HTTP/1.1 200");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    say(body.trim_end())?;
    Ok(if is_ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn resolve(url: &str) -> Result<SocketAddr, CliError> {
    let plain = url.strip_prefix("http://").unwrap_or(url);
    let host = plain.split('/').next().unwrap_or(plain);
    let mut addresses = host.to_socket_addrs().map_err(CliError::io(format!(
        "cannot resolve {host}; give http://HOST:PORT"
    )))?;
    addresses
        .next()
        .ok_or_else(|| CliError::Refused(format!("{host} has no address")))
}

fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
