//! TLS on the listeners: the handshake, and connections that are encrypted or not.

use super::{AppError, Core};
use crate::certificates::{CHALLENGE_PROTOCOL, Certificates, Renewal};
use crate::config::InForce;
use crate::wire::Client;
use rustls::ServerConfig;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A handshake that takes longer is cut off.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// HTTP/2 by its name in the handshake.
const HTTP2: &[u8] = b"h2";

/// Starts the thread that reads and renews certificates.
pub(super) fn renew(
    core: &Core,
    in_force: &InForce,
    certificates: Arc<Certificates>,
    client: &Arc<Client>,
) -> Result<Renewal, AppError> {
    let (recorder, client) = (core.recorder.clone(), client.clone());
    Renewal::start(certificates, in_force.clone(), recorder, client).map_err(AppError::Thread)
}

/// What a listener needs to shake hands.
pub(super) fn acceptor(certificates: &Certificates) -> TlsAcceptor {
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(certificates.resolver());
    config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec(), CHALLENGE_PROTOCOL.to_vec()];
    Arc::new(config).into()
}

/// A connection, encrypted or not.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Shakes hands when there is an acceptor.
    pub(super) async fn open(io: TcpStream, acceptor: Option<TlsAcceptor>) -> std::io::Result<Self> {
        let Some(acceptor) = acceptor else {
            return Ok(Self::Plain(io));
        };
        let shaken = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(io)).await;
        let mut io = shaken.map_err(|_| Error::from(ErrorKind::TimedOut))??;
        if io.get_ref().1.alpn_protocol() == Some(CHALLENGE_PROTOCOL) {
            // The certificate was the answer; nothing is spoken after it.
            io.shutdown().await?;
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(Self::Tls(Box::new(io)))
    }

    /// Whether HTTP/2 was agreed on.
    pub(super) fn is_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(io) => io.get_ref().1.alpn_protocol() == Some(HTTP2),
        }
    }
}

/// Passes a call on to the connection inside.
macro_rules! inside {
    ($stream:expr, $io:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Plain($io) => {
                let $io = Pin::new($io);
                $call
            }
            Stream::Tls($io) => {
                let $io = Pin::new(&mut **$io);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        inside!(self, io => io.poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        inside!(self, io => io.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        inside!(self, io => io.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        inside!(self, io => io.poll_shutdown(context))
    }
}
