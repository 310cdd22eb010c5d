//! Certificates by themselves: against Let's Encrypt's server for tests with its faults on, and against a small
//! authority that says when to renew, which that one does not.

mod authority;

use crate::support::eventually;
use crate::support::pebble::{Pebble, curl};
use crate::support::proxy::free_address;
use crate::support::server::{Server, Setup};
use crate::support::skip;
use authority::Stand;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);
const NAMES: [&str; 2] = ["a.yamabiko.example", "b.yamabiko.example"];

const BUSINESS: &str = r#"format = "yamabiko-configuration-1"

[[offers]]
id = "shop"
name = "Shop"
destinations = { default = "https://shop.example/lp" }
events = [{ name = "purchase" }]

[[partners]]
id = "media"
name = "Media"

[[links]]
token = "mylink01"
offer = "shop"
partner = "media"
network = "Media"
"#;

fn setup(dir: &Path, directory: &str, tls: SocketAddr) -> Setup {
    let binary = env!("CARGO_BIN_EXE_yamabiko");
    let words = [binary, "serve", "--listen", &tls.to_string()].map(str::to_owned);
    Setup::new(dir)
        .env("YAMABIKO_ACME_ENABLED", "true")
        .env("YAMABIKO_ACME_DOMAINS", &NAMES.join(","))
        .env("YAMABIKO_ACME_DIRECTORY", directory)
        .served_by(words.to_vec())
}

fn with_pebble(setup: Setup, pebble: &Pebble) -> Setup {
    setup.env("YAMABIKO_DELIVERY_CA_FILE", pebble.ca_file().to_str().unwrap())
}

fn is_good(root: &Path, name: &str, address: SocketAddr) -> bool {
    let url = format!("https://{name}:{}/healthz", address.port());
    curl(root, &url, name, address).is_some_and(|got| {
        assert_eq!(got.version, "2", "HTTP/2 over TLS");
        got.status == 200
    })
}

fn all_good(server: &Server, pebble: &Pebble, address: SocketAddr) {
    let root = pebble.root();
    for name in NAMES {
        let end = Instant::now() + LONG;
        while !is_good(&root, name, address) {
            assert!(
                Instant::now() < end,
                "{name} has no certificate:\n{}",
                server.log()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn certificates_are_got_over_http_and_restarts_order_nothing() {
    let (tls, http) = (free_address(), free_address());
    let Some(pebble) = Pebble::start(http, tls) else {
        return skip("pebble is not installed: apt-get install pebble");
    };
    let dir = tempfile::tempdir().unwrap();
    let setup = with_pebble(setup(dir.path(), &pebble.directory(), tls), &pebble)
        .env("YAMABIKO_TLS_HTTP_LISTEN", &http.to_string());
    let mut server = setup.start();
    all_good(&server, &pebble, tls);
    let orders = pebble.orders();
    assert_eq!(orders, NAMES.len());
    let root = pebble.root();
    for _ in 0..5 {
        server.restart();
        for name in NAMES {
            assert!(
                is_good(&root, name, tls),
                "{name} has its certificate from the first moment on"
            );
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(pebble.orders(), orders, "nothing was ordered again");
    told_at_home(&setup, tls, &root);
    other_address(&setup, (tls, http), &root);
}

/// Where an operator looks.
fn told_at_home(setup: &Setup, tls: SocketAddr, root: &Path) {
    let listed = setup.command(&["certificates", "list"]).output().unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in NAMES {
        assert!(text.contains(&format!("{name}: good until 20")), "{text}");
    }
    assert!(listed.status.success(), "{text}");
    let doctor = setup.command(&["doctor"]).output().unwrap();
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        text.contains("PASS  certificate: a.yamabiko.example: good until"),
        "{text}"
    );
    let health = setup.command(&["healthcheck"]).output().unwrap();
    assert!(
        health.status.success(),
        "{}",
        String::from_utf8_lossy(&health.stderr)
    );
    let metrics = std::process::Command::new("curl")
        .args(["-sS", "--cacert"])
        .arg(root)
        .args(["--resolve", &format!("{}:{}:127.0.0.1", NAMES[0], tls.port())])
        .args(["-H", "Host: localhost"])
        .arg(format!("https://{}:{}/metrics", NAMES[0], tls.port()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&metrics.stdout).into_owned();
    let metric = "yamabiko_certificate_not_after_timestamp_seconds{name=\"b.yamabiko.example\"} ";
    assert!(text.contains(metric), "{text}");
}

/// Without TLS people are sent away, servers and pixels are answered.
fn other_address(setup: &Setup, (tls, http): (SocketAddr, SocketAddr), root: &Path) {
    let (file, link) = (setup.data_dir.join("business.toml"), "mylink01");
    std::fs::write(&file, BUSINESS).unwrap();
    let imported = setup
        .command(&["import", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
    let name = NAMES[0];
    let plain = |path: &str| {
        curl(root, &format!("http://{name}:{}{path}", http.port()), name, http).expect("an answer")
    };
    let click = plain(&format!("/c/{link}?param1=x"));
    assert_eq!(click.status, 308);
    assert_eq!(
        click.location,
        format!("https://{name}:{}/c/{link}?param1=x", tls.port())
    );
    assert_eq!(plain("/").location, format!("https://{name}:{}/", tls.port()));
    assert_eq!(plain(&format!("/c/{link}?s2s=1")).status, 200);
    assert_eq!(plain(&format!("/i/{link}")).status, 200);
    assert_eq!(plain("/cv.gif?sid=none").status, 200);
    assert_eq!(plain("/.well-known/acme-challenge/none").status, 404);
    assert_eq!(plain("/healthz").status, 200);
    // A name without a certificate is not sent where browsers would stop.
    let other = curl(
        root,
        &format!("http://c.example:{}/c/{link}", http.port()),
        "c.example",
        http,
    );
    assert_eq!(other.expect("an answer").status, 302);
}

#[test]
fn certificates_are_got_over_tls_alone_and_a_kill_in_between_orders_nothing_twice() {
    let (tls, nobody) = (free_address(), free_address());
    let Some(pebble) = Pebble::start(nobody, tls) else {
        return skip("pebble is not installed: apt-get install pebble");
    };
    let dir = tempfile::tempdir().unwrap();
    let setup = with_pebble(setup(dir.path(), &pebble.directory(), tls), &pebble);
    let mut server = setup.start();
    eventually(
        &format!("an order is under way: {}", pebble.log().display()),
        LONG,
        || server.log().contains("a certificate was ordered").then_some(()),
    );
    server.kill();
    server = setup.start();
    all_good(&server, &pebble, tls);
    // Where the authority looked while nobody was there to answer, it gave the order up, and one more is needed.
    let orders = pebble.orders();
    assert!(
        (NAMES.len()..=NAMES.len() + 1).contains(&orders),
        "{orders}: {}",
        server.log()
    );
}

#[test]
fn the_authority_says_when_to_renew_and_what_is_replaced_is_named() {
    let stand = Stand::start();
    let dir = tempfile::tempdir().unwrap();
    // The first certificate is to be renewed at once, the second one later.
    stand.suggest(-2, -1);
    let setup = setup(dir.path(), &stand.directory(), free_address()).env("YAMABIKO_ACME_DOMAINS", NAMES[0]);
    let mut server = setup.start();
    eventually("it is renewed", LONG, || {
        if stand.orders() == 1 && stand.asked() == 1 {
            stand.suggest(30, 31);
        }
        (stand.issued() == 2 && stand.asked() == 2).then_some(())
    });
    let replaced = stand.replaced();
    assert_eq!(replaced.len(), 1, "{replaced:?}");
    assert_eq!(replaced[0], stand.first_id());
    for _ in 0..3 {
        server.restart();
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(
        (stand.orders(), stand.asked()),
        (2, 2),
        "nothing before its time: {}",
        server.log()
    );
}

#[test]
fn a_refusal_is_waited_out_over_restarts_and_tried_again_when_told() {
    let stand = Stand::start();
    stand.refuse(true);
    let dir = tempfile::tempdir().unwrap();
    let setup = setup(dir.path(), &stand.directory(), free_address()).env("YAMABIKO_ACME_DOMAINS", NAMES[0]);
    let mut server = setup.start();
    eventually("it is refused", LONG, || {
        server.log().contains("no certificate could be got").then_some(())
    });
    for _ in 0..3 {
        server.restart();
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(stand.orders(), 1, "{}", server.log());
    let listed = setup.command(&["certificates", "list"]).output().unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        text.contains("there is no certificate yet; the last try failed: ") && text.contains("too many"),
        "{text}"
    );
    stand.refuse(false);
    let retried = setup.command(&["certificates", "retry"]).output().unwrap();
    assert!(retried.status.success());
    eventually("it is got", LONG, || (stand.issued() == 1).then_some(()));
}

#[test]
fn the_proof_stays_while_the_authority_may_look_for_it() {
    let (stand, http) = (Stand::start(), free_address());
    stand.look_at(http);
    let dir = tempfile::tempdir().unwrap();
    let setup = setup(dir.path(), &stand.directory(), free_address())
        .env("YAMABIKO_ACME_DOMAINS", NAMES[0])
        .env("YAMABIKO_TLS_HTTP_LISTEN", &http.to_string());
    let server = setup.start();
    eventually("the order is over", LONG, || {
        let is_refused = server.log().contains("no certificate could be got");
        (stand.issued() == 1 || stand.orders() > 1 || is_refused).then_some(())
    });
    assert_eq!(
        (stand.issued(), stand.orders()),
        (1, 1),
        "the proof was gone: {}",
        server.log()
    );
}
