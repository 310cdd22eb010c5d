//! The built-in receiver: a server that answers every request and remembers the last ones, so that an
//! operator can see a postback arrive before any partner is involved.
//!
//! It listens on loopback, on a port of its own; delivery may call exactly that address. A path that begins
//! with `/status/503` answers with that status.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// How many requests are remembered.
const MOST: usize = 200;

/// A request that arrived.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct EchoArrival {
    /// Rises.
    pub number: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// GET or POST.
    pub method: String,
    /// Path and query as they arrived.
    pub target: String,
    /// Headers as they arrived.
    pub headers: Vec<(String, String)>,
    /// Body, at most 4 KiB, invalid UTF-8 replaced.
    pub body: String,
}

/// What the receiver remembers.
#[derive(Debug)]
pub struct Echo {
    address: SocketAddr,
    arrivals: Mutex<(u64, VecDeque<EchoArrival>)>,
}

impl Echo {
    /// A receiver at an address.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            arrivals: Mutex::default(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests after a number, oldest first.
    pub fn after(&self, number: u64) -> Vec<EchoArrival> {
        self.arrivals
            .lock()
            .1
            .iter()
            .filter(|a| a.number > number)
            .cloned()
            .collect()
    }

    fn push(&self, mut arrival: EchoArrival) {
        let mut arrivals = self.arrivals.lock();
        arrivals.0 += 1;
        arrival.number = arrivals.0;
        if arrivals.1.len() == MOST {
            arrivals.1.pop_front();
        }
        arrivals.1.push_back(arrival);
    }
}

/// Answers any request.
pub async fn answer(request: HttpRequest, body: Bytes, echo: Data<Arc<Echo>>) -> HttpResponse {
    let headers = request.headers().iter();
    echo.push(EchoArrival {
        number: 0,
        at_ms: crate::clock::Clock::System.now_ms(),
        method: request.method().as_str().to_owned(),
        target: request
            .uri()
            .path_and_query()
            .map_or_else(String::new, |t| t.as_str().to_owned()),
        headers: headers
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body: String::from_utf8_lossy(&body[..body.len().min(4096)]).into_owned(),
    });
    HttpResponse::build(wanted_status(request.path())).body("received\n")
}

fn wanted_status(path: &str) -> StatusCode {
    let wanted = path
        .strip_prefix("/status/")
        .and_then(|rest| rest.split('/').next())
        .and_then(|s| s.parse().ok());
    wanted
        .and_then(|status: u16| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_chooses_the_status() {
        assert_eq!(wanted_status("/status/503/x"), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(wanted_status("/status/9"), StatusCode::OK);
        assert_eq!(wanted_status("/anything"), StatusCode::OK);
    }
}
