//! Who tries passwords keeps nobody else out: the owner comes in while others fail, from wherever they do.

use crate::support::client::{Answer, Client};
use crate::support::eventually;
use crate::support::owner::{LOGIN, PASSWORD, claim};
use crate::support::server::{Server, Setup};
use serde_json::json;
use std::time::Duration;

/// A browser at an address, that asks from our own pages.
fn at(server: &Server, address: &str) -> Client {
    server
        .client()
        .with_header("Sec-Fetch-Site", "same-origin")
        .with_header("X-Forwarded-For", address)
}

fn try_with(browser: &mut Client, login: &str, password: &str) -> Answer {
    browser.post_json("/api/v1/login", &json!({"login": login, "password": password}))
}

/// What a browser keeps of an answer beyond its login.
fn known(answer: &Answer) -> String {
    let cookies = answer
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let known = cookies.filter_map(|(_, cookie)| cookie.split(';').next());
    let known = known.filter(|cookie| cookie.starts_with("yamabiko-known="));
    known
        .map(str::to_owned)
        .next()
        .expect("a browser is known from now on")
}

struct Scene {
    _dir: tempfile::TempDir,
    setup: Setup,
    server: Server,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path()).env("YAMABIKO_TRUSTED_PROXIES", "127.0.0.1");
    let server = setup.start();
    claim(&server, &setup, PASSWORD);
    Scene {
        _dir: dir,
        setup,
        server,
    }
}

#[test]
fn nobody_else_keeps_a_known_browser_out_and_a_new_one_elsewhere_comes_in_too() {
    let scene = scene();
    let (server, setup) = (&scene.server, &scene.setup);
    let first = try_with(&mut at(server, "203.0.113.5"), LOGIN, PASSWORD);
    first.ok();
    let kept = known(&first);
    // The attack: from the owner's own network, from others, in every spelling of the name.
    let mut locked = 0;
    for n in 0..60 {
        let login = if n % 2 == 0 {
            LOGIN.to_owned()
        } else {
            LOGIN.to_uppercase()
        };
        for address in [format!("203.0.113.{n}"), format!("2001:db8:{n:x}::1")] {
            let answer = try_with(&mut at(server, &address), &login, "wrong password!");
            locked += usize::from(answer.status == 429);
            assert!([401, 429].contains(&answer.status), "{}", answer.text());
        }
    }
    assert!(locked >= 40, "{locked}");
    // The network is locked for newcomers, and says why and until when.
    let newcomer = try_with(&mut at(server, "203.0.113.5"), LOGIN, PASSWORD);
    assert_eq!(
        (newcomer.status, newcomer.error_code().as_str()),
        (429, "locked_network")
    );
    let wait: u64 = newcomer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // The known browser is let in, from anywhere, as often as it likes: successes count nowhere.
    for _ in 0..12 {
        let mut own = at(server, "203.0.113.5").with_header("Cookie", &kept);
        try_with(&mut own, LOGIN, PASSWORD).ok();
    }
    // A forged one is a newcomer, and so is that of somebody else's account.
    for forged in [
        "yamabiko-known=x.y.9999999999999.z".to_owned(),
        format!("{kept}x"),
    ] {
        let mut own = at(server, "203.0.113.5").with_header("Cookie", &forged);
        assert_eq!(
            try_with(&mut own, LOGIN, PASSWORD).error_code(),
            "locked_network",
            "{forged}"
        );
    }
    // Another network is open all the same.
    try_with(&mut at(server, "198.51.100.9"), LOGIN, PASSWORD).ok();
    // The known browser's own failures are bounded too, and its network's lock is none of theirs.
    let mut own = at(server, "203.0.113.5").with_header("Cookie", &kept);
    let statuses: Vec<u16> = (0..14)
        .map(|_| try_with(&mut own, LOGIN, "wrong password!").status)
        .collect();
    assert_eq!(statuses.iter().filter(|s| **s == 401).count(), 10, "{statuses:?}");
    assert_eq!(try_with(&mut own, LOGIN, PASSWORD).error_code(), "locked_browser");
    // At the server it is opened at once, and the audit log has it.
    let unlock = |name: &str| setup.command(&["admin", "unlock", name]).output().unwrap();
    assert!(!unlock("nobody@example.jp").status.success());
    let opened = unlock(LOGIN);
    assert!(
        opened.status.success(),
        "{}",
        String::from_utf8_lossy(&opened.stderr)
    );
    try_with(&mut own, LOGIN, PASSWORD).ok();
    try_with(&mut at(server, "203.0.113.200"), LOGIN, PASSWORD).ok();
    let mut owner = crate::support::owner::signed_in(server, &try_with(&mut own, LOGIN, PASSWORD)).0;
    eventually("the alert", Duration::from_secs(60), || {
        let open = owner.get("/api/v1/alerts").ok();
        open.to_string().contains("sign_in_attack").then_some(())
    });
}

#[test]
fn a_network_of_ipv6_locks_itself_and_nobody_else() {
    let scene = scene();
    let server = &scene.server;
    let mut statuses = Vec::new();
    for n in 0..150 {
        let mut browser = at(server, &format!("2001:db8:5:{n:x}::{n:x}"));
        statuses.push(try_with(&mut browser, &format!("user{n}"), "wrong password!").status);
    }
    let judged = statuses.iter().filter(|s| **s == 401).count();
    assert!((60..80).contains(&judged), "{judged}");
    try_with(&mut at(server, "2001:db8:6::1"), LOGIN, PASSWORD).ok();
}

#[test]
fn wrong_tokens_lock_no_login_and_a_flood_of_tries_leaves_a_known_browser_its_turn() {
    let scene = scene();
    let server = &scene.server;
    let first = try_with(&mut at(server, "192.0.2.1"), LOGIN, PASSWORD);
    let kept = known(&first);
    for _ in 0..60 {
        let mut program = at(server, "192.0.2.1").with_header("Authorization", "Bearer ymb_wrong");
        assert!([401, 429].contains(&program.get("/api/v1/me").status));
    }
    try_with(&mut at(server, "192.0.2.1"), LOGIN, PASSWORD).ok();
    // Each try of the flood is hashed; all from networks that failed nothing yet.
    std::thread::scope(|scope| {
        for part in 0..12 {
            scope.spawn(move || {
                for n in 0..8 {
                    let mut browser = at(server, &format!("100.{part}.{n}.1"));
                    let status = try_with(&mut browser, &format!("user{part}-{n}"), "wrong password!").status;
                    assert!([401, 503].contains(&status), "{status}");
                }
            });
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
        for _ in 0..5 {
            let mut own = at(server, "192.0.2.1").with_header("Cookie", &kept);
            try_with(&mut own, LOGIN, PASSWORD).ok();
        }
    });
}
