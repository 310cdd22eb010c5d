//! What our figures are compared with: the least that the same libraries do for the same request. Runs as a
//! process of its own (this binary started again), like the server.

use actix_web::http::header::LOCATION;
use actix_web::{App, HttpResponse, HttpServer, web};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Set in the environment of a reference process.
pub const ROLE: &str = "BENCH_ROLE";
/// Its threads.
const WORKERS: &str = "BENCH_WORKERS";

/// A reference server; ends when it is dropped.
pub struct Reference {
    child: Child,
    pub address: SocketAddr,
}

impl Reference {
    /// Starts this binary as the bare server.
    pub fn start() -> Self {
        let this = std::env::current_exe().expect("own path");
        Self::started_by(&[this.display().to_string()], 2)
    }

    /// The same by a command that starts this binary.
    pub fn started_by(words: &[String], workers: usize) -> Self {
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .env(ROLE, "bare")
            .env(WORKERS, workers.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("reference");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout"))
            .read_line(&mut line)
            .expect("address");
        Self {
            child,
            address: line.trim().parse().expect("address"),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }
}

async fn small_json(_body: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"result": "accepted", "activity_id": "0123456789abcdef"}))
}

/// The bare server: a redirect and a small JSON answer.
pub fn serve() {
    let workers: usize = std::env::var(WORKERS)
        .expect("workers")
        .parse()
        .expect("a number");
    let system = actix_web::rt::System::new();
    system.block_on(async {
        let server = HttpServer::new(|| {
            App::new()
                .route(
                    "/c/{link}",
                    web::get().to(|| async {
                        HttpResponse::Found()
                            .insert_header((LOCATION, "https://shop.example/lp?sid=0123456789abcdef"))
                            .finish()
                    }),
                )
                .route("/cv", web::post().to(small_json))
                .route("/event", web::post().to(small_json))
        })
        .keep_alive(Duration::from_secs(75))
        .client_request_timeout(Duration::from_secs(60))
        .workers(workers)
        .bind("127.0.0.1:0")
        .expect("bind");
        println!("{}", server.addrs()[0]);
        server.run().await.expect("serve");
    });
}
