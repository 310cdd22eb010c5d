//! A public fuzzer of API documents (schemathesis) against the running server: no 5xx, and nothing that the document
//! does not say. It takes long and is asked for with `YAMABIKO_LONG=1`; `SCHEMATHESIS` names the program (`tests/run`
//! installs it then).

use crate::support::load::is_long;
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::Setup;
use serde_json::json;
use std::process::Command;

/// What is left out, as parts of paths: the stream has no end, and these would call addresses that were made up, or end
/// the token that all others are asked with.
const LEFT_OUT: &str = "stream|address-check|alerts/test|/test/|/tokens/|config/import";

#[test]
fn the_api_is_what_its_document_says() {
    if !is_long() {
        return;
    }
    let program =
        std::env::var_os("SCHEMATHESIS").expect("SCHEMATHESIS names the program; tests/run installs it");
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    let sid = scene.click(&server, "one");
    server.client().get(&format!("/cv?sid={sid}&uid1=A-1")).ok();
    let token = json!({"name": "fuzz", "scope": "admin"});
    let secret = text(&scene.admin.post_json("/api/v1/tokens", &token).ok()["secret"]);
    let address = format!("http://{}", server.address());
    let output = Command::new(program)
        .current_dir(dir.path())
        .args(["--no-color", "run", &format!("{address}/api/openapi.json"), "--url", &address])
        .args(["--header", &format!("Authorization: Bearer {secret}")])
        .args(["--exclude-path-regex", LEFT_OUT, "--seed", "20261129", "--workers", "2"])
        .args(["--phases", "examples,coverage,fuzzing", "--request-timeout", "20"])
        .args(["--max-examples", "200", "--max-time", "3600"])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // It came through to the end of the document.
    assert!(server.client().get("/healthz").status == 200);
}
