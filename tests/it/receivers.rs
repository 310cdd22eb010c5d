//! Receivers that misbehave in every way: what is recorded of each, what is never done (followed, early,
//! inward), and that the delivery to others goes on meanwhile.

use crate::support::eventually;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::{Scene, Way, click, text};
use crate::support::server::{Server, Setup};
use crate::support::skip;
use serde_json::{Value, json};
use std::net::{TcpListener, ToSocketAddrs};
use std::time::{Duration, Instant, SystemTime};

const PATH: &str = "/pb?id=##PARA1##";

fn impatient() -> Value {
    json!({"timeout_s": 1, "schedule_s": [1], "short_schedule_s": [1]})
}

fn convert(server: &Server, way: &Way, click_id: &str) {
    let mut client = server.client();
    let sid = click(&mut client, &way.link, click_id);
    assert_eq!(
        client.get(&format!("/cv?sid={sid}&amount=1")).ok()["result"],
        "accepted"
    );
}

/// The only postback of a partner once it is settled, with its attempts.
fn settled(scene: &mut Scene, way: &Way, within: Duration) -> Value {
    let id = eventually(
        &format!("the postback of {} is settled", way.partner),
        within,
        || {
            let items = scene.list(&format!("/api/v1/postbacks?partner={}", way.partner));
            assert_eq!(items.len(), 1, "one postback each: {items:?}");
            (items[0]["state"] != "waiting").then(|| text(&items[0]["id"]))
        },
    );
    scene.admin.get(&format!("/api/v1/postbacks/{id}")).ok()
}

/// Error class, or status, of every attempt.
fn outcomes(detail: &Value) -> Vec<String> {
    let attempts = detail["attempts"].as_array().expect("attempts");
    attempts
        .iter()
        .map(|a| {
            a["error"]
                .as_str()
                .map_or_else(|| a["status"].to_string(), str::to_owned)
        })
        .collect()
}

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

struct Case {
    name: &'static str,
    behaviour: Behaviour,
    /// Outcomes that each attempt may have.
    expected: &'static [&'static str],
    state: &'static str,
}

#[test]
fn every_way_to_misbehave_is_recorded_as_what_it_is_and_delays_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let (server, healthy) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::build(&server, &healthy);
    let case = |name, behaviour, expected, state| Case {
        name,
        behaviour,
        expected,
        state,
    };
    let cases = [
        case("hang", Behaviour::Hang, &["timeout"], "failed"),
        case("reset in head", Behaviour::ResetInHead, &["reset"], "failed"),
        case("drip", Behaviour::Drip, &["timeout"], "failed"),
        case(
            "slow",
            Behaviour::Slow(Duration::from_secs(3)),
            &["timeout"],
            "failed",
        ),
        case("garbage", Behaviour::Garbage, &["malformed"], "failed"),
        case("endless body", Behaviour::Body(10 << 30), &["200"], "delivered"),
        case("500", Behaviour::status(500), &["500"], "failed"),
        case("404", Behaviour::status(404), &["404"], "failed"),
        case("408", Behaviour::status(408), &["408"], "failed"),
        case("204", Behaviour::status(204), &["204"], "delivered"),
    ];
    let mut ways = Vec::new();
    for case in &cases {
        let receiver = Receiver::start();
        receiver.behave(case.behaviour.clone());
        ways.push((
            scene.add_partner(case.name, &impatient(), &receiver.url(PATH)),
            receiver,
        ));
    }
    let refuse = scene.add_partner(
        "refuse",
        &impatient(),
        &format!("http://127.0.0.1:{}{PATH}", closed_port()),
    );
    let plain = Receiver::start();
    let tls = scene.add_partner(
        "tls",
        &impatient(),
        &plain.url(PATH).replace("http://", "https://"),
    );
    let unknown = scene.add_partner(
        "unknown name",
        &impatient(),
        &format!("http://no-such-host.invalid{PATH}"),
    );
    let gone = Receiver::start();
    gone.behave(Behaviour::status(410));
    let gone_way = scene.add_partner("gone", &impatient(), &gone.url(PATH));

    for way in ways
        .iter()
        .map(|(way, _)| way)
        .chain([&refuse, &tls, &unknown, &gone_way])
    {
        convert(&server, way, "x");
    }
    // Meanwhile the healthy partner is told as if nothing were.
    let mut worst = Duration::ZERO;
    for n in 0..30 {
        let sid = scene.click(&server, &format!("h{n}"));
        let began = Instant::now();
        server.client().get(&format!("/cv?sid={sid}")).ok();
        healthy.wait_for(n + 1, Duration::from_secs(60));
        worst = worst.max(began.elapsed());
    }
    // Whoever waited for one of the others would wait for its deadline each time.
    assert!(
        worst < Duration::from_secs(8),
        "a healthy partner waited {worst:?}"
    );

    for ((way, receiver), case) in ways.iter().zip(&cases) {
        let detail = settled(&mut scene, way, Duration::from_secs(20));
        let found = outcomes(&detail);
        assert!(
            found.iter().all(|o| case.expected.contains(&o.as_str())),
            "{}: {found:?}",
            case.name
        );
        assert_eq!(detail["postback"]["state"], case.state, "{}", case.name);
        let attempts = if case.state == "delivered" { 1 } else { 2 };
        assert_eq!(
            (found.len(), receiver.count()),
            (attempts, attempts),
            "{}: {found:?}",
            case.name
        );
        for attempt in detail["attempts"].as_array().unwrap() {
            assert!(
                attempt["duration_ms"].as_u64().unwrap() < 3_000,
                "{}: bounded by the limit: {attempt}",
                case.name
            );
            assert!(attempt["excerpt"].as_str().unwrap().len() <= 2048);
        }
    }
    for (way, expected) in [(&refuse, "connect"), (&tls, "tls"), (&unknown, "dns")] {
        let found = outcomes(&settled(&mut scene, way, Duration::from_secs(30)));
        assert!(found.iter().all(|o| o == expected), "{expected}: {found:?}");
    }
    let detail = settled(&mut scene, &gone_way, Duration::from_secs(10));
    assert_eq!(
        (outcomes(&detail), &detail["postback"]["fail_reason"]),
        (vec!["410".to_owned()], &json!("gone"))
    );
    assert_eq!(gone.count(), 1, "410 stops at once");
}

#[test]
fn redirects_are_recorded_and_never_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (server, elsewhere) = (Setup::new(dir.path()).start(), Receiver::start());
    let mut scene = Scene::build(&server, &elsewhere);
    let receivers: Vec<_> = [301, 302, 303, 307, 308]
        .into_iter()
        .map(|status| {
            let receiver = Receiver::start();
            // A loop, and a way to another server.
            let target = if status % 2 == 0 {
                receiver.url("/again")
            } else {
                elsewhere.url("/elsewhere")
            };
            receiver.behave(Behaviour::with_header(status, "Location", &target));
            let way = scene.add_partner(&format!("{status}"), &impatient(), &receiver.url(PATH));
            (status, target, receiver, way)
        })
        .collect();
    for (_, _, _, way) in &receivers {
        convert(&server, way, "x");
    }
    for (status, target, receiver, way) in &receivers {
        let detail = settled(&mut scene, way, Duration::from_secs(15));
        assert_eq!(outcomes(&detail), vec![status.to_string(); 2]);
        assert_eq!(detail["postback"]["state"], "failed");
        let kept = detail["attempts"][0]["headers"].to_string();
        assert!(
            kept.contains(target.as_str()),
            "{status}: Location is kept: {kept}"
        );
        assert!(
            receiver.arrivals().iter().all(|a| a.target.starts_with("/pb?")),
            "{status}: never followed"
        );
    }
    assert_eq!(elsewhere.count(), 0);
}

#[test]
fn retry_after_is_never_undercut_in_any_form() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let unused = Receiver::start();
    let mut scene = Scene::build(&server, &unused);
    let http_date = |after: Duration| {
        let at = jiff::Timestamp::try_from(SystemTime::now() + after).unwrap();
        let text = jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&at)
            .unwrap();
        // Whole seconds on the wire.
        (
            text,
            SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_second()).unwrap()),
        )
    };
    let schedule = json!({"timeout_s": 5, "schedule_s": [1, 1, 1]});
    let (date, not_before) = http_date(Duration::from_secs(5));
    let (past, _) = http_date(Duration::ZERO);
    let cases = [
        (429, "3".to_owned(), Duration::from_secs(3)),
        (503, "3".into(), Duration::from_secs(3)),
        (429, " 3 ".into(), Duration::from_secs(3)),
        (429, "0".into(), Duration::from_secs(1)),
        (429, past, Duration::from_secs(1)),
        (429, "soon".into(), Duration::from_secs(1)),
        (429, "-5".into(), Duration::from_secs(1)),
        (429, "".into(), Duration::from_secs(1)),
    ];
    let mut ways = Vec::new();
    for (status, value, floor) in &cases {
        let receiver = Receiver::start();
        receiver.behave(Behaviour::with_header(*status, "Retry-After", value));
        let way = scene.add_partner(&format!("{status} {value}"), &schedule, &receiver.url(PATH));
        ways.push((receiver, way, *floor, value));
    }
    let dated = Receiver::start();
    dated.behave(Behaviour::with_header(429, "Retry-After", &date));
    let dated_way = scene.add_partner("date", &schedule, &dated.url(PATH));
    let huge = Receiver::start();
    huge.behave(Behaviour::with_header(429, "Retry-After", "99999999999"));
    let huge_way = scene.add_partner("huge", &schedule, &huge.url(PATH));

    for way in ways.iter().map(|(_, way, ..)| way).chain([&dated_way, &huge_way]) {
        convert(&server, way, "x");
    }
    for (receiver, _, floor, value) in &ways {
        let arrivals = receiver.wait_for(2, Duration::from_secs(60));
        let waited = arrivals[1].at - arrivals[0].at;
        assert!(waited >= *floor, "{value:?}: tried again after {waited:?}");
        assert!(
            waited < *floor + Duration::from_secs(60),
            "{value:?}: tried again only after {waited:?}"
        );
    }
    let arrivals = dated.wait_for(2, Duration::from_secs(60));
    let at = SystemTime::now() - arrivals[1].at.elapsed();
    assert!(
        at + Duration::from_millis(5) >= not_before,
        "earlier than the date"
    );
    huge.wait_for(1, Duration::from_secs(60));
    let detail = eventually("the attempt is recorded", Duration::from_secs(60), || {
        let items = scene.list(&format!("/api/v1/postbacks?partner={}", huge_way.partner));
        (items.len() == 1 && items[0]["attempts"] == 1).then(|| items[0].clone())
    });
    let due_s = (detail["due_at_ms"].as_i64().unwrap() - detail["created_at_ms"].as_i64().unwrap()) / 1000;
    assert!((21_600..=26_000).contains(&due_s), "six hours at most: {due_s} s");
}

#[test]
fn names_that_resolve_inward_are_never_called() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path());
    setup
        .environment
        .retain(|(name, _)| name != "YAMABIKO_DELIVERY_ALLOW_NETWORKS");
    let server = setup.start();
    let mut scene = Scene::with(
        &server,
        json!({}),
        json!({}),
        "https://partner.example/pb?id=##PARA1##",
    );
    // The name of this machine resolves to a loopback or private address almost everywhere.
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .unwrap_or_default()
        .trim()
        .to_owned();
    let inward = (name.as_str(), 80).to_socket_addrs().ok().and_then(|mut all| {
        all.find(|a| a.ip().is_loopback() || matches!(a.ip(), std::net::IpAddr::V4(v4) if v4.is_private()))
    });
    let Some(address) = inward else {
        skip(&format!(
            "the name of this machine, {name:?}, has no inward address"
        ));
        return;
    };
    let Ok(listener) = TcpListener::bind((address.ip(), 0)) else {
        skip(&format!("{address} is no address of this machine"));
        return;
    };
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let way = scene.add_partner("inward", &impatient(), &format!("http://{name}:{port}{PATH}"));
    convert(&server, &way, "x");
    let detail = settled(&mut scene, &way, Duration::from_secs(20));
    assert_eq!(detail["postback"]["fail_reason"], "egress_refused", "{detail}");
    assert!(listener.accept().is_err(), "the address was called");
}
