//! Commands over the control socket that take long: each runs on a thread of its own, so that others are answered
//! meanwhile.
//!
//! A backup comes as blocks, each after its length (4 bytes, big-endian); a block of length 0 ends it. Then, as
//! for every command, one line of JSON follows: the answer.

use super::{Answer, Request, connect, read_answer, send};
use crate::store::Keeper;
use parking_lot::Mutex;
use serde_json::json;
use std::io::{BufReader, Error, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Commands of this kind at a time.
const MOST: usize = 4;
/// Largest block of a backup.
const BLOCK_BYTES: usize = 256 << 10;
/// How long a command may take to read what it is sent.
const PATIENCE: Duration = Duration::from_secs(60);

/// The threads of such commands.
pub(super) struct Streams {
    keeper: Keeper,
    is_stopping: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Streams {
    pub(super) fn new(keeper: Keeper, is_stopping: Arc<AtomicBool>) -> Self {
        Self {
            keeper,
            is_stopping,
            threads: Mutex::default(),
        }
    }

    /// Carries a command out beside the others.
    pub(super) fn serve(&self, request: Request, stream: UnixStream) -> std::io::Result<()> {
        let mut threads = self.threads.lock();
        threads.retain(|thread| !thread.is_finished());
        if threads.len() >= MOST {
            let refused = "too many backups and verifications are running: wait until one has ended";
            let mut blocks = Blocks::new(stream, self.is_stopping.clone())?;
            blocks.end(&request)?;
            return blocks.answer(&Answer::Refused(refused.into()));
        }
        let (keeper, is_stopping) = (self.keeper.clone(), self.is_stopping.clone());
        let work = move || {
            let done = Blocks::new(stream, is_stopping).and_then(|blocks| perform(&request, &keeper, blocks));
            if let Err(error) = done {
                tracing::warn!(code = "control_socket", %error, "a command could not be answered");
            }
        };
        threads.push(
            std::thread::Builder::new()
                .name("control-stream".into())
                .spawn(work)?,
        );
        Ok(())
    }

    /// Waits for all of them; `is_stopping` has been set.
    pub(super) fn join(&self) {
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.join().is_err() {
                tracing::error!(
                    code = "control_panicked",
                    "a thread of a command ended with a panic"
                );
            }
        }
    }
}

fn perform(request: &Request, keeper: &Keeper, mut blocks: Blocks) -> std::io::Result<()> {
    let answer = match request {
        Request::Backup => keeper
            .backup(&mut blocks)
            .map(|report| json!(report))
            .map_err(|error| error.to_string()),
        _ => keeper
            .verify()
            .map(|report| json!(report))
            .map_err(|error| error.to_string()),
    };
    blocks.end(request)?;
    blocks.answer(&match answer {
        Ok(report) => Answer::Done(report),
        Err(message) => Answer::Refused(message),
    })
}

/// What a command is sent.
struct Blocks {
    stream: UnixStream,
    is_stopping: Arc<AtomicBool>,
}

impl Blocks {
    fn new(stream: UnixStream, is_stopping: Arc<AtomicBool>) -> std::io::Result<Self> {
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, is_stopping })
    }

    fn end(&mut self, request: &Request) -> std::io::Result<()> {
        match request {
            Request::Backup => self.stream.write_all(&[0; 4]),
            _ => Ok(()),
        }
    }

    fn answer(&mut self, answer: &Answer) -> std::io::Result<()> {
        send(&mut self.stream, answer)
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.is_stopping.load(Ordering::Acquire) {
            return Err(Error::other("the server is stopping: try again when it is back"));
        }
        let block = &bytes[..bytes.len().min(BLOCK_BYTES)];
        if !block.is_empty() {
            let len = u32::try_from(block.len()).map_err(Error::other)?;
            self.stream.write_all(&len.to_be_bytes())?;
            self.stream.write_all(block)?;
        }
        Ok(block.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// Has a running server write a backup into `out`; `None` when none runs over the data directory.
pub fn backup(data_dir: &Path, out: &mut dyn Write) -> std::io::Result<Option<Answer>> {
    let Some(mut stream) = connect(data_dir)? else {
        return Ok(None);
    };
    send(&mut stream, &Request::Backup)?;
    let mut input = BufReader::with_capacity(BLOCK_BYTES, stream);
    let mut block = Vec::new();
    loop {
        let mut len = [0; 4];
        input.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len) as usize;
        if len == 0 {
            return read_answer(&mut input).map(Some);
        }
        if len > BLOCK_BYTES {
            let message = "the server's answer is not understood: use the same version as the server";
            return Err(Error::new(ErrorKind::InvalidData, message));
        }
        block.resize(len, 0);
        input.read_exact(&mut block)?;
        out.write_all(&block)?;
    }
}
