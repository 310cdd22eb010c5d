//! A DNS server whose answers a test decides, question by question.

use simple_dns::rdata::{A, AAAA, RData};
use simple_dns::{CLASS, Packet, QTYPE, RCODE, ResourceRecord, TYPE};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The server; ends when it is dropped.
pub struct Dns {
    address: SocketAddr,
    asked: Arc<Mutex<HashMap<String, usize>>>,
    is_stopping: Arc<AtomicBool>,
}

impl Dns {
    /// `answer` gives all addresses of a name, for the n-th time (from 0) that it is asked for; none: no such
    /// name. Answers hold for no time at all, so that every look-up asks anew.
    pub fn start(answer: impl Fn(&str, usize) -> Vec<IpAddr> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind DNS server");
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("timeout");
        let address = socket.local_addr().expect("address");
        let (asked, is_stopping) = (
            Arc::new(Mutex::new(HashMap::new())),
            Arc::new(AtomicBool::new(false)),
        );
        let (counts, stopping) = (asked.clone(), is_stopping.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while !stopping.load(Ordering::Acquire) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                if let Some(reply) = reply(&buffer[..length], &answer, &counts) {
                    socket.send_to(&reply, from).expect("answer");
                }
            }
        });
        Self {
            address,
            asked,
            is_stopping,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often a name was looked up (both families are one look-up).
    pub fn asked(&self, name: &str) -> usize {
        self.asked
            .lock()
            .expect("counts")
            .get(name)
            .copied()
            .unwrap_or_default()
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Release);
    }
}

fn reply(
    query: &[u8],
    answer: &impl Fn(&str, usize) -> Vec<IpAddr>,
    counts: &Mutex<HashMap<String, usize>>,
) -> Option<Vec<u8>> {
    let mut reply = Packet::parse(query).ok()?.into_reply();
    let question = reply.questions.first()?.clone();
    let name = question.qname.to_string();
    let mut counts = counts.lock().expect("counts");
    let count = counts.entry(name.clone()).or_default();
    // A is asked before AAAA, each once a look-up.
    let is_first = question.qtype == QTYPE::TYPE(TYPE::A);
    if is_first {
        *count += 1;
    }
    let addresses = answer(&name, count.saturating_sub(1));
    if addresses.is_empty() {
        *reply.rcode_mut() = RCODE::NameError;
    }
    for address in addresses {
        let data = match address {
            IpAddr::V4(v4) if is_first => RData::A(A { address: v4.into() }),
            IpAddr::V6(v6) if !is_first => RData::AAAA(AAAA { address: v6.into() }),
            _ => continue,
        };
        reply
            .answers
            .push(ResourceRecord::new(question.qname.clone(), CLASS::IN, 0, data));
    }
    reply.build_bytes_vec().ok()
}
