//! Connections of visitors, as the drain of a restart needs them: how many are open, which of them wait for
//! nothing, and whether a client has sent more requests than it has answers to.
//!
//! A restart loses no request when a client is told `Connection: close` with the last answer that it waits for.
//! actix can say it only with the next answer, which for a pipelining client is the first of several, and it
//! drops the others. So the heads of requests are counted here, before the parser sees them, and the word is
//! said when every head has its answer.
//!
//! For the same reason what the parser would refuse in a request line is mended here (`lines`), and what it
//! refuses all the same gets a sentence here (`refusal`).
//!
//! Over HTTP/2 requests are counted when they are asked. It has no such word in actix: a connection ends when nothing
//! was asked for a second, and one that never rests is cut off with the last ones; its client asks again.

mod frames;
mod lines;
#[cfg(test)]
mod lines_tests;
mod places;
mod refusal;

use crate::telemetry::occasionally;
use actix_http::{ConnectionType, Request, RequestHead, ResponseHead};
use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use arc_swap::ArcSwap;
use frames::Frames;
use lines::Lines;
pub use places::PlaceRules;
use places::{Breadth, Place, Places};
pub use refusal::Wording;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, Sleep};

/// How long a connection may be silent during a drain before it is closed. Proxies that keep connections for
/// less never send a request into one that is being closed (the shipped configurations keep them for 500 ms).
const SILENCE: Duration = Duration::from_secs(1);

/// By when a connection beyond the bound of its network has to have sent the head of a request.
const HURRY: Duration = Duration::from_secs(2);

/// Every open connection of the visitors' listeners.
#[derive(Debug, Clone)]
pub struct Connections {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    open: AtomicUsize,
    is_draining: AtomicBool,
    is_insisting: AtomicBool,
    drained: Arc<Notify>,
    places: Arc<Places>,
    rules: ArcSwap<PlaceRules>,
    wording: Wording,
}

/// Where a connection was accepted.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// Our own address.
    pub local: SocketAddr,
    /// Whether it is encrypted up to this process.
    pub is_tls: bool,
}

/// A connection that has a place.
#[derive(Debug)]
pub struct Admitted(Place);

impl Connections {
    /// None yet; `rules` say how many a network may have, `wording` what is said of a request that cannot be read.
    pub fn new(rules: PlaceRules, wording: Wording) -> Self {
        let shared = Shared {
            open: AtomicUsize::new(0),
            is_draining: AtomicBool::new(false),
            is_insisting: AtomicBool::new(false),
            drained: Arc::default(),
            places: Arc::default(),
            rules: ArcSwap::from_pointee(rules),
            wording,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Other bounds from now on, for connections to come.
    pub fn set(&self, rules: PlaceRules) {
        self.shared.rules.store(Arc::new(rules));
    }

    /// A place for a peer; `None` when its network has too many.
    pub fn admit(&self, peer: Option<SocketAddr>) -> Option<Admitted> {
        let place = self
            .shared
            .places
            .take(peer.map(|peer| peer.ip()), &self.shared.rules.load());
        if place.is_none()
            && let Some(left_out) = occasionally("connections_of_network")
        {
            let peer = peer.map(|peer| peer.ip().to_string()).unwrap_or_default();
            tracing::warn!(
                code = "connections_of_network",
                peer,
                left_out,
                "a connection was closed: its network has too many; if it is your proxy, name it in trusted_proxies"
            );
        }
        place.map(Admitted)
    }

    /// Takes a connection under watch.
    pub fn watch<T>(&self, io: T, admitted: Admitted, at: At, carries: Carries) -> Connection<T> {
        let At { local, is_tls } = at;
        self.shared.open.fetch_add(1, Ordering::AcqRel);
        let is_narrow = admitted.0.breadth == Breadth::Narrow;
        Connection {
            io,
            _place: admitted.0,
            hurry: is_narrow.then(|| Box::pin(tokio::time::sleep(HURRY))),
            shared: self.shared.clone(),
            facts: Rc::new(Facts {
                local,
                is_tls,
                is_narrow,
                carries,
                asked: Cell::new(0),
                lines: RefCell::new(Lines::new()),
                answers: Cell::new(0),
                active_at: Cell::new(Instant::now()),
            }),
            mended: Vec::new(),
            handed_on: 0,
            worded: None,
            frames: Frames::default(),
            drain: Drain::Waiting(Box::pin(self.shared.drained.clone().notified_owned()), None),
        }
    }

    /// From now on clients are told to open new connections, and silent connections end.
    pub fn drain(&self) {
        self.shared.is_draining.store(true, Ordering::Release);
        self.shared.drained.notify_waiters();
    }

    /// From now on every answer is the last of its connection, whatever the client has sent beyond it.
    pub fn insist(&self) {
        self.shared.is_insisting.store(true, Ordering::Release);
    }

    /// Open connections.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Acquire)
    }

    /// Counts a request that could not be counted before.
    pub fn asked(&self, request: Asked<'_>) -> Tally {
        if let Some(facts) = request.facts
            && facts.carries == Carries::Multiplexed
        {
            facts.asked.set(facts.asked.get() + 1);
        }
        Tally(request.facts.cloned())
    }

    /// Counts an answer, and says with it that the connection ends when it is the drain's turn.
    pub fn answered(&self, tally: &Tally, answer: &mut ResponseHead) {
        let Tally(Some(facts)) = tally else { return };
        facts.answers.set(facts.answers.get() + 1);
        facts.active_at.set(Instant::now());
        let is_last =
            facts.answers.get() >= facts.heads() || self.shared.is_insisting.load(Ordering::Acquire);
        if facts.is_narrow || is_last && self.shared.is_draining.load(Ordering::Acquire) {
            answer.set_connection_type(ConnectionType::Close);
        }
    }
}

/// A request as HTTP itself tells of it, and its connection, whichever layer has it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'r> {
    /// What it asks.
    pub head: &'r RequestHead,
    facts: Option<&'r Rc<Facts>>,
}

/// The connection whose answer is counted.
#[derive(Debug)]
pub struct Tally(Option<Rc<Facts>>);

impl<'r> From<&'r Request> for Asked<'r> {
    fn from(request: &'r Request) -> Self {
        Self {
            head: request.head(),
            facts: request.conn_data(),
        }
    }
}

impl<'r> From<&'r HttpRequest> for Asked<'r> {
    fn from(request: &'r HttpRequest) -> Self {
        Self {
            head: request.head(),
            facts: request.conn_data(),
        }
    }
}

impl Asked<'_> {
    /// Whether it comes over a connection that is for clicks and impressions only, and is none.
    pub fn is_out_of_place(&self) -> bool {
        let path = self.head.uri.path();
        let is_narrow = self.facts.is_some_and(|facts| facts.is_narrow);
        is_narrow && !path.starts_with("/c/") && !path.starts_with("/i/")
    }

    /// Whether its connection is encrypted up to this process.
    pub fn is_tls(&self) -> bool {
        self.facts.is_some_and(|facts| facts.is_tls)
    }
}

/// How requests come over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// One after the other: HTTP/1.
    OneByOne,
    /// Side by side, in frames: HTTP/2.
    Multiplexed,
}

/// What is known of the connection of a request.
#[derive(Debug)]
struct Facts {
    local: SocketAddr,
    is_tls: bool,
    /// For one click or impression only.
    is_narrow: bool,
    carries: Carries,
    /// Requests that came side by side.
    asked: Cell<u64>,
    /// Requests that were read one after the other.
    lines: RefCell<Lines>,
    /// Answers that were begun.
    answers: Cell<u64>,
    active_at: Cell<Instant>,
}

impl Facts {
    /// Heads of requests that were read.
    fn heads(&self) -> u64 {
        match self.carries {
            Carries::OneByOne => self.lines.borrow().heads(),
            Carries::Multiplexed => self.asked.get(),
        }
    }

    /// The client waits for nothing and has sent nothing.
    fn is_silent(&self) -> bool {
        self.answers.get() >= self.heads() && !self.lines.borrow().is_amid_request()
    }
}

/// The query of a request that is being answered, byte for byte as its caller sent and perhaps signed it.
pub fn query_as_sent(request: &HttpRequest) -> Vec<u8> {
    let facts = request.conn_data::<Rc<Facts>>();
    let sent = facts.and_then(|facts| {
        let mut lines = facts.lines.borrow_mut();
        let target = lines.as_sent(facts.answers.get() + 1)?;
        let query = memchr::memchr(b'?', target).map_or(&[][..], |at| &target[at + 1..]);
        Some(query.to_vec())
    });
    sent.unwrap_or_else(|| request.query_string().as_bytes().to_vec())
}

/// The listening address on which a request came in.
pub fn local_address(request: &HttpRequest) -> Option<SocketAddr> {
    request.conn_data::<Rc<Facts>>().map(|facts| facts.local)
}

/// A connection under watch; reads and writes pass through.
#[derive(Debug)]
pub struct Connection<T> {
    io: T,
    _place: Place,
    /// By when a narrow connection has to have asked for something.
    hurry: Option<Pin<Box<Sleep>>>,
    shared: Arc<Shared>,
    facts: Rc<Facts>,
    /// What is handed on instead of what was read, and how much of it has been.
    mended: Vec<u8>,
    handed_on: usize,
    worded: Option<Worded>,
    /// Of HTTP/2.
    frames: Frames,
    drain: Drain,
}

/// What is written instead of an answer without a sentence.
#[derive(Debug)]
struct Worded {
    bytes: Vec<u8>,
    written: usize,
    /// The length of the answer that it stands for.
    stands_for: usize,
}

/// How far the end of a connection is.
#[derive(Debug)]
enum Drain {
    /// No restart is under way. The waker is the one that would be woken: asking again each time would take a
    /// lock that all connections share.
    Waiting(Pin<Box<OwnedNotified>>, Option<Waker>),
    /// It ends when it stays silent until then.
    Silence(Pin<Box<Sleep>>),
}

impl<T> Connection<T> {
    /// Puts what is known of it where requests find it.
    pub fn remember(&self, data: &mut Extensions) {
        data.insert(self.facts.clone());
    }

    /// Hands on what stands for what was read before.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let left = &self.mended[self.handed_on..];
        let now = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..now]);
        self.handed_on += now;
        if self.handed_on == self.mended.len() {
            (self.mended, self.handed_on) = (Vec::new(), 0);
        }
    }

    /// Whether a connection on which nothing waits to be read is to end now.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(hurry) = &mut self.hurry
            && self.facts.heads() == 0
            && hurry.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(());
        }
        loop {
            match &mut self.drain {
                Drain::Waiting(drained, waker) => {
                    if !self.shared.is_draining.load(Ordering::Acquire) {
                        if waker.as_ref().is_some_and(|w| w.will_wake(context.waker())) {
                            return Poll::Pending;
                        }
                        *waker = Some(context.waker().clone());
                        ready!(drained.as_mut().poll(context));
                    }
                    // What was silent for long gets the whole time, too: its client may just be sending.
                    self.drain = Drain::Silence(Box::pin(tokio::time::sleep(SILENCE)));
                }
                Drain::Silence(sleep) => {
                    ready!(sleep.as_mut().poll(context));
                    if self.facts.is_silent() && self.facts.active_at.get().elapsed() >= SILENCE {
                        return Poll::Ready(());
                    }
                    sleep.as_mut().reset(Instant::now() + SILENCE);
                }
            }
        }
    }
}

impl<T> Drop for Connection<T> {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        loop {
            if !self.mended.is_empty() {
                self.hand_on(buffer);
                return Poll::Ready(Ok(()));
            }
            let before = buffer.filled().len();
            match Pin::new(&mut self.io).poll_read(context, buffer) {
                Poll::Ready(Ok(())) => {}
                // An end of the stream, to the server: it closes the connection.
                Poll::Pending => return self.poll_end(context).map(Ok),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
            let read = &buffer.filled()[before..];
            if read.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.facts.active_at.set(Instant::now());
            if self.facts.carries == Carries::Multiplexed {
                return Poll::Ready(Ok(()));
            }
            let taken = self.facts.lines.borrow_mut().take(read);
            match taken {
                None => return Poll::Ready(Ok(())),
                Some(mended) => {
                    buffer.set_filled(before);
                    self.mended = mended;
                }
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.facts.carries == Carries::Multiplexed {
            let written = ready!(Pin::new(&mut self.io).poll_write(context, bytes))?;
            self.frames.wrote(&bytes[..written]);
            return Poll::Ready(Ok(written));
        }
        if self.worded.is_none() {
            self.worded = refusal::worded(bytes, self.shared.wording).map(|worded| Worded {
                bytes: worded,
                written: 0,
                stands_for: bytes.len(),
            });
        }
        let Self { io, worded, .. } = &mut *self;
        let Some(word) = worded else {
            return Pin::new(io).poll_write(context, bytes);
        };
        while word.written < word.bytes.len() {
            match ready!(Pin::new(&mut *io).poll_write(context, &word.bytes[word.written..]))? {
                0 => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                written => word.written += written,
            }
        }
        let stood_for = word.stands_for;
        *worded = None;
        Poll::Ready(Ok(stood_for))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(context, bytes))?;
        if self.facts.carries == Carries::Multiplexed {
            let mut left = written;
            for part in bytes {
                let now = part.len().min(left);
                self.frames.wrote(&part[..now]);
                left -= now;
            }
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
