//! A stand-in for a certificate authority with renewal information (RFC 9773). It believes whatever it is told: no
//! signature is verified, and no name has to be proved unless it is told to look. What it counts is what the tests are
//! about.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, IsCa, KeyPair,
};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Book {
    orders: usize,
    asked: usize,
    chains: Vec<String>,
    ids: Vec<String>,
    replaced: Vec<String>,
    is_refusing: bool,
    window_days: (i64, i64),
    look: Option<Look>,
}

/// The proof that is asked for.
struct Look {
    /// Where the name leads.
    at: SocketAddr,
    /// Whether the answer is said to be in place.
    is_told: bool,
    /// How often its nonce is refused before it looks.
    refusals: usize,
    /// Whether the answer was in place.
    found: Option<bool>,
}

/// See the module. It serves until the test ends.
pub struct Stand {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl Stand {
    pub fn start() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let book = Arc::new(Mutex::new(Book::default()));
        let shared = book.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that goes away in between is what a restart does.
                drop(serve(&stream, address, &issuer, &shared));
            }
        });
        Self { address, book }
    }

    pub fn directory(&self) -> String {
        format!("http://{}/dir", self.address)
    }

    /// The window that is suggested, in days from now.
    pub fn suggest(&self, from: i64, to: i64) {
        self.book.lock().unwrap().window_days = (from, to);
    }

    /// Whether orders are refused for being too many.
    pub fn refuse(&self, is_refusing: bool) {
        self.book.lock().unwrap().is_refusing = is_refusing;
    }

    /// Whether the name leads there is looked at with each order, after three refused nonces.
    pub fn look_at(&self, at: SocketAddr) {
        self.book.lock().unwrap().look = Some(Look {
            at,
            is_told: false,
            refusals: 3,
            found: None,
        });
    }

    pub fn orders(&self) -> usize {
        self.book.lock().unwrap().orders
    }

    pub fn issued(&self) -> usize {
        self.book.lock().unwrap().chains.len()
    }

    /// How often it was asked when to renew.
    pub fn asked(&self) -> usize {
        self.book.lock().unwrap().asked
    }

    /// Certificates that orders said they replace.
    pub fn replaced(&self) -> Vec<String> {
        self.book.lock().unwrap().replaced.clone()
    }

    /// Under which id it was first asked.
    pub fn first_id(&self) -> String {
        self.book.lock().unwrap().ids[0].clone()
    }
}

struct Asked {
    method: String,
    path: String,
    payload: Value,
}

fn read(stream: &TcpStream) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? <= 2 {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let jws: Value = serde_json::from_slice(&body).unwrap_or_default();
    let payload = URL_SAFE_NO_PAD
        .decode(jws["payload"].as_str().unwrap_or_default())
        .unwrap_or_default();
    Ok(Asked {
        method,
        path,
        payload: serde_json::from_slice(&payload).unwrap_or_default(),
    })
}

type Answer = (&'static str, String, String);

fn serve(
    mut stream: &TcpStream,
    address: SocketAddr,
    issuer: &CertifiedIssuer<'_, KeyPair>,
    book: &Mutex<Book>,
) -> std::io::Result<()> {
    let asked = read(stream)?;
    let (status, headers, body) = answer(&asked, &format!("http://{address}"), issuer, book);
    let length = body.len();
    let body = if asked.method == "HEAD" { "" } else { &body };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nReplay-Nonce: n\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn answer(asked: &Asked, base: &str, issuer: &CertifiedIssuer<'_, KeyPair>, book: &Mutex<Book>) -> Answer {
    let mut book = book.lock().unwrap();
    let order = |n: usize, status: &str, replaces: &Value| {
        json!({
            "status": status,
            "identifiers": [],
            "authorizations": [format!("{base}/authz/{n}")],
            "finalize": format!("{base}/finalize/{n}"),
            "certificate": format!("{base}/cert/{n}"),
            "replaces": replaces,
        })
        .to_string()
    };
    let is_issued = |book: &Book, n: usize| book.chains.len() > n;
    let (what, rest) = asked.path[1..].split_once('/').unwrap_or((&asked.path[1..], ""));
    let n: usize = rest.parse().unwrap_or(0);
    let fine = |body: String| ("200 OK", String::new(), body);
    match what {
        "dir" => fine(
            json!({
                "newNonce": format!("{base}/nonce"),
                "newAccount": format!("{base}/account"),
                "newOrder": format!("{base}/orders"),
                "renewalInfo": format!("{base}/renewal"),
            })
            .to_string(),
        ),
        "nonce" => fine(String::new()),
        "account" => (
            "201 Created",
            format!("Location: {base}/accounts/1\r\n"),
            "{}".into(),
        ),
        "orders" => {
            book.orders += 1;
            if book.is_refusing {
                let problem = json!({
                    "type": "urn:ietf:params:acme:error:rateLimited",
                    "detail": "too many certificates already",
                    "status": 429,
                });
                return (
                    "429 Too Many Requests",
                    "Retry-After: 3600\r\n".into(),
                    problem.to_string(),
                );
            }
            let replaces = asked.payload["replaces"].clone();
            if let Some(id) = replaces.as_str() {
                book.replaced.push(id.to_owned());
            }
            let n = book.chains.len();
            let status = if book.look.is_some() { "pending" } else { "ready" };
            (
                "201 Created",
                format!("Location: {base}/order/{n}\r\n"),
                order(n, status, &replaces),
            )
        }
        "order" if is_issued(&book, n) => fine(order(n, "valid", &Value::Null)),
        "order" => match book.look.as_mut().map(|look| judge(look, n)) {
            Some(Err(())) => refused("badNonce"),
            judged => fine(order(
                n,
                judged.and_then(Result::ok).unwrap_or("ready"),
                &Value::Null,
            )),
        },
        "authz" => fine(
            json!({
                "status": "pending",
                "identifier": {"type": "dns", "value": "a.yamabiko.example"},
                "challenges": [challenge(base, n)],
            })
            .to_string(),
        ),
        "challenge" => {
            if book.look.as_ref().is_some_and(|look| look.found.is_some()) {
                return refused("malformed");
            }
            book.look.iter_mut().for_each(|look| look.is_told = true);
            fine(challenge(base, n).to_string())
        }
        "finalize" => {
            let csr = asked.payload["csr"].as_str().unwrap_or_default();
            let der = URL_SAFE_NO_PAD.decode(csr).unwrap();
            book.chains.push(signed(&der, issuer));
            fine(order(n, "valid", &Value::Null))
        }
        "cert" => fine(book.chains[n].clone()),
        "renewal" => {
            book.asked += 1;
            book.ids.push(rest.to_owned());
            let day = |days: i64| {
                let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
                at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
            };
            let (from, to) = book.window_days;
            let window = json!({"suggestedWindow": {"start": day(from), "end": day(to)}});
            ("200 OK", "Retry-After: 21600\r\n".into(), window.to_string())
        }
        _ => ("404 Not Found", String::new(), String::new()),
    }
}

fn challenge(base: &str, n: usize) -> Value {
    let (url, token) = (format!("{base}/challenge/{n}"), format!("token-{n}"));
    json!({"type": "http-01", "url": url, "token": token, "status": "pending"})
}

fn refused(kind: &str) -> Answer {
    let kind = format!("urn:ietf:params:acme:error:{kind}");
    let problem = json!({"type": kind, "detail": "not so", "status": 400});
    ("400 Bad Request", String::new(), problem.to_string())
}

/// The state of an order that is asked for; an error: the nonce was no good. It has looked once it says a last time that
/// the order is pending.
fn judge(look: &mut Look, n: usize) -> Result<&'static str, ()> {
    if !look.is_told {
        return Ok("pending");
    }
    if look.refusals > 0 {
        look.refusals -= 1;
        return Err(());
    }
    let Some(found) = look.found else {
        let answer = asked_for(look.at, &format!("/.well-known/acme-challenge/token-{n}"));
        look.found = Some(answer.is_ok_and(|text| text.contains(&format!("token-{n}."))));
        return Ok("pending");
    };
    Ok(if found { "ready" } else { "invalid" })
}

fn asked_for(at: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(at)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: a.yamabiko.example\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// A certificate for ninety days that names its issuer's key.
fn signed(csr: &[u8], issuer: &CertifiedIssuer<'_, KeyPair>) -> String {
    let mut request = CertificateSigningRequestParams::from_der(&csr.into()).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let at = |days: i64| {
        let date = jiff::Timestamp::from_second(now + days * 86_400)
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::UTC);
        let part = |n: i8| u8::try_from(n).unwrap();
        rcgen::date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
    };
    request.params.not_before = at(-1);
    request.params.not_after = at(89);
    request.params.use_authority_key_identifier_extension = true;
    request.params.serial_number = Some(rand::random::<[u8; 16]>().to_vec().into());
    request.signed_by(issuer).unwrap().pem()
}
