//! The OpenAPI document is one that others accept, and true: a public validator reads it, a client that a public
//! generator made of it does the main job, and what the tracking endpoints answer is what it says.

use crate::support::app::{App, IDFA, now_s};
use crate::support::client::Answer;
use crate::support::receiver::Receiver;
use crate::support::scene::BROWSER;
use crate::support::server::Setup;
use crate::support::skip;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A program that `tests/run` installs.
fn tool(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/openapi-tools/bin")
        .join(name);
    if !path.exists() {
        skip(&format!("{name} is not installed: tests/run does it"));
        return None;
    }
    Some(path)
}

/// What a script of ours, run by the Python beside the tools, says.
fn script(name: &str, arguments: &[&str], dir: &Path) -> Option<Output> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/openapi")
        .join(name);
    let mut command = Command::new(tool("python")?);
    command.arg("-B").arg(file).args(arguments).env("PYTHONPATH", dir);
    Some(command.output().unwrap())
}

/// All that a program said; it has to have succeeded.
fn said(output: &Output) -> String {
    let said = [&*output.stdout, &*output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    said.into_owned()
}

fn written(dir: &Path, name: &str, content: &Value) -> String {
    let file = dir.join(name);
    std::fs::write(&file, content.to_string()).unwrap();
    file.display().to_string()
}

#[test]
fn a_public_validator_accepts_the_document() {
    let Some(program) = tool("openapi-spec-validator") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = written(dir.path(), "openapi.json", &yamabiko::http::api::document());
    said(&Command::new(program).arg(&file).output().unwrap());
}

#[test]
fn a_client_that_a_public_generator_made_does_the_main_job() {
    let Some(program) = tool("openapi-python-client") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(&dir.path().join("data")).start(), Receiver::start());
    let mut admin = server.admin();
    let document = admin.get("/api/openapi.json").ok();
    let file = written(dir.path(), "openapi.json", &document);
    let made = dir.path().join("made");
    let mut command = Command::new(&program);
    command.args(["generate", "--meta", "none", "--path", &file]);
    command.arg("--output-path").arg(&made);
    // It puts its code in order with a program beside it.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", program.parent().unwrap().display()));
    let told = said(&command.output().unwrap());
    // All that it does not know are files in a body, and pictures.
    for line in told.lines().filter(|line| line.contains("nsupported")) {
        assert!(line.contains("text/csv") || line.contains("image/gif"), "{told}");
    }
    for fault in ["Unable to", "Could not", "Invalid", "removal of"] {
        assert!(!told.contains(fault), "{fault}: {told}");
    }

    let token = json!({"name": "generated", "scope": "admin"});
    let token = admin.post_json("/api/v1/tokens", &token).ok();
    let (address, url) = (format!("http://{}", server.address()), receiver.url("/pb"));
    let arguments = [&*address, token["secret"].as_str().unwrap(), &url];
    let done = said(&script("main_job.py", &arguments, dir.path()).unwrap());
    let postback: Value = serde_json::from_str(&done).unwrap();
    assert!(postback.to_string().contains("amount=1000"), "{postback}");
    let arrival = &receiver.arrivals()[0];
    let value = |name| arrival.query_value(name).unwrap_or_default();
    assert_eq!(
        [value("id"), value("amount"), value("payout")],
        ["c-1", "1000", "500"]
    );
}

/// The addresses that the sources serve to the public.
fn served() -> BTreeSet<String> {
    let mut paths = BTreeSet::from([
        "/c/{link}".to_owned(),
        "/i/{link}".to_owned(),
        "/c/cbtest".to_owned(),
    ]);
    for file in [
        "tracking/mod.rs",
        "tracking/conversion.rs",
        "tracking/s2s.rs",
        "health.rs",
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http").join(file);
        let text = std::fs::read_to_string(file).unwrap();
        for begin in ["resource(\"/", "endpoint!(\"/"] {
            let found = text.split(begin).skip(1);
            paths.extend(found.map(|rest| format!("/{}", rest.split('"').next().unwrap())));
        }
    }
    let apples = paths
        .iter()
        .find(|path| path.contains(".well-known"))
        .cloned()
        .unwrap();
    paths.remove(&apples);
    let (before, rest) = apples.split_once("{kind:").unwrap();
    let (kinds, after) = rest.split_once('}').unwrap();
    paths.extend(kinds.split('|').map(|kind| format!("{before}{kind}{after}")));
    paths
}

#[test]
fn every_public_address_is_in_the_document_and_no_other() {
    let document = yamabiko::http::api::document();
    let paths = document["paths"].as_object().unwrap().keys();
    let said: BTreeSet<String> = paths.filter(|path| !path.starts_with("/api/")).cloned().collect();
    assert_eq!(served(), said);
}

/// Requests of every public operation, answered well and badly: operation, target, headers, body.
type Asked = (&'static str, String, Vec<(&'static str, &'static str)>, String);

fn of_sites(app: &App, link: &str) -> Vec<Asked> {
    let (browser, json) = (("User-Agent", BROWSER), ("Content-Type", "application/json"));
    let site = ("Origin", "https://shop.example");
    let asked = |operation, target: &str, headers, body: &str| {
        (operation, target.to_owned(), headers, body.to_owned())
    };
    let plain = |operation, target: &str| asked(operation, target, vec![browser], "");
    let sid = app.click(link, "param1=c-1");
    vec![
        plain("get /c/{link}", &format!("/c/{link}")),
        plain("get /c/{link}", &format!("/c/{link}?s2s=1")),
        plain("get /c/{link}", "/c/nosuch"),
        plain(
            "get /c/cbtest",
            "/c/cbtest?callback=https%3A%2F%2Fshop.example%2F%3Fa%3D%7Badid%7D",
        ),
        plain("get /c/cbtest", "/c/cbtest?callback=nothing"),
        plain("get /i/{link}", &format!("/i/{link}")),
        plain("get /i/{link}", &format!("/i/{link}?s2s=1")),
        plain("get /i/{link}", "/i/nosuch"),
        asked(
            "post /d/{link}",
            &format!("/d/{link}"),
            vec![browser, site],
            "param1=c-2",
        ),
        asked(
            "post /d/{link}",
            &format!("/d/{link}"),
            vec![browser],
            "param1=c-2",
        ),
        asked("post /d/{link}", "/d/nosuch", vec![browser, site], ""),
        plain("get /cv", &format!("/cv?sid={sid}&uid1=A-1&amount=5")),
        plain("get /cv", &format!("/cv?sid={sid}&uid1=A-1&amount=5")),
        plain("get /cv", "/cv?sid=0000000000000000"),
        plain("get /cv", &format!("/cv?sid={sid}&amount=1,000")),
        asked(
            "post /cv",
            "/cv",
            vec![json],
            &format!(r#"{{"sid":"{sid}","uid1":"A-2"}}"#),
        ),
        asked("post /cv", "/cv", vec![json], "{"),
        plain("get /cv.gif", &format!("/cv.gif?sid={sid}&uid1=A-3")),
        plain("get /cv.gif", "/cv.gif?sid=no&amount=x"),
        plain("get /tag.js", "/tag.js"),
        plain("get /healthz", "/healthz"),
        plain("get /readyz", "/readyz"),
        plain("get /metrics", "/metrics"),
    ]
}

fn of_apps(app: &App) -> Vec<Asked> {
    let token = format!("s2s=1&app_token={}", app.token);
    let forms = [("Content-Type", "application/x-www-form-urlencoded")];
    let asked = |operation: &'static str, fields: String| {
        let path = operation.split(' ').next_back().unwrap();
        match operation.starts_with("get") {
            true => (operation, format!("{path}?{fields}"), Vec::new(), String::new()),
            false => (operation, path.to_owned(), forms.to_vec(), fields),
        }
    };
    let device = format!("{token}&idfa={IDFA}");
    let claim = format!("{device}&tracker={}&engagement_time={}", app.link, now_s() - 60);
    let of_event = format!("{device}&event_token={}&revenue=3&currency=JPY", app.purchase);
    let revenue = format!("{device}&source=network&revenue=0.1&currency=USD");
    let cost = "cost_id=cost-0123456789&cost_type=cpc&cost_amount=0.35&cost_currency=usd".to_owned();
    let known = [
        asked("post /session", device.clone()),
        asked("get /session", device.clone()),
        asked("post /event", of_event.clone()),
        asked("get /event", of_event),
        asked("post /ad_revenue", revenue.clone()),
        asked("get /ad_revenue", revenue),
        asked("get /attribution", device.clone()),
        asked("post /attribution", device.clone()),
        asked("post /claim", claim.clone()),
        asked("get /claim", claim),
        asked("post /cost", cost.clone()),
        asked("get /cost", cost.replace("0123456789", "unknown001")),
        asked("post /uninstall", device.clone()),
        asked("get /uninstall", device.clone()),
        asked("post /gdpr_forget_device", device.clone()),
        asked("get /gdpr_forget_device", device.clone()),
    ];
    let wrong = known
        .clone()
        .map(|(operation, ..)| asked(operation, "app_token=nosuchapp001".to_owned()));
    let json = vec![("Content-Type", "application/json")];
    let unreadable = ("post /event", "/event".to_owned(), json, "{".to_owned());
    known.into_iter().chain(wrong).chain([unreadable]).collect()
}

fn of_apple() -> Vec<Asked> {
    let json = vec![("Content-Type", "application/json")];
    ["skadnetwork", "appattribution"]
        .into_iter()
        .zip([
            "post /.well-known/skadnetwork/report-attribution",
            "post /.well-known/appattribution/report-attribution",
        ])
        .flat_map(|(kind, operation)| {
            let path = format!("/.well-known/{kind}/report-attribution");
            let of_apple = [crate::app::SKAN, "{"];
            of_apple.map(|body| (operation, path.clone(), json.clone(), body.to_owned()))
        })
        .collect()
}

#[test]
fn what_is_answered_to_the_public_is_what_the_document_says() {
    let mut app = App::new(json!({}));
    let mut partner = app.admin.get(&format!("/api/v1/partners/{}", app.partner)).ok();
    partner["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    let at = format!("/api/v1/partners/{}", app.partner);
    app.admin.json("PUT", &at, &partner).ok();
    let site = json!({
        "name": "Shop",
        "destinations": {"default": "https://shop.example/lp"},
        "events": [{"name": "purchase"}],
        "sites": ["https://shop.example"],
    });
    let site = app.admin.post_json("/api/v1/offers", &site).ok();
    let link = json!({"offer": site["id"], "partner": app.partner, "network": "Media"});
    let link = app.admin.post_json("/api/v1/links", &link).ok();
    app.click(&app.link, "cost_id=cost-0123456789");

    let mut asked = of_sites(&app, link["token"].as_str().unwrap());
    asked.extend(of_apps(&app));
    asked.extend(of_apple());
    let mut answers = Vec::new();
    let mut client = app.server.client();
    let mut well = BTreeSet::new();
    for (operation, target, headers, body) in &asked {
        let method = operation.split(' ').next().unwrap().to_uppercase();
        let answer: Answer = client.send(&method, target, headers, body.as_bytes());
        if answer.status < 400 {
            well.insert(*operation);
        }
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        answers.push(json!([operation, answer.status, kind, answer.text()]));
    }
    // What is stopped leads elsewhere without a session.
    let mut stopped = app
        .admin
        .get(&format!("/api/v1/offers/{}", site["id"].as_str().unwrap()))
        .ok();
    stopped["stop"] = json!({"from_ms": 0});
    app.admin
        .json(
            "PUT",
            &format!("/api/v1/offers/{}", site["id"].as_str().unwrap()),
            &stopped,
        )
        .ok();
    let target = format!("/c/{}?s2s=1", link["token"].as_str().unwrap());
    let answer = client.get(&target);
    assert_eq!(answer.json()["is_stopped"], true);
    answers.push(json!([
        "get /c/{link}",
        answer.status,
        "application/json",
        answer.text()
    ]));

    let document = app.admin.get("/api/openapi.json").ok();
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        operations.extend(methods.map(|method| format!("{method} {path}")));
    }
    operations.retain(|operation| !operation.contains(" /api/"));
    let well: BTreeSet<String> = well.into_iter().map(str::to_owned).collect();
    let expected: BTreeSet<String> = operations
        .into_iter()
        .filter(|operation| operation != "get /cost")
        .collect();
    assert_eq!(well, expected, "each is asked so that it succeeds");
    let document = written(app.dir.path(), "openapi.json", &document);
    let answers = written(app.dir.path(), "answers.json", &answers.into());
    if let Some(output) = script("answers.py", &[&document, &answers], app.dir.path()) {
        said(&output);
    }
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
