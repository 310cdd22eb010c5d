//! A configuration document over the command line and the API: what a save would refuse is refused, with its place,
//! and nothing of the document is taken over.

use crate::support::client::Client;
use crate::support::server::Setup;
use serde_json::{Value, json};

/// An offer, a partner and a rule, each good.
fn document() -> Value {
    json!({
        "format": "yamabiko-configuration-1",
        "offers": [{"id": "offer0000001", "name": "Shop", "destinations": {"default": "https://shop.example/lp"}}],
        "partners": [{"id": "media001", "name": "Media"}],
        "rules": [{
            "id": "rule0001",
            "scope": {"type": "partner", "partner": "media001"},
            "text": "https://media.example/pb?id=##PARA1##",
        }],
    })
}

/// Documents with one mistake each, and the place that is told.
fn mistakes() -> [(Value, &'static str); 3] {
    let mut address = document();
    address["rules"][0]["text"] = json!("http://169.254.169.254/pb?id=##PARA1##");
    let mut window = document();
    window["partners"][0]["attribution"] = json!({"web_window_days": 365});
    let mut twice = document();
    twice["partners"] = json!([{"id": "media001", "name": "Media"}, {"id": "media001", "name": "Other"}]);
    [
        (address, "rules[0].text"),
        (window, "partners[0].attribution.web_window_days"),
        (twice, "partners[1].id"),
    ]
}

fn import(setup: &Setup, document: &Value, arguments: &[&str]) -> (Option<i32>, String, String) {
    let file = setup.data_dir.with_extension("json");
    std::fs::write(&file, document.to_string()).unwrap();
    let name = file.display().to_string();
    let output = setup
        .command(&[&["import", &name], arguments].concat())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn objects(admin: &mut Client) -> usize {
    let lists = ["offers", "partners", "rules"];
    let count = |list: &str| {
        let page = admin.get(&format!("/api/v1/{list}")).ok();
        page["items"].as_array().unwrap().len()
    };
    lists.map(count).iter().sum()
}

fn is_applied(stdout: &str) -> bool {
    let summary: Value = serde_json::from_str(stdout).unwrap();
    summary["is_applied"].as_bool().unwrap()
}

#[test]
fn the_command_refuses_what_a_save_refuses_with_and_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&dir.path().join("data"));
    let server = setup.start();
    let mut admin = server.admin();
    let refused = |how: &str| {
        for (document, place) in mistakes() {
            for arguments in [&["--dry-run"][..], &[]] {
                let (code, stdout, stderr) = import(&setup, &document, arguments);
                assert_eq!(code, Some(1), "{how}, {place}: {stdout}{stderr}");
                assert!(stderr.contains(place), "{how}, {place}: {stderr}");
            }
        }
    };
    refused("running");
    assert_eq!(objects(&mut admin), 0);
    let (code, looked, _) = import(&setup, &document(), &["--dry-run"]);
    assert_eq!((code, is_applied(&looked)), (Some(0), false));
    assert_eq!(objects(&mut admin), 0);

    assert_eq!(server.terminate(), Some(0));
    refused("not running");
    let (code, done, _) = import(&setup, &document(), &[]);
    assert_eq!((code, is_applied(&done)), (Some(0), true));
    let server = setup.start();
    assert_eq!(objects(&mut admin.at(server.address())), 3);
    let (code, again, _) = import(&setup, &document(), &[]);
    assert_eq!((code, is_applied(&again)), (Some(0), true));
}

#[test]
fn the_api_refuses_what_a_save_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut admin = server.admin();
    for (document, place) in mistakes() {
        for dry_run in [true, false] {
            let body = json!({"text": document.to_string(), "dry_run": dry_run});
            let answer = admin.post_json("/api/v1/config/import", &body);
            assert_eq!(answer.status, 400, "{place}");
            let error: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(error["error"]["field"], place, "{error}");
        }
    }
    assert_eq!(objects(&mut admin), 0);
    let body = json!({"text": document().to_string()});
    let done = admin.post_json("/api/v1/config/import", &body).ok();
    assert_eq!(done["is_applied"], true, "{done}");
    assert_eq!(objects(&mut admin), 3);
}
