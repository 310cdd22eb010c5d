//! The OpenAPI document is one that others accept: a public validator reads it.

use std::path::PathBuf;
use std::process::Command;

use crate::support::skip;

/// Where `tests/run` installs the validator.
fn validator() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/openapi-tools/bin/openapi-spec-validator")
}

#[test]
fn a_public_validator_accepts_the_document() {
    let program = validator();
    if !program.exists() {
        return skip("openapi-spec-validator is not installed: tests/run does it");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("openapi.json");
    let document = yamabiko::http::api::document();
    std::fs::write(&file, document.to_string()).unwrap();
    let output = Command::new(program).arg(&file).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said: String = String::from_utf8_lossy(&said).chars().take(2_000).collect();
    assert!(output.status.success(), "{said}");
}

#[test]
fn every_answer_is_described_and_tracking_is_in_it() {
    let document = yamabiko::http::api::document();
    assert_eq!(document["servers"][0]["url"], "/");
    for scheme in ["bearer", "login"] {
        assert!(
            document["components"]["securitySchemes"][scheme].is_object(),
            "{scheme}"
        );
    }
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/c/{link}",
        "/i/{link}",
        "/cv",
        "/cv.gif",
        "/session",
        "/event",
        "/healthz",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let is_said = answer["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty());
                assert!(is_said || answer["$ref"].is_string(), "{method} {path} {status}");
            }
        }
    }
}
