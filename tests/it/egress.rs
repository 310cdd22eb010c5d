//! Where postbacks may go, with the real binary on the wire: names that resolve inward or turn while they are
//! used, certificates that do not hold, and the address that postbacks leave from. A DNS server of the test's
//! own (`delivery.dns_server`) says where names lead.

use crate::support::dns::Dns;
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, Way, click, text};
use crate::support::server::{Server, Setup};
use crate::support::tls::{Authority, TlsReceiver, self_signed};
use serde_json::{Value, json};
use std::net::{IpAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

const PATH: &str = "/pb?id=##PARA1##";

/// A server that asks `dns`, and may call `allowed` beside the public.
fn setup(dir: &Path, dns: &Dns, allowed: &str) -> Setup {
    let mut setup = Setup::new(dir);
    setup
        .environment
        .retain(|(name, _)| name != "YAMABIKO_DELIVERY_ALLOW_NETWORKS");
    setup
        .env("YAMABIKO_DELIVERY_ALLOW_NETWORKS", allowed)
        .env("YAMABIKO_DELIVERY_DNS_SERVER", &dns.address().to_string())
}

fn scene(server: &Server) -> Scene {
    Scene::with(server, json!({}), json!({}), "https://partner.example/pb")
}

fn impatient() -> Value {
    json!({"timeout_s": 3, "schedule_s": [1], "short_schedule_s": [1]})
}

/// Converts on the way, and gives the postback with its attempts once it is settled.
fn told(server: &Server, scene: &mut Scene, way: &Way, click_id: &str) -> Value {
    let sid = click(&mut server.client(), &way.link, click_id);
    let accepted = server.client().get(&format!("/cv?sid={sid}&amount=1")).ok();
    assert_eq!(accepted["result"], "accepted");
    let list = format!("/api/v1/postbacks?activity={}", text(&accepted["activity_id"]));
    let id = eventually("the postback is settled", Duration::from_secs(60), || {
        let item = scene.list(&list).into_iter().next()?;
        (item["state"] != "waiting").then(|| text(&item["id"]))
    });
    scene.admin.get(&format!("/api/v1/postbacks/{id}")).ok()
}

fn attempts(detail: &Value) -> &[Value] {
    detail["attempts"].as_array().expect("attempts")
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|t| t.parse().unwrap()).collect()
}

/// A listener that must never be called.
struct Trap(TcpListener);

impl Trap {
    fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    fn assert_silent(&self) {
        assert!(self.0.accept().is_err(), "an inward address was called");
    }
}

#[test]
fn names_that_lead_inward_are_never_called() {
    let dns = Dns::start(|name, _| match name {
        "loopback.test" => ips(&["127.0.0.1"]),
        "private.test" => ips(&["10.0.0.1"]),
        "metadata.test" => ips(&["169.254.169.254"]),
        "six.test" => ips(&["::1"]),
        "mapped.test" => ips(&["::ffff:127.0.0.1"]),
        "nat64.test" => ips(&["64:ff9b::7f00:1"]),
        // One good address does not carry a bad one along, whichever comes first.
        "mixed.test" => ips(&["127.0.0.2", "127.0.0.1"]),
        "mixed6.test" => ips(&["127.0.0.2", "::1"]),
        "allowed.test" => ips(&["127.0.0.2"]),
        _ => vec![],
    });
    let dir = tempfile::tempdir().unwrap();
    let server = setup(dir.path(), &dns, "127.0.0.2/32,169.254.0.0/16").start();
    let mut scene = scene(&server);
    let trap = Trap::at("127.0.0.1:0");
    let receiver = Receiver::start_at(&format!("127.0.0.2:{}", trap.port()));
    for name in [
        "loopback", "private", "metadata", "six", "mapped", "nat64", "mixed", "mixed6",
    ] {
        let url = format!("http://{name}.test:{}{PATH}", trap.port());
        let way = scene.add_partner(name, &impatient(), &url);
        let detail = told(&server, &mut scene, &way, "x");
        assert_eq!(detail["postback"]["fail_reason"], "egress_refused", "{detail}");
        assert_eq!(attempts(&detail)[0]["error"], "egress", "{detail}");
    }
    trap.assert_silent();
    assert_eq!(receiver.count(), 0);
    // The same way is open for a name that leads where it may.
    let url = format!("http://allowed.test:{}{PATH}", trap.port());
    let way = scene.add_partner("allowed", &impatient(), &url);
    let detail = told(&server, &mut scene, &way, "x");
    assert_eq!(detail["postback"]["state"], "delivered", "{detail}");
    assert_eq!(receiver.count(), 1);
    // And a name that does not exist is the name's fault.
    let way = scene.add_partner("missing", &impatient(), "http://missing.test/pb");
    let detail = told(&server, &mut scene, &way, "x");
    assert_eq!(attempts(&detail)[0]["error"], "dns", "{detail}");
}

#[test]
fn a_name_that_turns_between_two_looks_is_looked_at_once_and_pinned() {
    // Every other answer leads inward, and no answer may be remembered.
    let dns = Dns::start(|_, n| ips(&[if n % 2 == 0 { "127.0.0.2" } else { "127.0.0.1" }]));
    let dir = tempfile::tempdir().unwrap();
    let server = setup(dir.path(), &dns, "127.0.0.2/32").start();
    let mut scene = scene(&server);
    let trap = Trap::at("127.0.0.1:0");
    let receiver = Receiver::start_at(&format!("127.0.0.2:{}", trap.port()));
    let url = format!("http://turning.test:{}{PATH}", trap.port());
    let way = scene.add_partner("turning", &impatient(), &url);
    let (mut refused, mut looks) = (0, 0);
    for n in 0..10 {
        let detail = told(&server, &mut scene, &way, &format!("c{n}"));
        // What led inward was refused, and tried again by the name's next answer.
        let (last, before) = attempts(&detail).split_last().unwrap();
        looks += 1 + before.len();
        refused += before.len();
        assert_eq!(detail["postback"]["state"], "delivered", "{detail}");
        assert_eq!(text(&last["remote_addr"]), receiver.address().to_string());
        for attempt in before {
            assert_eq!(attempt["error"], "egress", "{detail}");
        }
    }
    assert!(refused > 0, "some answers led inward");
    assert_eq!(
        dns.asked("turning.test"),
        looks,
        "one look-up an attempt: what was vetted is what is connected to"
    );
    assert_eq!(receiver.count(), 10);
    trap.assert_silent();
    let host = receiver.arrivals()[0].header("host").map(str::to_owned);
    assert_eq!(host, Some(format!("turning.test:{}", trap.port())));
}

#[test]
fn a_receiver_with_a_private_certificate_is_called_and_a_wrong_one_is_not() {
    let dns = Dns::start(|_, _| ips(&["127.0.0.1"]));
    let (authority, stranger) = (Authority::new(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let ca_file = dir.path().join("authority.pem");
    std::fs::write(&ca_file, authority.pem()).unwrap();
    let data = dir.path().join("data");
    let server = setup(&data, &dns, "127.0.0.1/32")
        .env("YAMABIKO_DELIVERY_CA_FILE", ca_file.to_str().unwrap())
        .start();
    let mut scene = scene(&server);
    let years = (2020, 2040);
    let good = TlsReceiver::start(authority.certify("good.test", years));
    let url = format!("https://good.test:{}{PATH}", good.port());
    let way = scene.add_partner("good", &impatient(), &url);
    let detail = told(&server, &mut scene, &way, "x");
    assert_eq!(detail["postback"]["state"], "delivered", "{detail}");
    assert_eq!(good.count(), 1);
    let between = authority.intermediate("Between CA");
    let whole = TlsReceiver::start(between.beside(between.certify("good.test", years)));
    let url = format!("https://good.test:{}{PATH}", whole.port());
    let way = scene.add_partner("whole chain", &impatient(), &url);
    let detail = told(&server, &mut scene, &way, "x");
    assert_eq!(detail["postback"]["state"], "delivered", "{detail}");
    let stranger_between = stranger.intermediate("Strange CA");
    for (name, identity, word) in [
        (
            "wrong name",
            authority.certify("other.test", years),
            "for another name",
        ),
        (
            "expired",
            authority.certify("bad.test", (2020, 2022)),
            "not valid today",
        ),
        (
            "not yet valid",
            authority.certify("bad.test", (2039, 2040)),
            "not valid today",
        ),
        ("self-signed", self_signed("bad.test"), "is self-signed"),
        (
            "no intermediate",
            between.certify("bad.test", years),
            "without the intermediate one (issued by Between CA)",
        ),
        (
            "unknown authority",
            stranger_between.beside(stranger_between.certify("bad.test", years)),
            "an authority that is not known here",
        ),
    ] {
        let receiver = TlsReceiver::start(identity);
        let url = format!("https://bad.test:{}{PATH}", receiver.port());
        let way = scene.add_partner(name, &impatient(), &url);
        let detail = told(&server, &mut scene, &way, "x");
        assert_eq!(detail["postback"]["state"], "failed", "{name}: {detail}");
        for attempt in attempts(&detail) {
            assert_eq!(attempt["error"], "tls", "{name}: {attempt}");
            let sentence = text(&attempt["message"]);
            assert!(
                sentence.contains("certificate") && sentence.contains(word),
                "{name}: says what to do: {sentence}"
            );
        }
        assert_eq!(
            receiver.count(),
            0,
            "{name}: nothing is sent over such a connection"
        );
    }
}

#[test]
fn postbacks_leave_from_the_configured_address() {
    let dns = Dns::start(|_, _| ips(&["127.0.0.1", "::1"]));
    let dir = tempfile::tempdir().unwrap();
    let server = setup(dir.path(), &dns, "127.0.0.0/8,::1/128")
        .env("YAMABIKO_DELIVERY_SOURCE_ADDRESS", "127.0.0.2")
        .start();
    let mut scene = scene(&server);
    let receiver = Receiver::start();
    for host in ["127.0.0.1", "named.test"] {
        let url = format!("http://{host}:{}{PATH}", receiver.address().port());
        let way = scene.add_partner(host, &impatient(), &url);
        let detail = told(&server, &mut scene, &way, "x");
        assert_eq!(detail["postback"]["state"], "delivered", "{detail}");
    }
    let arrivals = receiver.arrivals();
    assert_eq!(arrivals.len(), 2);
    for arrival in arrivals {
        assert_eq!(arrival.peer.ip(), ips(&["127.0.0.2"])[0]);
    }
    // The interface tells people which address to allow-list.
    let status = scene.admin.get("/api/v1/system").text();
    assert!(status.contains("127.0.0.2"), "{status}");
}
