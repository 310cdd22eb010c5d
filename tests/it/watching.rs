//! Watching from outside: a real Prometheus scrapes an instance under load, and has something to say to every
//! expression of the shipped rules and of the dashboard; the log names who was not reached.

use crate::support::eventually;
use crate::support::proxy::free_address;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::Scene;
use crate::support::server::{Server, Setup};
use crate::support::skip;
use serde_json::Value;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/monitoring")
        .join(name)
}

struct Prometheus {
    child: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Prometheus {
    fn start(server: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = std::fs::read_to_string(shipped("prometheus.yml")).unwrap();
        assert!(config.contains("127.0.0.1:8080"));
        let config = config.replace("127.0.0.1:8080", &server.to_string()).replace(
            "yamabiko.rules.yml",
            shipped("yamabiko.rules.yml").to_str().unwrap(),
        );
        let file = dir.path().join("prometheus.yml");
        let global = "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n";
        std::fs::write(&file, format!("{global}{config}")).unwrap();
        let address = free_address();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus");
        Self {
            child,
            address,
            _dir: dir,
        }
    }

    fn get(&self, path: &str, query: &str) -> Option<Value> {
        let output = Command::new("curl")
            .args([
                "-sS",
                "-m",
                "10",
                "-G",
                "--data-urlencode",
                &format!("query={query}"),
            ])
            .arg(format!("http://{}{path}", self.address))
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    /// The series of an expression.
    fn query(&self, expression: &str) -> Vec<Value> {
        let answer = self.get("/api/v1/query", expression).unwrap_or_default();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn load(server: &Server, receiver: &Receiver) {
    let mut scene = Scene::build(server, receiver);
    receiver.behave(Behaviour::status(500));
    for n in 0..5 {
        let sid = scene.click(server, &format!("c{n}"));
        let sold = server
            .client()
            .post_form("/cv", &format!("sid={sid}&uid1=o-{n}&amount=100"));
        assert_eq!(sold.status, 200, "{}", sold.text());
    }
    receiver.wait_for_count(5, SOON);
    receiver.behave(Behaviour::status(200));
    let sid = scene.click(server, "well");
    server
        .client()
        .post_form("/cv", &format!("sid={sid}&uid1=o-well&amount=100"));
    scene.admin.get("/api/v1/offers").ok();
}

fn promtool(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    said
}

/// Names of metrics in an expression.
fn names(expression: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expression
        .split(|c: char| !is_word(c))
        .filter(|word| word.starts_with("yamabiko_") || word.starts_with("process_"))
        .collect()
}

#[test]
fn prometheus_understands_every_metric_rule_and_panel() {
    if Command::new("promtool").arg("--version").output().is_err() {
        return skip("prometheus is not installed: apt-get install prometheus");
    }
    let (dir, bucket) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (receiver, sink) = (Receiver::start(), Receiver::start());
    let setup = Setup::new(dir.path())
        .env("YAMABIKO_ARCHIVE_DIRECTORY", &bucket.path().display().to_string())
        .env("YAMABIKO_STREAM_URL", &sink.url("/in"));
    let server = setup.start();
    let fresh = server.client().get("/metrics").text();
    for zero in [
        "yamabiko_clicks_total{result=\"lost\"} 0",
        "yamabiko_activities_total{kind=\"event\",result=\"refused\"} 0",
        "yamabiko_postbacks_failed_total{reason=\"exhausted\"} 0",
        "yamabiko_http_requests_total{endpoint=\"cv\",code=\"5xx\"} 0",
    ] {
        assert!(fresh.contains(zero), "{zero}:\n{fresh}");
    }
    let prometheus = Prometheus::start(server.address());
    load(&server, &receiver);
    promtool(&["check", "metrics"], &server.client().get("/metrics").text());
    promtool(
        &["check", "rules", shipped("yamabiko.rules.yml").to_str().unwrap()],
        "",
    );
    let cases = include_str!("../fixtures/monitoring.test.yml");
    let cases = cases.replace("RULES", shipped("yamabiko.rules.yml").to_str().unwrap());
    let file = dir.path().join("cases.yml");
    std::fs::write(&file, cases).unwrap();
    promtool(&["test", "rules", file.to_str().unwrap()], "");

    let up = "up{job=\"yamabiko\"} == 1 and on (instance) sum by (instance) (yamabiko_destination_attempts_total{outcome=\"answered\"}) >= 5";
    eventually("it is scraped under load", SOON, || {
        std::thread::sleep(Duration::from_millis(200));
        let answer = prometheus.get("/api/v1/query", up)?;
        (!answer["data"]["result"].as_array()?.is_empty()).then_some(())
    });
    let board = std::fs::read_to_string(shipped("grafana-dashboard.json")).unwrap();
    let board: Value = serde_json::from_str(&board).unwrap();
    let targets = board["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let panels = targets.map(|target| {
        target["expr"]
            .as_str()
            .unwrap()
            .replace("$__rate_interval", "1m")
            .replace("$instance", ".*")
    });
    let rules = prometheus.get("/api/v1/rules", "").unwrap();
    let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap().clone();
    assert!(rules.len() > 10);
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    let expressions = panels.chain(
        rules
            .iter()
            .map(|rule| rule["query"].as_str().unwrap().to_owned()),
    );
    // Certificates are not in use here, and no backup is an hour old.
    let absent = [
        "yamabiko_certificate_not_after_timestamp_seconds",
        "yamabiko_backup_age_seconds",
    ];
    for expression in expressions {
        prometheus.query(&expression);
        for name in names(&expression) {
            let is_there = !prometheus.query(name).is_empty() || absent.contains(&name);
            assert!(is_there, "{name} of {expression} does not exist");
        }
    }
}

#[test]
fn the_log_names_whom_a_postback_did_not_reach_and_when_a_destination_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    load(&server, &receiver);
    let destination = format!("http://{}", receiver.address());
    let line = eventually("a failed attempt is told", SOON, || {
        let log = server.log();
        log.lines()
            .find(|line| line.contains("attempt_failed"))
            .map(str::to_owned)
    });
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["partner"], &line["destination"]),
        (&Value::from("Media"), &Value::from(destination))
    );
    assert_eq!(line["failure"], "it answered 500");
}

#[test]
fn a_destination_that_is_left_alone_and_one_that_is_back_are_a_line_each() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let scene = Scene::build(&server, &receiver);
    receiver.behave(Behaviour::ResetInHead);
    let sell = |n: u32| {
        let sid = scene.click(&server, &format!("c{n}"));
        let sale = format!("sid={sid}&uid1=o-{n}&amount=100");
        server.client().post_form("/cv", &sale).ok();
    };
    (0..8).for_each(sell);
    let lines = |code: &str| -> Vec<Value> {
        let log = server.log();
        let told = log.lines().filter(|line| line.contains(code));
        told.map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    eventually("the destination is left alone", SOON, || {
        (!lines("lane_opened").is_empty()).then_some(())
    });
    receiver.behave(Behaviour::status(200));
    eventually("the destination is back", SOON, || {
        (!lines("lane_recovered").is_empty()).then_some(())
    });
    (8..10).for_each(sell);
    // Whatever was to be told of it has been told once everything is delivered.
    let mut admin = server.admin();
    eventually("everything is delivered", SOON, || {
        let done = admin.get("/api/v1/postbacks?state=delivered&limit=50").ok();
        (done["items"].as_array()?.len() == 10).then_some(())
    });
    for code in ["lane_opened", "lane_recovered"] {
        let told = lines(code);
        assert_eq!(told.len(), 1, "{told:?}");
        let destination = format!("http://{}", receiver.address());
        assert_eq!(told[0]["destination"], Value::from(destination));
    }
}
