//! libcurl must use poll(): with select() every request fails once more than about a thousand descriptors are
//! open, which is any busy hour. `.cargo/config.toml` sets the flag; this holds it.

use crate::support::server::Setup;
use std::net::UdpSocket;

#[test]
fn the_client_works_with_more_than_1100_open_descriptors() {
    // The first check also raises the limit of open descriptors.
    yamabiko::wire::selftest::check().expect("the client works, and low descriptors are held by the check");
    let any = UdpSocket::bind("127.0.0.1:0").expect("socket");
    let held: Vec<_> = (0..1_100).map(|_| any.try_clone().expect("descriptor")).collect();
    yamabiko::wire::selftest::check().expect("the client works on high descriptors");
    drop(held);
}

#[test]
fn a_start_that_is_not_fit_for_many_descriptors_says_so_loudly_and_goes_on_saying_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path());
    setup.descriptors = Some(1_200);
    let server = setup.start();
    let log = server.log();
    let line = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|line| line["code"] == "few_descriptors")
        .unwrap_or_else(|| panic!("the log says nothing: {log}"));
    assert_eq!(line["level"], "ERROR");
    let sentence = line["error"].as_str().unwrap();
    assert!(sentence.contains("LimitNOFILE"), "what to do: {sentence}");
    let mut admin = server.admin();
    let system = admin.get("/api/v1/system").ok();
    assert_eq!(system["health"], "degraded");
    let checks = system["checks"].as_array().unwrap();
    assert!(
        checks
            .iter()
            .any(|c| c["name"] == "http_client" && c["is_ok"] == false && c["message"] == sentence),
        "{checks:?}"
    );
    // Clicks and conversions are taken all the same.
    assert_eq!(server.client().get("/readyz").status, 200);
    drop(server);
    setup.descriptors = None;
    let system = setup.start().admin().get("/api/v1/system").ok();
    assert_eq!(system["health"], "ok", "{}", system["checks"]);
}
