//! The stream of activities to a receiver: nothing is missing, nothing comes twice but under the same token, whatever is
//! killed or away; with ClickHouse's engine what is counted is exact. `YAMABIKO_STREAM_ROUNDS=50` is the long form.

use crate::raw_docs::create_table;
use crate::support::engines::{ClickHouse, python};
use crate::support::load::{Load, from_env, random};
use crate::support::receiver::{Arrival, Behaviour, Receiver};
use crate::support::scene::Scene;
use crate::support::server::Setup;
use crate::support::{eventually, skip};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);

fn setup(dir: &std::path::Path, url: &str) -> Setup {
    Setup::new(dir)
        .env("YAMABIKO_STREAM_URL", url)
        .env("YAMABIKO_STREAM_BATCH_ROWS", "50")
        .env("YAMABIKO_STREAM_TOKEN", "0123456789abcdef")
        .env("YAMABIKO_STREAM_DEDUPLICATION", "insert_deduplication_token")
}

/// Rows by their token; a token that comes again has to bring the same.
fn batches(arrivals: &[Arrival]) -> BTreeMap<(u64, u64), Vec<Value>> {
    let mut bodies: HashMap<String, &[u8]> = HashMap::new();
    let mut found = BTreeMap::new();
    for arrival in arrivals {
        let token = arrival.header("idempotency-key").expect("a token").to_owned();
        assert_eq!(
            arrival.query_value("insert_deduplication_token").as_ref(),
            Some(&token)
        );
        assert_eq!(arrival.header("authorization"), Some("Bearer 0123456789abcdef"));
        let before = bodies.insert(token.clone(), &arrival.body);
        assert!(
            before.is_none_or(|before| before == arrival.body),
            "{token} came with other rows"
        );
        let parts: Vec<&str> = token.split('-').collect();
        let [_, first, last, _] = parts[..] else {
            panic!("{token} is no token");
        };
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let (first, last) = (number(first), number(last));
        let text = String::from_utf8(arrival.body.clone()).expect("UTF-8");
        let rows = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        found.insert((first, last), rows.collect());
    }
    found
}

/// Every row in the order of the numbers, which have no gap.
fn rows(arrivals: &[Arrival]) -> Vec<Value> {
    let rows: Vec<Value> = batches(arrivals).into_values().flatten().collect();
    for (expected, row) in (1..).zip(&rows) {
        assert_eq!(row["seq"].as_u64(), Some(expected), "{row}");
    }
    rows
}

fn ids(rows: &[Value]) -> Vec<String> {
    let id = |row: &Value| row["activity_id"].as_str().expect("an id").to_owned();
    rows.iter().map(id).collect()
}

#[test]
fn nothing_is_missing_and_nothing_comes_twice_through_kills_and_outages() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, partner) = (Receiver::start(), Receiver::start());
    let setup = setup(dir.path(), &sink.url("/in?x=1"));
    let mut server = setup.start();
    let scene = Scene::build(&server, &partner);
    let (mut sids, mut conversions) = (HashSet::new(), HashSet::new());
    for round in 0..from_env("YAMABIKO_STREAM_ROUNDS", 4) {
        sink.behave(match round % 4 {
            0 => Behaviour::status(200),
            1 => Behaviour::status(503),
            2 => Behaviour::ResetInHead,
            _ => Behaviour::status(400),
        });
        let load = Load::start(&server, &scene.link, 2);
        let seen = sink.count();
        // In the middle of a batch, as often as not.
        eventually("a batch", PATIENCE, || (sink.count() > seen).then_some(()));
        std::thread::sleep(Duration::from_millis(random(300)));
        server.kill();
        let done = load.stop();
        sids.extend(done.clicks);
        conversions.extend(done.conversions.into_keys());
        sink.behave(Behaviour::status(200));
        server = setup.start();
    }
    let wanted: HashSet<String> = sids.union(&conversions).cloned().collect();
    let all = eventually("every row that was acknowledged", PATIENCE, || {
        let rows = rows(&sink.arrivals());
        let found: HashSet<String> = ids(&rows).into_iter().collect();
        wanted.is_subset(&found).then_some(rows)
    });
    let found = ids(&all);
    assert_eq!(
        found.len(),
        found.iter().collect::<HashSet<_>>().len(),
        "a row came twice"
    );
    let is_in_order = found.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(is_in_order, "rows are not in the order of their receipt");
    for row in &all {
        let kind = row["activity_kind"].as_str().unwrap();
        assert!(matches!(kind, "click" | "event"), "{row}");
        assert_eq!(row["offer_id"], Value::from(scene.offer.as_str()));
        assert_eq!(row["partner_id"], Value::from(scene.partner.as_str()));
    }
    println!("{} rows in {} requests", all.len(), sink.count());

    // The operator sees how far it is, and tests it.
    let mut admin = scene.admin.at(server.address());
    let status = eventually("nothing waits", PATIENCE, || {
        let status = admin.get("/api/v1/raw-data").ok()["stream"].clone();
        (status["lag_ms"] == 0 && status["trouble"].is_null()).then_some(status)
    });
    assert_eq!(status["rows"].as_u64(), Some(all.len() as u64), "{status}");
    let tested = admin.send("POST", "/api/v1/raw-data/stream/test", &[], b"").ok();
    assert_eq!(tested["is_ok"], true, "{tested}");
    sink.behave(Behaviour::status(401));
    let tested = admin.send("POST", "/api/v1/raw-data/stream/test", &[], b"").ok();
    assert_eq!(
        (&tested["is_ok"], &tested["code"]),
        (&false.into(), &"bad_token".into())
    );
}

#[test]
fn a_receiver_that_is_away_slows_nobody_and_finds_everything_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Receiver::start();
    sink.behave(Behaviour::Hang);
    let server = setup(dir.path(), &sink.url("/in?x=1")).start();
    let scene = Scene::build(&server, &Receiver::start());
    let load = Load::start(&server, &scene.link, 2);
    eventually("a batch that hangs", PATIENCE, || {
        (sink.count() > 0).then_some(())
    });
    eventually("clicks beside it", PATIENCE, || {
        (load.so_far().clicks.len() > 300).then_some(())
    });
    let done = load.stop();
    sink.behave(Behaviour::status(200));
    eventually("everything", PATIENCE, || {
        let found: HashSet<String> = ids(&rows(&sink.arrivals())).into_iter().collect();
        let mut wanted = done.clicks.iter().chain(done.conversions.keys());
        wanted.all(|id| found.contains(id)).then_some(())
    });
}

#[test]
fn the_engine_of_clickhouse_counts_each_row_once_when_both_sides_are_killed() {
    let Some(python) = python() else {
        return skip("chdb and duckdb are not installed: tests/run does it");
    };
    let (dir, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut engine = ClickHouse::start(&python, data.path(), 0);
    engine.query(&create_table());
    let setup = setup(dir.path(), &engine.insert_url("activities"));
    let mut server = setup.start();
    let scene = Scene::build(&server, &Receiver::start());
    let mut wanted = HashSet::new();
    for _ in 0..2 {
        let load = Load::start(&server, &scene.link, 2);
        eventually("rows", PATIENCE, || {
            (load.so_far().conversions.len() > 60).then_some(())
        });
        let port = engine.address.port();
        server.kill();
        drop(engine);
        let done = load.stop();
        wanted.extend(done.clicks);
        wanted.extend(done.conversions.into_keys());
        server = setup.start();
        engine = ClickHouse::start(&python, data.path(), port);
    }
    let listed = eventually("every row", PATIENCE, || {
        let answer = engine.query("SELECT activity_id FROM activities FINAL");
        let found: HashSet<String> = answer.lines().map(str::to_owned).collect();
        wanted.is_subset(&found).then_some(found)
    });
    let counted = engine.query("SELECT count(), uniqExact(activity_id), max(seq) FROM activities FINAL");
    let n = listed.len();
    assert_eq!(counted.trim(), format!("{n}\t{n}\t{n}"));
    let sums = engine.query(
        "SELECT count(), sum(amount) FROM activities FINAL WHERE activity_kind = 'event' AND verdict = 'accepted'",
    );
    let mut admin = scene.admin.at(server.address());
    let report = stats(&mut admin);
    let total = &report["total"];
    let revenue = total["revenue"][0]["amount"].as_str().expect("revenue");
    let conversions = total["conversions"].as_i64().expect("conversions");
    assert_eq!(sums.trim(), format!("{conversions}\t{revenue}"));
}

/// The report of today and yesterday.
fn stats(admin: &mut crate::support::client::Client) -> Value {
    let now = std::time::SystemTime::now();
    let now_ms = now
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a time")
        .as_millis();
    let (from, to) = (now_ms - 86_400_000, now_ms + 3_600_000);
    admin
        .get(&format!("/api/v1/stats?from_ms={from}&to_ms={to}&group_by=total"))
        .ok()
}
