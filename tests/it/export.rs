//! Files of raw data, read by engines that exist: every row once, through kills in the middle of an hour and of writing,
//! and sums that are those of the reports.

use crate::raw_docs::{statements, written};
use crate::support::engines::python;
use crate::support::load::{Load, from_env, random};
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::Scene;
use crate::support::server::Setup;
use crate::support::{eventually, skip};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use yamabiko::app::Core;
use yamabiko::clock::Clock;
use yamabiko::config::Config;
use yamabiko::domain::activity::ConversionStatus;
use yamabiko::domain::ids::SessionId;
use yamabiko::domain::session::{EngagementKind, Session};
use yamabiko::export::Export;
use yamabiko::store::keys;
use yamabiko::tracking::caller::Caller;
use yamabiko::tracking::conversion::{ConversionRequest, Sid};
use yamabiko::tracking::{engagement, erasure, record_conversion, status};
use yamabiko::wire::{Client, ClientOptions};

const PATIENCE: Duration = Duration::from_secs(120);
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn now_ms() -> i64 {
    Clock::System.now_ms()
}

/// The store of a server that does not run, under a clock of ours, and its files.
struct Bench {
    core: Core,
    export: Export,
    clock: Clock,
}

impl Bench {
    fn open(dir: &Path, raw: &Path, at_ms: i64) -> Self {
        Self::with(config(dir, raw), at_ms)
    }

    fn with(config: Config, at_ms: i64) -> Self {
        let config = Arc::new(config);
        let clock = Clock::fixed(at_ms);
        let core = Core::open(config, clock.clone()).unwrap();
        let client = Arc::new(Client::start(&ClientOptions::default()).unwrap());
        let export = Export::start(&core.config.export, &core.recorder, client)
            .unwrap()
            .unwrap();
        Self { core, export, clock }
    }

    fn close(self) {
        self.export.stop();
        self.core.close();
    }

    /// Everything up to the hour of a time is in files.
    fn wait_until(&self, at_ms: i64) {
        eventually("the hours are written", PATIENCE, || {
            let status = self.export.status();
            assert!(status.trouble.is_none(), "{status:?}");
            (status.until_ms >= at_ms).then_some(())
        });
    }

    /// A click of now; gives it.
    fn click(&self, link: &str, n: u64) -> Session {
        let catalog = self.core.recorder.catalog();
        let entry = &catalog.links[link];
        let session = Session {
            id: SessionId::new(self.clock.now_ms(), rand_of(n)),
            kind: EngagementKind::Click,
            link: entry.link.token.clone(),
            offer: entry.offer.id.clone(),
            partner: entry.partner.as_ref().map(|partner| partner.id.clone()),
            names: vec![entry.link.network.clone(), format!("campaign{}", n % 3)],
            tuid: format!("visitor-{n}"),
            ip: "203.0.113.0".into(),
            ip_hash: n,
            user_agent: "Mozilla/5.0".into(),
            referer: "https://media.example/".into(),
            device: Default::default(),
            geo: Default::default(),
            para: [
                "n".into(),
                "日本".into(),
                String::new(),
                String::new(),
                String::new(),
            ],
            label: String::new(),
            device_ids: vec![("idfa".into(), format!("device-{n}"))],
            parameters: Vec::new(),
            callbacks: Vec::new(),
            cost: Vec::new(),
            destination: "https://shop.example/lp".into(),
            flags: Default::default(),
        };
        let recorded = engagement::record(&self.core.recorder, session.clone()).unwrap();
        recorded.blocking_recv().unwrap();
        session
    }

    fn convert(&self, session: &Session, n: u64) -> yamabiko::domain::ids::ActivityId {
        let mut request = ConversionRequest {
            sid: Some(Sid::Id(session.id)),
            amount: Some(format!("{}.25", n % 997).parse().unwrap()),
            currency: Some("USD".parse().unwrap()),
            ..ConversionRequest::default()
        };
        request.uids[0] = format!("past-{n}");
        let caller = Caller::operator(IpAddr::V4(Ipv4Addr::LOCALHOST), "curl".into());
        let recorder = &self.core.recorder;
        let decided = recorder.run_blocking(move |group| record_conversion::decide(&request, &caller, group));
        drop(decided.unwrap().unwrap());
        let mut found = None;
        let range = keys::activities_between(self.clock.now_ms(), self.clock.now_ms() + 1);
        let db = keys::Db::activities(self.clock.now_ms());
        recorder
            .reader()
            .scan(db, &range, false, |key, _| {
                found = keys::parse_activity(key);
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        found.expect("the conversion")
    }

    fn decide(&self, id: yamabiko::domain::ids::ActivityId, to: ConversionStatus) {
        let recorder = &self.core.recorder;
        let changed =
            recorder.try_run_blocking(move |group| status::change(group, id, Some(to), None, "owner"));
        changed.unwrap().unwrap();
    }
}

fn rand_of(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24
}

fn config(dir: &Path, raw: &Path) -> Config {
    let environment = [
        ("YAMABIKO_DATA_DIR", dir.display().to_string()),
        ("YAMABIKO_EXPORT_DIRECTORY", raw.display().to_string()),
        ("YAMABIKO_STORE_BALLAST_MB", "1".into()),
        ("YAMABIKO_STORE_JOURNAL_SEGMENT_MB", "4".into()),
    ];
    let sources = yamabiko::config::Sources {
        environment: environment.map(|(name, value)| (name.into(), value)).into(),
        ..Default::default()
    };
    yamabiko::config::load(&sources).unwrap().config
}

fn setup(dir: &Path, raw: &Path) -> Setup {
    Setup::new(dir).env("YAMABIKO_EXPORT_DIRECTORY", &raw.display().to_string())
}

/// Rows of texts.
type Answer = Vec<Vec<Option<String>>>;

/// What each statement gives in an engine, behind the views of the page.
fn ask(engine: &str, raw: &Path, asked: &[String]) -> Vec<Answer> {
    let python = python().expect("engines");
    let dir = tempfile::tempdir().unwrap();
    let name = if engine == "duckdb" {
        "DuckDB"
    } else {
        "ClickHouse"
    };
    let mut all = statements(&written(&format!("views of {name}")));
    // An engine refuses a view of no file at all.
    let is_there = |sql: &String| {
        let table = sql.split("RAW/").nth(1).and_then(|rest| rest.split('/').next());
        table.is_none_or(|table| raw.join(table).exists())
    };
    all.retain(is_there);
    all.extend(statements(&written("views of both")));
    let views = all.len();
    all.extend(asked.iter().cloned());
    let all: Vec<String> = all
        .iter()
        .map(|sql| sql.replace("RAW/", &format!("{}/", raw.display())))
        .collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/raw_data.py");
    let mut child = Command::new(python)
        .arg(script)
        .arg(engine)
        .arg(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(json!(all).to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Answer> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("rows"))
        .collect();
    assert_eq!(
        answers.len(),
        all.len(),
        "{engine} stopped at {:?}",
        all.get(answers.len())
    );
    answers.into_iter().skip(views).collect()
}

fn asked<const N: usize>(sql: [&str; N]) -> Vec<String> {
    sql.map(str::to_owned).into()
}

/// The first cell of each row.
fn texts(answer: &Answer) -> Vec<String> {
    answer.iter().map(|row| row[0].clone().expect("a text")).collect()
}

fn number(text: &Option<String>) -> String {
    let text = text.as_deref().unwrap_or("0");
    let decimal: rust_decimal::Decimal = text.parse().unwrap_or_else(|_| panic!("{text} is no number"));
    decimal.normalize().to_string()
}

/// Day, offer, partner, status: conversions and revenue, as the reports say.
fn reported(
    admin: &mut crate::support::client::Client,
    scene: &Scene,
    partners: &[String],
) -> BTreeMap<String, Vec<String>> {
    let today = now_ms() / DAY_MS * DAY_MS;
    let mut found = BTreeMap::new();
    for day in (0..6).map(|back| today - back * DAY_MS) {
        let date = jiff_date(day);
        for partner in partners {
            let report = admin
                .get(&format!(
                    "/api/v1/stats?from_ms={day}&to_ms={}&group_by=total&time_zone=UTC&offer={}&partner={partner}",
                    day + DAY_MS,
                    scene.offer
                ))
                .ok();
            let total = &report["total"];
            let money = |name: &str| {
                let sums = total[name].as_array().unwrap();
                sums.iter()
                    .map(|sum| {
                        format!(
                            "{} {}",
                            sum["currency"].as_str().unwrap(),
                            sum["amount"].as_str().unwrap()
                        )
                    })
                    .collect::<BTreeSet<_>>()
            };
            if total["conversions"] == 0 && total["clicks"] == 0 {
                continue;
            }
            let counts = ["clicks", "conversions", "pending", "approved", "rejected"]
                .map(|name| total[name].to_string());
            let mut row = counts.to_vec();
            row.push(format!("{:?}", money("revenue")));
            row.push(format!("{:?}", money("payout")));
            found.insert(format!("{date} {partner}"), row);
        }
    }
    found
}

fn jiff_date(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .to_string()
}

/// The same from the files.
fn from_files(engine: &str, raw: &Path) -> BTreeMap<String, Vec<String>> {
    let answers = ask(
        engine,
        raw,
        &asked([
            "SELECT CAST(received_at AS DATE) AS day, partner_id, count(*) FROM clicks GROUP BY day, partner_id",
            "SELECT CAST(received_at AS DATE) AS day, partner_id, count(*),
                count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'approved'),
                count(*) FILTER (WHERE status = 'rejected') FROM conversions GROUP BY day, partner_id",
            "SELECT CAST(received_at AS DATE) AS day, partner_id, currency, sum(amount) FROM conversions
                WHERE status <> 'rejected' AND amount IS NOT NULL GROUP BY day, partner_id, currency",
            "SELECT CAST(received_at AS DATE) AS day, partner_id, payout_currency, sum(payout) FROM conversions
                WHERE status <> 'rejected' AND payout IS NOT NULL GROUP BY day, partner_id, payout_currency",
        ]),
    );
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let key =
        |row: &[Option<String>]| format!("{} {}", row[0].as_deref().unwrap(), row[1].as_deref().unwrap());
    for row in &answers[0] {
        let zero = || "0".to_owned();
        let cells = vec![
            number(&row[2]),
            zero(),
            zero(),
            zero(),
            zero(),
            "{}".into(),
            "{}".into(),
        ];
        found.insert(key(row), cells);
    }
    for row in &answers[1] {
        let cells = found.get_mut(&key(row)).expect("clicks of the day");
        for at in 1..5 {
            cells[at] = number(&row[at + 1]);
        }
    }
    for (at, answer) in [(5, &answers[2]), (6, &answers[3])] {
        let mut money: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in answer {
            let sum = number(&row[3]);
            if sum != "0" {
                let sums = money.entry(key(row)).or_default();
                sums.insert(format!("{} {sum}", row[2].as_deref().unwrap()));
            }
        }
        for (key, sums) in money {
            found.get_mut(&key).expect("clicks of the day")[at] = format!("{sums:?}");
        }
    }
    found
}

/// Three days of the past, with decisions of later days. Gives the ids.
fn past(dir: &Path, raw: &Path, links: &[String]) -> (HashSet<String>, HashSet<String>) {
    let begun = now_ms() - 3 * DAY_MS;
    let bench = Bench::open(dir, raw, begun);
    let (mut sids, mut ids, mut undecided) = (HashSet::new(), HashSet::new(), Vec::new());
    for n in 0..400 {
        bench.clock.advance_ms(3 * DAY_MS / 410 - 7);
        let session = bench.click(&links[n as usize % links.len()], n);
        sids.insert(session.id.to_string());
        if n % 4 < 2 {
            bench.clock.advance_ms(7);
            let id = bench.convert(&session, n);
            ids.insert(id.to_string());
            undecided.push(id);
            if n % 20 == 0 {
                // The same order again counts no more.
                bench.clock.advance_ms(1);
                ids.insert(bench.convert(&session, n).to_string());
            }
        }
        if n % 3 == 0 && !undecided.is_empty() {
            let id = undecided.remove(undecided.len() / 2);
            bench.decide(id, ConversionStatus::Approved);
            if n % 9 == 0 {
                // All of the same millisecond.
                bench.decide(id, ConversionStatus::Rejected);
                bench.decide(id, ConversionStatus::Approved);
                bench.decide(id, ConversionStatus::Rejected);
            }
        }
        if n % 40 == 10 {
            bench.decide(undecided.remove(0), ConversionStatus::Pending);
        }
    }
    bench.close();
    (sids, ids)
}

#[test]
fn every_row_is_in_the_files_once_and_sums_are_those_of_the_reports() {
    if python().is_none() {
        return skip("chdb and duckdb are not installed: tests/run does it");
    }
    let (dir, raw) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (dir, raw) = (dir.path(), raw.path());
    let partner = Receiver::start();
    let server = Setup::new(dir).start();
    let text = partner.url("/pb?sid={sid}&status={status}");
    let payout = json!({"payout": {"type": "percent", "percent": "12.5"}});
    let mut scene = Scene::with(&server, json!({}), payout, &text);
    let other = scene.add_partner("Other", &json!({}), &partner.url("/pb?o={sid}"));
    server.terminate();
    let (mut sids, mut conversions) = past(dir, raw, &[scene.link.clone(), other.link.clone()]);

    // Killed while it writes the past, and while the hour goes on.
    for round in 0..from_env("YAMABIKO_EXPORT_ROUNDS", 3) {
        let server = setup(dir, raw).start();
        partner.behave(if round % 2 == 0 {
            Behaviour::status(200)
        } else {
            Behaviour::status(500)
        });
        let load = Load::start(&server, &scene.link, 2);
        load.when_real();
        std::thread::sleep(Duration::from_millis(random(400)));
        server.kill();
        let done = load.stop();
        sids.extend(done.clicks);
        conversions.extend(done.conversions.into_keys());
    }
    partner.behave(Behaviour::status(200));
    let server = setup(dir, raw).start();
    let mut admin = scene.admin.at(server.address());
    eventually("postbacks are answered", PATIENCE, || {
        (partner.count() > 50).then_some(())
    });
    let hour = now_ms() / HOUR_MS * HOUR_MS;
    let status = eventually("the past is written", PATIENCE, || {
        let status = admin.get("/api/v1/raw-data").ok()["export"].clone();
        assert!(status["trouble"].is_null(), "{status}");
        (status["until_ms"].as_i64()? >= hour - HOUR_MS && status["lag_ms"] == 0).then_some(status)
    });
    println!("{status}");
    let tested = admin.send("POST", "/api/v1/raw-data/export/test", &[], b"").ok();
    assert_eq!(tested["is_ok"], true, "{tested}");
    server.terminate();
    // Two hours later.
    let later = now_ms() + 2 * HOUR_MS;
    let bench = Bench::open(dir, raw, later);
    bench.wait_until(later / HOUR_MS * HOUR_MS - HOUR_MS);
    bench.close();

    let server = Setup::new(dir).start();
    let mut admin = scene.admin.at(server.address());
    let reports = reported(
        &mut admin,
        &scene,
        &[scene.partner.clone(), other.partner.clone()],
    );
    assert!(reports.len() >= 6, "{reports:?}");
    let questions = statements(&written("questions"));
    assert_eq!(questions.len(), 10);
    let mut postbacks = BTreeSet::new();
    for engine in ["duckdb", "clickhouse"] {
        let rows = ask(
            engine,
            raw,
            &asked([
                "SELECT session_id FROM sessions",
                "SELECT activity_id FROM activities",
                "SELECT postback_id FROM postbacks",
                "SELECT postback_id, number FROM attempts",
                "SELECT count(*) FROM attempts AS a WHERE a.postback_id NOT IN (SELECT postback_id FROM postbacks)",
            ]),
        );
        let [found_sids, found_ids, found_postbacks, tries, strangers] = &rows[..] else {
            panic!("five answers");
        };
        for (found, wanted) in [(found_sids, &sids), (found_ids, &conversions)] {
            let found = texts(found);
            let set: HashSet<String> = found.iter().cloned().collect();
            assert_eq!(found.len(), set.len(), "{engine}: a row stands twice");
            let missing: Vec<_> = wanted.difference(&set).collect();
            assert!(
                missing.is_empty(),
                "{engine}: {} are missing, {missing:?}",
                missing.len()
            );
        }
        let made = texts(found_postbacks);
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), made.len());
        let told: BTreeSet<_> = made.into_iter().collect();
        assert!(postbacks.is_empty() || postbacks == told);
        postbacks = told;
        assert_eq!(
            tries.iter().collect::<HashSet<_>>().len(),
            tries.len(),
            "a try stands twice"
        );
        assert!(tries.len() > 50);
        assert_eq!(texts(strangers), ["0"]);
        assert_eq!(from_files(engine, raw), reports, "{engine}");
        for (question, answer) in questions.iter().zip(ask(engine, raw, &questions)) {
            println!(
                "{engine}: {} rows: {}",
                answer.len(),
                question.lines().next().unwrap()
            );
            assert!(
                !answer.is_empty() || question.contains("p.postback_id NOT IN"),
                "{engine}: {question}"
            );
        }
    }
    scene.admin = admin;
    let listed: Vec<String> = (scene.list("/api/v1/postbacks").iter())
        .map(|item| crate::support::scene::text(&item["id"]))
        .collect();
    let missing: Vec<_> = listed.iter().filter(|id| !postbacks.contains(*id)).collect();
    assert!(
        missing.is_empty(),
        "{} of {} postbacks: {missing:?}",
        missing.len(),
        listed.len()
    );
}

#[test]
fn a_bucket_takes_the_files_and_one_that_is_away_is_told_and_loses_nothing() {
    let Some(s3) = crate::archive::S3::moto() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let scene = Scene::build(&server, &Receiver::start());
    server.terminate();
    let credentials = dir.path().join("key");
    std::fs::write(
        &credentials,
        "aws_access_key_id = key\naws_secret_access_key = secret\n",
    )
    .unwrap();
    let mut config = config(dir.path(), dir.path());
    config.export.directory = None;
    config.export.endpoint = Some(format!("http://{}", s3.address));
    config.export.bucket = "nowhere".into();
    config.export.prefix = "raw".into();
    config.export.credentials_file = Some(credentials);
    let begun = now_ms() / DAY_MS * DAY_MS - DAY_MS;
    let bench = Bench::with(config.clone(), begun);
    let refused = bench.export.test().unwrap_err();
    assert_eq!(refused.code, "bucket_refused", "{refused:?}");
    assert!(refused.message.contains("check the access key"), "{refused:?}");
    for n in 0..5 {
        bench.clock.advance_ms(1_000);
        bench.click(&scene.link, n);
    }
    bench.clock.advance_ms(2 * HOUR_MS);
    let trouble = eventually("trouble is told", PATIENCE, || bench.export.status().trouble);
    assert_eq!(trouble.code, "bucket_refused");
    bench.clock.advance_ms(5 * 60_000 + 1);
    assert!(
        bench
            .export
            .trouble()
            .is_some_and(|told| told.contains("NoSuchBucket"))
    );
    bench.close();

    config.export.bucket = "bucket".into();
    let bench = Bench::with(config, begun + 2 * HOUR_MS + 600_000);
    bench.export.test().unwrap();
    bench.wait_until(begun + HOUR_MS);
    assert_eq!((bench.export.status().rows, bench.export.trouble()), (5, None));
    bench.close();
    let place = yamabiko::objects::Place {
        endpoint: format!("http://{}", s3.address),
        bucket: "bucket".into(),
        region: "us-east-1".into(),
        is_in_host: false,
    };
    let key = yamabiko::objects::AccessKey::read(&dir.path().join("key")).unwrap();
    let client = Arc::new(Client::start(&ClientOptions::default()).unwrap());
    let bucket = yamabiko::objects::Bucket::new(client, &place, &key).unwrap();
    let objects = yamabiko::objects::Objects::Bucket(Box::new(bucket));
    let list = format!("raw/lists/dt={}.json", jiff_date(begun));
    let (list, _) = objects.get(&list).unwrap().expect("the list of the day");
    let list: Value = serde_json::from_slice(&list).unwrap();
    let file = &list["files"][0];
    assert_eq!(file["rows"], 5, "{list}");
    let object = file["object"].as_str().unwrap();
    assert!(
        object.starts_with("sessions/dt=") && object.contains("/h=00/"),
        "{object}"
    );
}

#[test]
fn an_erasure_leaves_the_files() {
    if python().is_none() {
        return skip("chdb and duckdb are not installed: tests/run does it");
    }
    let (dir, raw) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (dir, raw) = (dir.path(), raw.path());
    let server = Setup::new(dir).start();
    let scene = Scene::build(&server, &Receiver::start());
    server.terminate();
    let begun = now_ms() - 5 * HOUR_MS;
    let bench = Bench::open(dir, raw, begun);
    let mut made = Vec::new();
    for n in 0..40 {
        bench.clock.advance_ms(HOUR_MS / 20);
        let session = bench.click(&scene.link, n);
        bench.clock.advance_ms(1);
        made.push((session.id, bench.convert(&session, n)));
    }
    bench.clock.advance_ms(2 * HOUR_MS);
    bench.wait_until(begun + 2 * HOUR_MS);
    let names = |raw: &Path| {
        ask(
            "duckdb",
            raw,
            &asked(["SELECT session_id FROM sessions WHERE session_tuid IS NOT NULL ORDER BY 1"]),
        )
    };
    assert_eq!(names(raw)[0].len(), 40);
    let gone: Vec<_> = made.iter().step_by(7).copied().collect();
    let erased = gone.clone();
    bench
        .core
        .recorder
        .try_run_blocking(move |group| -> Result<(), yamabiko::store::StoreError> {
            for (session, activity) in erased {
                let ids = erasure::erase_session(session, group)?;
                group.erase(ids);
                let activity = group.load(&keys::activity(activity))?.expect("the activity");
                let (ids, _) = erasure::erase_activity(activity, group)?;
                group.erase(ids);
            }
            Ok(())
        })
        .unwrap()
        .unwrap();
    eventually("the files are written anew", PATIENCE, || {
        let mut is_left = false;
        let reader = bench.core.recorder.reader();
        let look = reader.scan(keys::Db::Hot, &keys::erased_rows(), false, |_, _| {
            is_left = true;
            std::ops::ControlFlow::Break(())
        });
        look.unwrap();
        (!is_left).then_some(())
    });
    bench.close();
    let forbidden: Vec<String> = (0..40_u64)
        .step_by(7)
        .flat_map(|n| [format!("visitor-{n}"), format!("device-{n}"), format!("past-{n}")])
        .collect();
    for engine in ["duckdb", "clickhouse"] {
        let answers = ask(
            engine,
            raw,
            &asked([
                "SELECT session_id FROM sessions",
                "SELECT activity_id, amount FROM activities WHERE order_id IS NULL",
                "SELECT * FROM sessions",
                "SELECT * FROM activities",
            ]),
        );
        assert_eq!(texts(&answers[0]).len(), 40, "{engine}");
        let kept: BTreeSet<String> = texts(&answers[1]).into_iter().collect();
        let wanted: BTreeSet<String> = gone.iter().map(|(_, id)| id.to_string()).collect();
        assert_eq!(kept, wanted, "{engine}");
        assert!(
            answers[1].iter().all(|row| row[1].is_some()),
            "what is counted stays"
        );
        let cells = answers[2].iter().chain(&answers[3]).flatten().flatten();
        for cell in cells {
            assert!(
                !forbidden
                    .iter()
                    .any(|name| cell == name || cell.contains(&format!("\"{name}\""))),
                "{cell}"
            );
        }
    }
    // Nothing of before lies there any more, and the lists name what does.
    let (mut files, mut listed) = (BTreeSet::new(), BTreeSet::new());
    walk(raw, raw, &mut files);
    for list in files.iter().filter(|name| name.starts_with("lists/")) {
        let list: Value = serde_json::from_slice(&std::fs::read(raw.join(list)).unwrap()).unwrap();
        let named = list["files"].as_array().unwrap().iter();
        listed.extend(named.map(|file| file["object"].as_str().unwrap().to_owned()));
    }
    files.retain(|name| name.ends_with(".parquet"));
    assert_eq!(files, listed);
    assert!(files.iter().any(|name| name.contains("-r1")));
}

fn walk(root: &Path, dir: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            found.insert(path.strip_prefix(root).unwrap().display().to_string());
        }
    }
}
