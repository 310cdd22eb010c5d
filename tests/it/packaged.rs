//! What is shipped beside the binary works with the programs that read it.

use crate::support::proxy;
use crate::support::server::Setup;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn assert_taken(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("[warn]"), "{said}");
}

/// The files of a certificate and its key.
fn certificate(dir: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["track.example.jp".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

#[test]
fn nginx_and_caddy_take_the_shipped_files() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(dir.path());
    assert_taken(&proxy::check_nginx(&certificate, &key));
    assert_taken(&proxy::check_caddy());
}

#[test]
fn the_file_of_the_unit_counts_when_it_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&dir.path().join("data"))
        .env("CONFIGURATION_DIRECTORY", &dir.path().display().to_string());
    let show = || String::from_utf8(setup.command(&["config", "show"]).output().unwrap().stdout).unwrap();
    assert!(
        !show().contains("yamabiko.toml"),
        "without a file the defaults count: {}",
        show()
    );
    std::fs::write(dir.path().join("yamabiko.toml"), "listen = \"127.0.0.1:9\"\n").unwrap();
    assert!(show().contains("yamabiko.toml:1"), "{}", show());
}

#[test]
fn monitors_that_ask_for_the_head_only_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    for path in ["/healthz", "/readyz"] {
        let answer = server.client().send("HEAD", path, &[], b"");
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{path}");
        assert_eq!(server.client().send("PUT", path, &[], b"").status, 405, "{path}");
    }
}

#[test]
fn the_health_check_finds_a_server_behind_another_socket() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).activated();
    let server = setup.start();
    let checked = setup.command(&["healthcheck"]).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn the_health_check_speaks_https() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(dir.path());
    let setup = Setup::new(&dir.path().join("data"))
        .env("YAMABIKO_TLS_CERT_FILE", &certificate.display().to_string())
        .env("YAMABIKO_TLS_KEY_FILE", &key.display().to_string());
    let server = setup.start();
    for arguments in [
        vec!["healthcheck".to_owned()],
        vec![
            "healthcheck".into(),
            format!("--url=https://{}", server.address()),
        ],
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let checked = setup.command(&arguments).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
    }
}

#[test]
fn the_first_owner_is_made_without_a_browser() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let run = |arguments: &[&str]| setup.command(arguments).output().unwrap();
    assert!(
        !run(&["admin", "create", "a@example.jp", "--role", "viewer"])
            .status
            .success(),
        "no owner yet"
    );
    let made = run(&["admin", "create", "owner@example.jp"]);
    assert!(made.status.success(), "{made:?}");
    let password = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let login = serde_json::json!({"login": "owner@example.jp", "password": password});
    assert_eq!(server.client().post_json("/api/v1/login", &login).status, 200);
    let opened = run(&["setup-link"]);
    assert!(
        opened.status.success(),
        "signing in without encryption is open for a while"
    );
    assert!(!String::from_utf8_lossy(&opened.stdout).contains('#'), "no claim");
    assert!(
        !run(&["admin", "create", "owner@example.jp"]).status.success(),
        "the name is taken"
    );
    assert!(
        run(&["admin", "create", "b@example.jp", "--role", "viewer"])
            .status
            .success()
    );
}

#[test]
fn every_command_has_a_manual_page() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man");
    let setup = Setup::new(dir.path());
    let written = setup
        .command(&["man", &pages.display().to_string()])
        .output()
        .unwrap();
    assert!(written.status.success(), "{written:?}");
    for page in [
        "yamabiko.1",
        "yamabiko-serve.1",
        "yamabiko-backup.1",
        "yamabiko-token-create.1",
    ] {
        assert!(pages.join(page).exists(), "{page}");
    }
}

/// What the build script tells Cargo.
fn built(dir: &Path, variables: &[(&str, &str)]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = dir.join("build-script");
    if !program.exists() {
        let compiled = Command::new("rustc")
            .args(["--edition", "2024", "-o"])
            .args([&program, &root.join("src/build.rs")])
            .output()
            .unwrap();
        assert!(
            compiled.status.success(),
            "{}",
            String::from_utf8_lossy(&compiled.stderr)
        );
    }
    let output = Command::new(&program)
        .current_dir(root)
        .env("OUT_DIR", dir)
        .env("YAMABIKO_SKIP_UI", "1")
        .env_remove("YAMABIKO_REQUIRE_UI")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_shipped_is_not_built_without_the_web_interface() {
    let dir = tempfile::tempdir().unwrap();
    let told = built(dir.path(), &[]);
    assert!(
        told.contains("cargo::warning=") && !told.contains("cargo::error="),
        "{told}"
    );
    assert!(dir.path().join("ui/index.html").exists());
    let told = built(dir.path(), &[("YAMABIKO_REQUIRE_UI", "1")]);
    assert!(
        told.contains("cargo::error=the web interface could not be built: "),
        "{told}"
    );
    // The image and the package are built so.
    for file in ["packaging/Containerfile", "packaging/build-deb"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        assert!(text.contains("YAMABIKO_REQUIRE_UI=1"), "{file}");
    }
}

#[test]
fn the_image_has_the_authorities_that_postbacks_are_checked_against() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/Containerfile");
    let text = std::fs::read_to_string(file).unwrap();
    let (_, last) = text.rsplit_once("\nFROM ").unwrap();
    // The slim image has none, and every postback over https would fail.
    assert!(last.starts_with("docker.io/library/debian:"), "{last}");
    assert!(
        last.contains("COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/"),
        "{last}"
    );
}
