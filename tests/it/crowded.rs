//! How many connections a network may have, on the wire. Peers of this machine are not counted, so the test runs in a
//! network of its own, where its address is a public one.

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene};
use crate::support::server::Setup;
use crate::support::skip;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

const INSIDE: &str = "YAMABIKO_TEST_IN_A_NETWORK_OF_ITS_OWN";
const ADDRESS: &str = "198.51.100.5";
const SOON: Duration = Duration::from_secs(60);
/// The bound that is set.
const MOST: usize = 4;

#[test]
fn a_network_has_so_many_connections_and_then_narrow_ones() {
    if std::env::var_os(INSIDE).is_some() {
        return crowd();
    }
    let possible = Command::new("unshare").args(["-rn", "ip", "link"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        return skip(
            "no network namespace can be made: util-linux and iproute2, as root or with user namespaces",
        );
    }
    let script = format!("ip link set lo up && ip addr add {ADDRESS}/32 dev lo && exec \"$@\"");
    let output = Command::new("unshare")
        .args(["-rn", "sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("crowded::a_network_has_so_many_connections_and_then_narrow_ones")
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A connection of its own that asks for something; its answer, with what was closed behind it.
struct Peer(TcpStream);

impl Peer {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(stream)
    }

    /// The status of the answer; `None`: the connection was closed without one.
    fn ask(&mut self, target: &str) -> Option<u16> {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nUser-Agent: {BROWSER}\r\n\r\n");
        self.0.write_all(request.as_bytes()).ok()?;
        let mut begin = [0; 12];
        self.0.read_exact(&mut begin).ok()?;
        std::str::from_utf8(&begin[9..]).ok()?.parse().ok()
    }

    fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).is_ok()
    }
}

fn crowd() {
    let dir = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_yamabiko");
    let words = [binary, "serve", "--listen", &format!("{ADDRESS}:0")];
    let server = Setup::new(dir.path())
        .env("YAMABIKO_LIMITS_CONNECTIONS_PER_NETWORK", &MOST.to_string())
        .served_by(words.map(str::to_owned).to_vec())
        .start();
    let address = server.address();
    assert_eq!(address.ip().to_string(), ADDRESS);
    let link = Scene::build(&server, &Receiver::start()).link;
    let click = format!("/c/{link}");
    // What the set-up opened is closed by now, or will be.
    eventually("the places are free", SOON, || {
        let mut all: Vec<Peer> = (0..MOST).map(|_| Peer::new(address)).collect();
        all.iter_mut()
            .all(|peer| peer.ask("/healthz") == Some(200))
            .then_some(())
    });

    let mut whole = Vec::new();
    eventually("whole ones", SOON, || {
        whole = (0..MOST).map(|_| Peer::new(address)).collect::<Vec<_>>();
        whole
            .iter_mut()
            .all(|peer| peer.ask("/tag.js") == Some(200))
            .then_some(())
    });
    let mut clicking = Peer::new(address);
    assert_eq!(clicking.ask(&click), Some(302), "a visitor gets to the page");
    let mut other = Peer::new(address);
    let refused = other.ask("/cv?sid=x");
    assert_eq!(refused, Some(429), "anything else is told to come again");
    // Narrow ones are for one request, so their places are free again.
    assert!(clicking.is_closed() && other.is_closed());

    // Silent ones hold the narrow places until they had to have asked; whoever comes beyond them is let go.
    let mut silent = Vec::new();
    eventually("no place is left", SOON, || {
        silent = (0..MOST).map(|_| Peer::new(address)).collect::<Vec<_>>();
        Peer::new(address).ask(&click).is_none().then_some(())
    });
    assert!(silent.iter_mut().all(Peer::is_closed), "they had to hurry");
    assert_eq!(Peer::new(address).ask(&click), Some(302));
    drop(whole);
    eventually("all of it is over", SOON, || {
        let sold = Client::new(address).get("/cv?sid=0000000000000000");
        (sold.status == 200).then_some(())
    });
}
