//! A way to an address that can be broken and mended, or on which words get lost.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// See the module. Its threads end with the test process.
pub struct Way {
    pub address: SocketAddr,
    is_broken: Arc<AtomicBool>,
}

impl Way {
    pub fn to(target: SocketAddr) -> Self {
        Self::without(target, &[])
    }

    /// Names of headers (in lower case) that do not arrive under their name.
    pub fn without(target: SocketAddr, headers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("address");
        let is_broken = Arc::new(AtomicBool::new(false));
        let broken = is_broken.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(target) else {
                    continue;
                };
                for (from, to, lost) in [(&stream, &there, headers), (&there, &stream, &[][..])] {
                    let (from, to) = (from.try_clone().expect("clone"), to.try_clone().expect("clone"));
                    let broken = broken.clone();
                    std::thread::spawn(move || pass(from, to, lost, &broken));
                }
            }
        });
        Self { address, is_broken }
    }

    pub fn set_broken(&self, is_broken: bool) {
        self.is_broken.store(is_broken, Ordering::Release);
    }
}

/// Passes bytes on until the way is broken or one side ends.
fn pass(mut from: TcpStream, mut to: TcpStream, lost: &[&str], is_broken: &AtomicBool) {
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count) = from.read(&mut buffer) {
        let bytes = &mut buffer[..count];
        for header in lost {
            while let Some(at) = bytes
                .windows(header.len())
                .position(|part| part.eq_ignore_ascii_case(header.as_bytes()))
            {
                bytes[at] = b'z';
            }
        }
        if count == 0 || is_broken.load(Ordering::Acquire) || to.write_all(bytes).is_err() {
            break;
        }
    }
    for side in [from, to] {
        // The other side may have gone.
        drop(side.shutdown(Shutdown::Both));
    }
}
