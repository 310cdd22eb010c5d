use super::*;

const S: u64 = 1_000_000;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// How many of so many requests at one time are taken.
fn taken(gate: &Gate, count: usize, ask: impl Fn(&Gate, usize) -> Result<(), u64>) -> usize {
    (0..count).filter(|n| ask(gate, *n).is_ok()).count()
}

#[test]
fn by_network_and_by_sid() {
    let gate = Gate::default();
    let of = |from: &'static str, sid: Option<&'static str>, at_us| {
        move |gate: &Gate, _| gate.request_at(ip(from), sid, at_us)
    };
    assert_eq!(taken(&gate, 600, of("203.0.113.9", None, 0)), 500);
    assert_eq!(taken(&gate, 10, of("203.0.113.200", None, 0)), 0, "the same /24");
    assert_eq!(taken(&gate, 10, of("203.0.114.9", None, 0)), 10, "another");
    assert_eq!(
        taken(&gate, 100, of("203.0.113.9", None, S)),
        50,
        "a second later"
    );
    assert_eq!(taken(&gate, 600, of("2001:db8:1::1", None, 0)), 500);
    assert_eq!(taken(&gate, 1, of("2001:db8:1:2::3", None, 0)), 0, "the same /48");
    assert_eq!(taken(&gate, 30, of("198.51.100.1", Some("a"), 0)), 20);
    assert_eq!(taken(&gate, 30, of("198.51.100.2", Some("b"), 0)), 20);
    assert_eq!(
        taken(&gate, 1, of("192.0.2.1", Some("a"), 0)),
        0,
        "from elsewhere, too"
    );
    for own in [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.9",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
    ] {
        assert!(
            (0..2_000).all(|_| gate.request_at(ip(own), Some("c"), 0).is_ok()),
            "{own}"
        );
    }
    let open = Gate::new(Rates {
        requests: 0,
        sid: 0,
        ..Rates::default()
    });
    assert_eq!(taken(&open, 5_000, of("203.0.113.9", Some("a"), 0)), 5_000);
}

#[test]
fn a_full_table_spares_whoever_is_in_debt() {
    let gate = Gate::default();
    assert_eq!(
        taken(&gate, 600, |gate, _| gate.request_at(ip("203.0.113.9"), None, 0)),
        500
    );
    let others = |n: usize| {
        let [_, a, b, c] = u32::try_from(n).unwrap().to_be_bytes();
        IpAddr::from([20 + a, b, c, 1])
    };
    // Many more networks than there are places, each heard of once.
    let let_in = taken(&gate, 300_000, |gate, n| gate.request_at(others(n), None, 0));
    assert_eq!(let_in, 300_000);
    assert!(
        gate.request_at(ip("203.0.113.9"), None, 0).is_err(),
        "it is still known"
    );
}

#[test]
fn guesses_and_bursts() {
    let gate = Gate::default();
    let from = ip("203.0.113.9");
    for _ in 0..10 {
        assert_eq!(gate.may_guess(from), Ok(()));
        gate.note_unknown_sid(from);
    }
    assert_eq!(gate.may_guess(from), Err(1));
    assert_eq!(gate.may_guess(ip("203.0.114.9")), Ok(()));
    let bursts = (0..3_000).filter(|_| gate.is_burst(from)).count();
    assert!((500..=1_000).contains(&bursts), "{bursts}");
    assert!(!(0..3_000).any(|_| gate.is_burst(ip("127.0.0.1"))));
}
