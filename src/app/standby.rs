//! A machine that waits to take over: it follows the archive, answers health only, and becomes the server when it is
//! promoted.

use super::{AppError, archive, signals, store_options};
use crate::archive::{Promoted, Standby, Successor};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::StoreOptions;
use crate::telemetry;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The file by which `promote` asks a standby that runs, and the one with the answer.
const REQUEST: &str = "promote.request";
const ANSWER: &str = "promote.answer";
const TICK: Duration = Duration::from_millis(200);
/// How long somebody who asks for health may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a standby ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop.
    Stopped,
    /// It is the server from now on.
    Promoted,
}

/// Follows the archive until it is told to stop, or to take over.
///
/// # Errors
/// It cannot begin: no archive, no address, a data directory of something else.
pub fn run(config: &Config, ready: impl FnOnce(std::net::SocketAddr)) -> Result<Ended, AppError> {
    telemetry::install_logs(config.log.format, config.log.level)?;
    let mut stop = signals::Signals::install().map_err(AppError::Signals)?;
    let archive = archive::open(config)?;
    let listener = TcpListener::bind(config.listen).map_err(|source| AppError::Listen {
        address: config.listen.to_string(),
        source,
    })?;
    let options = StoreOptions {
        backups: None,
        keeps_journal: false,
        may_create: false,
        ..store_options(config, &Clock::System)
    };
    let dir = &config.data_dir;
    let standby = Arc::new(Standby::open(archive, dir, options, Clock::System)?);
    for name in [REQUEST, ANSWER] {
        drop(std::fs::remove_file(dir.join(name)));
    }
    let over = Arc::new(AtomicBool::new(false));
    let answering = answer_health(listener, standby.clone(), over.clone()).map_err(AppError::Thread)?;
    ready(answering.0);
    let interval = Duration::from_secs(u64::from(config.archive.interval_s));
    let mut next = Instant::now();
    let ended = loop {
        if stop.is_stopping(TICK) {
            break Ended::Stopped;
        }
        if dir.join(REQUEST).exists() {
            drop(std::fs::remove_file(dir.join(REQUEST)));
            break Ended::Promoted;
        }
        if Instant::now() >= next {
            if let Err(error) = standby.look(dir) {
                tracing::warn!(code = error.code(), %error, "the archive could not be followed; it is tried again");
            }
            next = Instant::now() + interval;
        }
    };
    over.store(true, Ordering::Release);
    // It waits in `accept`.
    drop(TcpStream::connect(answering.0));
    drop(answering.1.join());
    let Ok(standby) = Arc::try_unwrap(standby).map_err(|_| ()) else {
        return Ok(Ended::Stopped);
    };
    let (archive, mut store) = standby.into_parts();
    let outcome = match ended {
        Ended::Stopped => Ok(Ended::Stopped),
        Ended::Promoted => {
            let successor = Successor {
                archive: &archive,
                data_dir: dir,
                host: &archive::host(),
                now_ms: Clock::System.now_ms(),
            };
            let promoted = successor.promote(&mut store);
            let told = match &promoted {
                Ok(promoted) => format!("ok {}", sentence(promoted)),
                Err(error) => format!("no {error}"),
            };
            if let Err(error) = std::fs::write(dir.join(ANSWER), told) {
                tracing::warn!(code = "promote_untold", %error, "who asked for the promotion could not be told");
            }
            promoted.map(|_| Ended::Promoted)
        }
    };
    if let Err(error) = store.writer.close() {
        tracing::warn!(code = error.code(), %error, "not everything could be made durable; the next start does it");
    }
    Ok(outcome?)
}

/// What a promotion did, for people.
pub fn sentence(promoted: &Promoted) -> String {
    format!(
        "This server writes the archive now (epoch {}), from commit {} on; {} commits were still brought over. {} is fenced: it refuses from its next look on.",
        promoted.epoch,
        promoted.last_seq + 1,
        promoted.caught_up,
        promoted.before
    )
}

/// Asks a standby that runs on a data directory to take over, and waits for its answer; `None`: none runs there.
///
/// # Errors
/// The files cannot be written or read.
pub fn ask(dir: &Path, patience: Duration) -> std::io::Result<Option<Result<String, String>>> {
    let (request, answer): (PathBuf, PathBuf) = (dir.join(REQUEST), dir.join(ANSWER));
    std::fs::write(&request, b"")?;
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        match std::fs::read_to_string(&answer) {
            Ok(text) if !text.is_empty() => {
                drop(std::fs::remove_file(&answer));
                return Ok(Some(match text.strip_prefix("ok ") {
                    Some(told) => Ok(told.to_owned()),
                    None => Err(text.trim_start_matches("no ").to_owned()),
                }));
            }
            Ok(_) | Err(_) => std::thread::sleep(TICK),
        }
    }
    drop(std::fs::remove_file(&request));
    Ok(None)
}

type Answering = (std::net::SocketAddr, std::thread::JoinHandle<()>);

/// Answers `/healthz` and `/readyz`, one after the other: there is nothing else here.
fn answer_health(
    listener: TcpListener,
    standby: Arc<Standby>,
    over: Arc<AtomicBool>,
) -> std::io::Result<Answering> {
    let address = listener.local_addr()?;
    let serve = move || {
        for stream in listener.incoming() {
            if over.load(Ordering::Acquire) {
                return;
            }
            if let Ok(stream) = stream
                && let Err(error) = answer(stream, &standby)
            {
                tracing::debug!(%error, "somebody who asked for health went away");
            }
        }
    };
    let thread = std::thread::Builder::new()
        .name("standby-health".into())
        .spawn(serve)?;
    Ok((address, thread))
}

fn answer(mut stream: TcpStream, standby: &Standby) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    let mut reader = BufReader::new(std::io::Read::take(stream.try_clone()?, 8 << 10));
    reader.read_line(&mut line)?;
    let state = standby.state();
    let path = line.split(' ').nth(1).unwrap_or_default();
    let status = match path.split('?').next().unwrap_or_default() {
        "/healthz" => "200 OK",
        "/readyz" if state.is_following => "200 OK",
        "/readyz" => "503 Service Unavailable",
        // Visitors are told to come back: this is not the server yet.
        _ => "503 Service Unavailable",
    };
    let body = serde_json::json!({ "status": "standby", "standby": state }).to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
    )?;
    stream.flush()?;
    // What is left of the head is read, so that the answer is not lost in a reset.
    for rest in reader.lines() {
        if rest?.is_empty() {
            break;
        }
    }
    Ok(())
}
