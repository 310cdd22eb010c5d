//! What our figures are compared with: the least that the same libraries do for the same request. Runs as a
//! process of its own (this binary started again), like the server.

use actix_web::http::header::LOCATION;
use actix_web::{App, HttpResponse, HttpServer, web};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// Set in the environment of a reference process.
pub const ROLE: &str = "YAMABIKO_BENCH_ROLE";

/// A reference server; ends when it is dropped.
pub struct Reference {
    child: Child,
    pub address: SocketAddr,
}

impl Reference {
    /// Starts this binary as the bare server.
    pub fn start() -> Self {
        let this = std::env::current_exe().expect("own path");
        let mut child = Command::new(this)
            .env(ROLE, "bare")
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

/// The bare server: a redirect and a small JSON answer, two workers.
pub fn serve() {
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
        .workers(2)
        .bind("127.0.0.1:0")
        .expect("bind");
        println!("{}", server.addrs()[0]);
        server.run().await.expect("serve");
    });
}
