//! libcurl must use poll(): with select() every request fails once more than about a thousand descriptors are
//! open, which is any busy hour. `.cargo/config.toml` sets the flag; this holds it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

use std::net::UdpSocket;

#[test]
fn the_client_works_with_more_than_1100_open_descriptors() {
    // The first check also raises the limit of open descriptors.
    yamabiko::delivery::selftest::check()
        .expect("the client works, and low descriptors are held by the check");
    let any = UdpSocket::bind("127.0.0.1:0").expect("socket");
    let held: Vec<_> = (0..1_100).map(|_| any.try_clone().expect("descriptor")).collect();
    yamabiko::delivery::selftest::check().expect("the client works on high descriptors");
    drop(held);
}
