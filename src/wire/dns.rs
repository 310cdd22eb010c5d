//! Questions to one DNS server of the operator's choice (`delivery.dns_server`): A and AAAA, over UDP, over TCP
//! when the answer was cut. It vets nothing and remembers nothing; [`super::resolve`] does the remembering.
//!
//! * 2026-11-21: for networks whose receivers are known to another server than the machine's, and for tests
//!   of names that change their address. The system's resolver stays the default: it alone knows /etc/hosts.
//! * 2026-11-21: the server is expected to recurse. An address counts only when its owner is the name that was
//!   asked for, or one that the answer's own CNAME records lead to.

use simple_dns::rdata::{OPT, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// How long each try waits for both answers.
const PATIENCE: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(2),
];
/// How long the other family is waited for once one has addresses.
const OTHER_FAMILY_PATIENCE: Duration = Duration::from_millis(300);
/// An answer larger than this comes over TCP (the size that passes everywhere).
const UDP_BYTES: u16 = 1_232;
/// CNAME records that are followed.
const MOST_ALIASES: usize = 16;

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// In the order of preference; empty when the name has no address.
    pub(super) addresses: Vec<IpAddr>,
    /// For how long this holds.
    pub(super) lasts: Duration,
}

/// The addresses of `host` as `server` tells them, those of IPv4 first, with the shortest lifetime among the
/// records.
///
/// # Errors
/// `NotFound` when there is no such name, `TimedOut` when the server stays silent, `InvalidData` when its
/// answer is none, `Other` when it says that it cannot tell.
pub(super) fn look_up(server: SocketAddr, host: &str) -> Result<Found> {
    let host = host.trim_end_matches('.');
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // A port of its own for every look-up; answers of others do not reach a connected socket.
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    let mut look_up = LookUp {
        server,
        host,
        socket,
        open: Vec::new(),
        found: Found {
            addresses: Vec::new(),
            lasts: Duration::MAX,
        },
        failure: None,
        enough_at: None,
    };
    let first = rand::random::<u16>();
    for (id, kind) in [(first, TYPE::A), (first.wrapping_add(1), TYPE::AAAA)] {
        look_up.open.push(Open::new(id, host, kind, true)?);
    }
    let broken = look_up.ask().err();
    if !look_up.found.addresses.is_empty() {
        return Ok(look_up.found);
    }
    match broken.or(look_up.failure) {
        Some(error) => Err(error),
        None if look_up.open.is_empty() => Ok(look_up.found),
        None => Err(Error::new(
            ErrorKind::TimedOut,
            format!("the DNS server {server} does not answer"),
        )),
    }
}

/// A question that is not answered yet.
struct Open {
    id: u16,
    kind: TYPE,
    bytes: Vec<u8>,
    has_edns: bool,
}

impl Open {
    fn new(id: u16, host: &str, kind: TYPE, has_edns: bool) -> Result<Self> {
        Ok(Self {
            id,
            kind,
            bytes: question(id, host, kind, has_edns)?,
            has_edns,
        })
    }
}

/// The questions for both families. One good answer is enough: a server that cannot tell the other, or never
/// does, holds nothing back.
struct LookUp<'a> {
    server: SocketAddr,
    host: &'a str,
    socket: UdpSocket,
    open: Vec<Open>,
    found: Found,
    failure: Option<Error>,
    /// Addresses are there; until then the other family may still answer.
    enough_at: Option<Instant>,
}

impl LookUp<'_> {
    /// Sends the questions until they are answered, or enough is known.
    fn ask(&mut self) -> Result<()> {
        for patience in PATIENCE {
            for question in &self.open {
                self.socket.send(&question.bytes)?;
            }
            let until = Instant::now() + patience;
            while !self.open.is_empty() {
                let until = self.enough_at.map_or(until, |at| until.min(at));
                let Some(reply) = receive(&self.socket, until)? else {
                    break;
                };
                let is_answered = |question: &Open| is_reply(&reply, question.id, self.host);
                let Some(at) = self.open.iter().position(is_answered) else {
                    continue;
                };
                let question = self.open.swap_remove(at);
                if let Err(error) = self.answered(&question, reply) {
                    self.failure = Some(error);
                }
                if !self.found.addresses.is_empty() && self.enough_at.is_none() {
                    self.enough_at = Some(Instant::now() + OTHER_FAMILY_PATIENCE);
                }
            }
            if self.open.is_empty() || self.enough_at.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn answered(&mut self, question: &Open, mut reply: Vec<u8>) -> Result<()> {
        if simple_dns::header_buffer::has_flags(&reply, PacketFlag::TRUNCATION).unwrap_or(false) {
            reply = over_tcp(self.server, &question.bytes, question.id, self.host)?;
        }
        let code = Packet::parse(&reply).map_err(unreadable)?.rcode();
        if question.has_edns && matches!(code, RCODE::FormatError | RCODE::NotImplemented) {
            // Old servers do not know the extension that allows long answers over UDP.
            let plain = Open::new(question.id, self.host, question.kind, false)?;
            self.socket.send(&plain.bytes)?;
            self.open.push(plain);
            return Ok(());
        }
        take(&reply, self.host, &mut self.found)
    }
}

fn question(id: u16, host: &str, kind: TYPE, has_edns: bool) -> Result<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(host).map_err(|e| Error::new(ErrorKind::InvalidInput, e.to_string()))?;
    packet
        .questions
        .push(Question::new(name, kind.into(), CLASS::IN.into(), false));
    if has_edns {
        *packet.opt_mut() = Some(OPT {
            opt_codes: Vec::new(),
            udp_packet_size: UDP_BYTES,
            version: 0,
        });
    }
    packet.build_bytes_vec().map_err(unreadable)
}

/// The next datagram; `None` at `until`.
fn receive(socket: &UdpSocket, until: Instant) -> Result<Option<Vec<u8>>> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(None);
    }
    socket.set_read_timeout(Some(left))?;
    let mut buffer = [0; UDP_BYTES as usize];
    match socket.recv(&mut buffer) {
        Ok(count) => Ok(buffer.get(..count).map(<[u8]>::to_vec)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Some(Vec::new())),
        Err(error) => Err(error),
    }
}

/// The same question over TCP, where nothing is cut.
fn over_tcp(server: SocketAddr, question: &[u8], id: u16, host: &str) -> Result<Vec<u8>> {
    let patience = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&server, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let length = u16::try_from(question.len()).map_err(|e| Error::new(ErrorKind::InvalidInput, e))?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(question);
    stream.write_all(&framed)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply)?;
    if is_reply(&reply, id, host) {
        Ok(reply)
    } else {
        Err(unreadable("the answer belongs to another question"))
    }
}

fn is_reply(bytes: &[u8], id: u16, host: &str) -> bool {
    Packet::parse(bytes).is_ok_and(|packet| {
        packet.id() == id
            && packet.has_flags(PacketFlag::RESPONSE)
            && packet
                .questions
                .first()
                .is_none_or(|question| is_name(&question.qname, host))
    })
}

/// Adds the addresses of one answer.
fn take(reply: &[u8], host: &str, found: &mut Found) -> Result<()> {
    let packet = Packet::parse(reply).map_err(unreadable)?;
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => {
            return Err(Error::new(ErrorKind::NotFound, "there is no such name"));
        }
        other => {
            return Err(Error::other(format!("the DNS server could not tell ({other:?})")));
        }
    }
    let mut owner = host.to_owned();
    for _ in 0..MOST_ALIASES {
        let next = packet.answers.iter().find_map(|record| match &record.rdata {
            RData::CNAME(alias) if is_name(&record.name, &owner) => Some((alias.0.to_string(), record.ttl)),
            _ => None,
        });
        let Some((alias, ttl)) = next else { break };
        found.lasts = found.lasts.min(Duration::from_secs(ttl.into()));
        owner = alias;
    }
    for record in packet.answers.iter().filter(|r| is_name(&r.name, &owner)) {
        let address: IpAddr = match &record.rdata {
            RData::A(a) => Ipv4Addr::from(a.address).into(),
            RData::AAAA(aaaa) => Ipv6Addr::from(aaaa.address).into(),
            _ => continue,
        };
        found.lasts = found.lasts.min(Duration::from_secs(record.ttl.into()));
        match address {
            IpAddr::V4(_) => {
                let at = found.addresses.iter().filter(|a| a.is_ipv4()).count();
                found.addresses.insert(at, address);
            }
            IpAddr::V6(_) => found.addresses.push(address),
        }
    }
    Ok(())
}

fn is_name(name: &Name<'_>, host: &str) -> bool {
    name.to_string()
        .trim_end_matches('.')
        .eq_ignore_ascii_case(host.trim_end_matches('.'))
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::InvalidData,
        format!("the DNS server's answer cannot be read: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::{A, AAAA, CNAME};
    use std::net::TcpListener;

    fn record(owner: &'static str, ttl: u32, data: RData<'static>) -> ResourceRecord<'static> {
        ResourceRecord::new(Name::new_unchecked(owner), CLASS::IN, ttl, data)
    }

    fn a(address: [u8; 4]) -> RData<'static> {
        RData::A(A {
            address: u32::from_be_bytes(address),
        })
    }

    fn reply_to(query: &[u8], change: impl Fn(&mut Packet<'_>)) -> Vec<u8> {
        let mut reply = Packet::parse(query).unwrap().into_reply();
        change(&mut reply);
        reply.build_bytes_vec().unwrap()
    }

    /// Answers `count` datagrams, each with what `change` makes of the reply.
    fn server(
        count: usize,
        change: impl Fn(&mut Packet<'_>) + Send + 'static,
    ) -> (SocketAddr, std::thread::JoinHandle<()>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            for _ in 0..count {
                let mut buffer = [0; 1500];
                let (length, from) = socket.recv_from(&mut buffer).unwrap();
                let reply = reply_to(&buffer[..length], &change);
                socket.send_to(&reply, from).unwrap();
            }
        });
        (address, thread)
    }

    fn is_asked(packet: &Packet<'_>, kind: TYPE) -> bool {
        packet.questions[0].qtype == kind.into()
    }

    #[test]
    fn both_families_come_with_ipv4_first_through_aliases_and_the_shortest_lifetime() {
        let (address, thread) = server(2, |reply| {
            let alias = RData::CNAME(CNAME(Name::new_unchecked("edge.example")));
            reply.answers.push(record("a.example", 20, alias));
            // Owners that nobody asked for do not count.
            reply.answers.push(record("evil.example", 1, a([127, 0, 0, 1])));
            if is_asked(reply, TYPE::A) {
                reply.answers.push(record("edge.example", 60, a([8, 8, 8, 8])));
            } else {
                let six = RData::AAAA(AAAA {
                    address: "2606:4700::1".parse::<Ipv6Addr>().unwrap().into(),
                });
                reply.answers.push(record("EDGE.example", 10, six));
            }
        });
        let found = look_up(address, "a.example.").unwrap();
        thread.join().unwrap();
        assert_eq!(
            found.addresses,
            ["8.8.8.8", "2606:4700::1"].map(|t| t.parse::<IpAddr>().unwrap())
        );
        assert_eq!(found.lasts, Duration::from_secs(10));
    }

    #[test]
    fn what_the_server_says_of_a_missing_name_is_told_apart_from_its_own_trouble() {
        for (code, kind) in [
            (RCODE::NameError, ErrorKind::NotFound),
            (RCODE::ServerFailure, ErrorKind::Other),
            (RCODE::Refused, ErrorKind::Other),
        ] {
            let (address, thread) = server(2, move |reply| *reply.rcode_mut() = code);
            assert_eq!(
                look_up(address, "a.example").unwrap_err().kind(),
                kind,
                "{code:?}"
            );
            thread.join().unwrap();
        }
        let (address, thread) = server(2, |_| {});
        assert!(look_up(address, "a.example").unwrap().addresses.is_empty());
        thread.join().unwrap();
    }

    #[test]
    fn one_good_family_is_enough() {
        for (good, address) in [(TYPE::A, "8.8.8.8"), (TYPE::AAAA, "2606:4700::1")] {
            for code in [
                Some(RCODE::ServerFailure),
                Some(RCODE::Refused),
                Some(RCODE::NotImplemented),
                Some(RCODE::FormatError),
                Some(RCODE::NameError),
                None,
            ] {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                let server = socket.local_addr().unwrap();
                let asked = std::thread::spawn(move || look_up(server, "a.example"));
                socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
                while !asked.is_finished() {
                    let mut buffer = [0; 1500];
                    let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                        continue;
                    };
                    let query = &buffer[..length];
                    let is_good = is_asked(&Packet::parse(query).unwrap(), good);
                    let reply = reply_to(query, |reply| match (is_good, code) {
                        (true, _) => {
                            let data = match address.parse::<IpAddr>().unwrap() {
                                IpAddr::V4(v4) => a(v4.octets()),
                                IpAddr::V6(v6) => RData::AAAA(AAAA { address: v6.into() }),
                            };
                            reply.answers.push(record("a.example", 60, data));
                        }
                        (false, Some(code)) => *reply.rcode_mut() = code,
                        (false, None) => {}
                    });
                    if is_good || code.is_some() {
                        socket.send_to(&reply, from).unwrap();
                    }
                }
                let found = asked.join().unwrap().unwrap();
                assert_eq!(found.addresses, [address.parse::<IpAddr>().unwrap()], "{code:?}");
            }
        }
    }

    #[test]
    fn a_server_that_knows_no_extension_is_asked_without() {
        // The first two questions carry it.
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let (address, thread) = server(4, move |reply| {
            if asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 {
                *reply.rcode_mut() = RCODE::FormatError;
            } else if is_asked(reply, TYPE::A) {
                reply.answers.push(record("a.example", 60, a([8, 8, 8, 8])));
            }
        });
        let found = look_up(address, "a.example").unwrap();
        thread.join().unwrap();
        assert_eq!(found.addresses, ["8.8.8.8".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn answers_to_other_questions_are_passed_over() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            for _ in 0..2 {
                let mut buffer = [0; 1500];
                let (length, from) = socket.recv_from(&mut buffer).unwrap();
                let query = &buffer[..length];
                let lie = |reply: &mut Packet<'_>| {
                    reply.answers.push(record("a.example", 60, a([127, 0, 0, 1])));
                };
                let mut other_id = reply_to(query, lie);
                other_id[0] ^= 0x55;
                let other_name = reply_to(query, |reply| {
                    lie(reply);
                    reply.questions[0].qname = Name::new_unchecked("b.example");
                });
                for bytes in [&other_id, &other_name, &b"\x00\x01garbage".to_vec()] {
                    socket.send_to(bytes, from).unwrap();
                }
                let truth = reply_to(query, |reply| {
                    if is_asked(reply, TYPE::A) {
                        reply.answers.push(record("a.example", 60, a([8, 8, 4, 4])));
                    }
                });
                socket.send_to(&truth, from).unwrap();
            }
        });
        let found = look_up(address, "a.example").unwrap();
        thread.join().unwrap();
        assert_eq!(found.addresses, ["8.8.4.4".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn a_cut_answer_is_asked_for_again_over_tcp() {
        let (address, thread) = server(2, |reply| {
            if is_asked(reply, TYPE::A) {
                reply.set_flags(PacketFlag::TRUNCATION);
            }
        });
        let listener = TcpListener::bind(address).unwrap();
        let tcp = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query).unwrap();
            let reply = reply_to(&query, |reply| {
                for n in 0..200 {
                    reply.answers.push(record("a.example", 60, a([8, 8, 8, n])));
                }
            });
            stream
                .write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes())
                .unwrap();
            stream.write_all(&reply).unwrap();
        });
        assert_eq!(look_up(address, "a.example").unwrap().addresses.len(), 200);
        thread.join().unwrap();
        tcp.join().unwrap();
    }
}
