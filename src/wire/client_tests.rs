//! The client against a real receiver that behaves badly in every way.

use super::super::testing::{Behaviour, Receiver, get};
use super::*;
use crate::domain::postback::Outcome;
use parking_lot::Mutex;
use std::net::{Ipv4Addr, TcpListener};

/// Answers from a list, the last one for ever.
struct Script(Mutex<Vec<Vec<IpAddr>>>);

impl Script {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |texts: &&[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

impl Resolver for Script {
    fn resolve(&self, host: &str, _: Instant) -> Result<Vec<IpAddr>, ResolveError> {
        let mut answers = self.0.lock();
        let answer = if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        };
        if answer.is_empty() {
            return Err(ResolveError::NotFound {
                host: host.into(),
                reason: "no such name".into(),
            });
        }
        Ok(answer)
    }

    fn stop(&self, _: Instant) {}
}

fn client_with(allow: &[&str], resolver: Arc<dyn Resolver>) -> Client {
    let options = ClientOptions {
        allow_networks: allow.iter().map(|n| n.parse().unwrap()).collect(),
        ..ClientOptions::default()
    };
    Client::with_resolver(&options, resolver).unwrap()
}

fn client() -> Client {
    client_with(&["127.0.0.0/8"], Script::new(&[&["127.0.0.1"]]))
}

fn send_to(client: &Client, request: &Request) -> Exchange {
    let limits = Limits {
        connect: Duration::from_millis(400),
        total: Duration::from_millis(600),
    };
    client.exchange(request, limits, 1_763_000_000_000)
}

fn class(exchange: &Exchange) -> Option<ErrorClass> {
    match &exchange.outcome {
        Outcome::Answered { .. } => None,
        Outcome::Error { class, message } => {
            assert!(message.len() > 10, "a sentence for the operator: {message}");
            Some(*class)
        }
    }
}

fn status(exchange: &Exchange) -> u16 {
    match exchange.outcome {
        Outcome::Answered { status, .. } => status,
        Outcome::Error { .. } => panic!("{exchange:?}"),
    }
}

#[test]
fn every_failure_has_its_class() {
    let client = client();
    for (behaviour, expected) in [
        (Behaviour::Hang, ErrorClass::Timeout),
        (
            Behaviour::Slow(Duration::from_millis(900), String::new()),
            ErrorClass::Timeout,
        ),
        (Behaviour::Close, ErrorClass::Reset),
        (Behaviour::Garbage, ErrorClass::Malformed),
    ] {
        let receiver = Receiver::start(behaviour.clone());
        let exchange = send_to(&client, &get(receiver.url("/")));
        assert_eq!(class(&exchange), Some(expected), "{behaviour:?} {exchange:?}");
        assert_eq!(exchange.remote_addr, Some(receiver.address), "{behaviour:?}");
    }
    let receiver = Receiver::start(Behaviour::ResetInHead);
    let exchange = send_to(&client, &get(receiver.url("/")));
    assert!(
        matches!(class(&exchange), Some(ErrorClass::Reset | ErrorClass::Malformed)),
        "{exchange:?}"
    );
}

#[test]
fn a_closed_port_and_plain_bytes_in_place_of_tls_are_told_apart() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let exchange = send_to(&client(), &get(format!("http://{address}/")));
    assert_eq!(class(&exchange), Some(ErrorClass::Connect), "{exchange:?}");
    let exchange = send_to(&client(), &get(format!("https://{address}/")));
    assert_eq!(class(&exchange), Some(ErrorClass::Connect), "{exchange:?}");
    // A plain HTTP server answers the handshake with bytes that are no TLS.
    let receiver = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = receiver.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = receiver.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    });
    let exchange = send_to(&client(), &get(format!("https://{address}/")));
    assert_eq!(class(&exchange), Some(ErrorClass::Tls), "{exchange:?}");
}

#[test]
fn the_answer_is_read_to_the_cap_and_within_the_deadline() {
    let client = client();
    for behaviour in [Behaviour::Drip, Behaviour::Endless] {
        let receiver = Receiver::start(behaviour.clone());
        let exchange = send_to(&client, &get(receiver.url("/")));
        assert_eq!(
            status(&exchange),
            200,
            "{behaviour:?}: the status line is the verdict"
        );
        assert!(exchange.body.len() <= 65_536 && !exchange.body.is_empty());
    }
}

#[test]
fn redirects_are_recorded_and_not_followed() {
    let target = Receiver::start(Behaviour::status(200));
    let location = format!("Location: {}\r\n", target.url("/elsewhere"));
    let receiver = Receiver::start(Behaviour::with(302, &location, ""));
    let exchange = send_to(&client(), &get(receiver.url("/")));
    assert_eq!(status(&exchange), 302);
    assert!(
        exchange
            .headers
            .contains(&("location".into(), target.url("/elsewhere")))
    );
    assert_eq!(target.connections(), 0);
}

#[test]
fn retry_after_is_read() {
    for (value, expected) in [("120", Some(120)), ("soon", None), ("999999", Some(21_600))] {
        let receiver = Receiver::start(Behaviour::with(429, &format!("Retry-After: {value}\r\n"), ""));
        let exchange = send_to(&client(), &get(receiver.url("/")));
        assert_eq!(
            exchange.outcome,
            Outcome::Answered {
                status: 429,
                retry_after_s: expected
            }
        );
    }
}

#[test]
fn the_request_goes_out_byte_for_byte_with_our_headers() {
    let receiver = Receiver::start(Behaviour::status(200));
    let target = "/cv/%7Ea%2Fb?x=%E5%AA%92%E4%BD%93&x=a+b&y=1%262&z";
    let request = Request {
        headers: vec![("X-Api-Key".into(), "k1".into())],
        ..get(receiver.url(&format!("{target}#frag")))
    };
    assert_eq!(status(&send_to(&client(), &request)), 200);
    let arrival = &receiver.arrivals()[0];
    assert_eq!(arrival.line, format!("GET {target} HTTP/1.1"));
    assert_eq!(arrival.header("X-Api-Key"), Some("k1"));
    assert_eq!(
        arrival.header("User-Agent"),
        Some(concat!("Yamabiko/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(
        arrival.header("Host"),
        Some(receiver.address.to_string().as_str())
    );
}

#[test]
fn a_post_goes_out_as_it_is() {
    let receiver = Receiver::start(Behaviour::status(200));
    let body = r#"{"媒体":"1"}"#;
    let post = Request {
        method: Method::Post,
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: Some(body.into()),
        ..get(receiver.url("/post"))
    };
    assert_eq!(status(&send_to(&client(), &post)), 200);
    let arrival = &receiver.arrivals()[0];
    assert_eq!(arrival.body, body);
    assert_eq!(arrival.header("Content-Type"), Some("application/json"));
    assert_eq!(arrival.header("Expect"), None);
}

/// Posts and gets on a connection that the receiver keeps, reads once more and closes.
#[test]
fn a_request_goes_out_once_even_when_the_receiver_reads_it_and_closes() {
    let post = |url| Request {
        method: Method::Post,
        body: Some("a=1".into()),
        ..get(url)
    };
    for make in [get as fn(String) -> Request, post] {
        let receiver = Receiver::start(Behaviour::status(200));
        let client = client();
        for _ in 0..3 {
            receiver.behave(Behaviour::status(200));
            let before = receiver.connections();
            assert_eq!(status(&send_to(&client, &make(receiver.url("/warm")))), 200);
            assert!(receiver.connections() <= before + 1);
            receiver.behave(Behaviour::Close);
            let asked = receiver.arrivals().len();
            let exchange = send_to(&client, &make(receiver.url("/once")));
            assert_eq!(class(&exchange), Some(ErrorClass::Reset), "{exchange:?}");
            assert_eq!(receiver.arrivals().len() - asked, 1, "one request an attempt");
        }
    }
}

#[test]
fn a_connection_that_was_closed_is_not_used_again() {
    let receiver = Receiver::start(Behaviour::Answer(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into(),
    ));
    let client = client();
    for _ in 0..5 {
        assert_eq!(status(&send_to(&client, &get(receiver.url("/")))), 200);
        receiver.close_all();
    }
    assert_eq!(receiver.arrivals().len(), 5);
}

#[test]
fn heads_that_other_clients_accept_are_accepted() {
    for head in [
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        "HTTP/1.0 200\n\nok",
        "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX-Long: a\r\n  b\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX-A: \u{1}\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    ] {
        let receiver = Receiver::start(Behaviour::AnswerAndClose(head.into()));
        let exchange = send_to(&client(), &get(receiver.url("/")));
        assert_eq!(
            (status(&exchange), exchange.body.as_str()),
            (200, "ok"),
            "{head:?}"
        );
        assert_eq!(receiver.arrivals().len(), 1, "{head:?}");
    }
}

#[test]
fn connections_are_kept_alive() {
    let receiver = Receiver::start(Behaviour::status(200));
    let client = client();
    for _ in 0..5 {
        assert_eq!(status(&send_to(&client, &get(receiver.url("/")))), 200);
    }
    assert_eq!(receiver.connections(), 1);
}

#[test]
fn the_vetted_address_is_the_one_that_is_connected_to() {
    let receiver = Receiver::start(Behaviour::status(200));
    let client = client_with(&["127.0.0.1/32"], Script::new(&[&["127.0.0.1"]]));
    let url = format!("http://partner.example:{}/x", receiver.address.port());
    let exchange = send_to(&client, &get(url));
    assert_eq!(
        (status(&exchange), exchange.remote_addr),
        (200, Some(receiver.address))
    );
    assert_eq!(
        receiver.arrivals()[0].header("Host").unwrap(),
        format!("partner.example:{}", receiver.address.port())
    );
}

#[test]
fn an_answer_that_changes_between_look_ups_is_judged_each_time() {
    let receiver = Receiver::start(Behaviour::status(200));
    let resolver = Script::new(&[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.1"]]);
    let client = client_with(&["127.0.0.1/32"], resolver);
    let url = format!("http://rebind.example:{}/", receiver.address.port());
    assert_eq!(status(&send_to(&client, &get(url.clone()))), 200);
    assert_eq!(
        class(&send_to(&client, &get(url.clone()))),
        Some(ErrorClass::Egress)
    );
    assert_eq!(status(&send_to(&client, &get(url))), 200);
    assert_eq!(receiver.arrivals().len(), 2);
}

#[test]
fn one_bad_address_refuses_the_whole_answer() {
    let receiver = Receiver::start(Behaviour::status(200));
    let url = |host: &str| get(format!("http://{host}:{}/", receiver.address.port()));
    for answer in [
        &["127.0.0.1", "10.0.0.1"][..],
        &["169.254.169.254"],
        &["127.0.0.1", "::ffff:127.0.0.1"],
        &["64:ff9b::a00:1"],
    ] {
        let client = client_with(&["127.0.0.0/8"], Script::new(&[answer]));
        assert_eq!(
            class(&send_to(&client, &url("mixed.example"))),
            Some(ErrorClass::Egress),
            "{answer:?}"
        );
    }
    let strict = client_with(&[], Script::new(&[&["127.0.0.1"]]));
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "[::1]",
        "[::ffff:7f00:1]",
    ] {
        assert_eq!(
            class(&send_to(&strict, &url(host))),
            Some(ErrorClass::Egress),
            "{host}"
        );
    }
    assert_eq!(receiver.connections(), 0);
}

#[test]
fn a_name_without_address_is_a_dns_error() {
    let client = client_with(&[], Script::new(&[&[]]));
    let exchange = send_to(&client, &get("http://nowhere.example/".into()));
    assert_eq!(class(&exchange), Some(ErrorClass::Dns));
}

#[test]
fn the_next_address_is_tried_when_one_cannot_be_connected_to() {
    let receiver = Receiver::start(Behaviour::status(200));
    let client = client_with(&["127.0.0.0/8"], Script::new(&[&["127.0.0.9", "127.0.0.1"]]));
    let url = format!("http://two.example:{}/", receiver.address.port());
    let exchange = send_to(&client, &get(url));
    assert_eq!(
        (status(&exchange), exchange.remote_addr),
        (200, Some(receiver.address))
    );
}

#[test]
fn the_proxy_of_the_environment_is_not_used() {
    // Were it used, the request would go to a closed port. Child process: the environment belongs to all tests.
    if std::env::var_os("YAMABIKO_TEST_PROXY").is_some() {
        let receiver = Receiver::start(Behaviour::status(200));
        assert_eq!(status(&send_to(&client(), &get(receiver.url("/")))), 200);
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "wire::client::tests::the_proxy_of_the_environment_is_not_used",
        ])
        .env("YAMABIKO_TEST_PROXY", "1")
        .env("http_proxy", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn a_body_longer_than_the_buffer_of_what_is_sent_arrives_whole() {
    let receiver = Receiver::start(Behaviour::status(200));
    let client = client();
    for length in [1, 8 * 1024 - 1, 8 * 1024, 60 * 1024, 1_000_000] {
        let body: String = (0..length).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
        let request = Request {
            method: Method::Post,
            body: Some(body.clone()),
            ..get(receiver.url("/long"))
        };
        assert_eq!(status(&send_to(&client, &request)), 200, "{length} bytes");
        let arrived = receiver.arrivals().pop().unwrap();
        assert!(arrived.body == body, "{length} bytes");
        assert_eq!(
            arrived.header("Content-Length"),
            Some(length.to_string().as_str())
        );
        assert_eq!(arrived.header("Transfer-Encoding"), None);
    }
}
