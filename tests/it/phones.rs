//! Telephone numbers come out as libphonenumber makes them (its public port `libphonenumber-js`, asked in this run).

use std::process::Command;
use yamabiko::domain::identity::{Digest, Form, Identity, IdentityPolicy, Sent, names};

fn identified(text: &str, country: &str) -> Identity {
    let policy = IdentityPolicy {
        is_kept: true,
        phone_country: country.to_owned(),
    };
    let mut sent = Sent::default();
    sent.take(names::of("phone").unwrap(), text);
    sent.settle(Some(&policy)).identity
}

#[test]
fn ten_thousand_numbers_come_out_as_libphonenumber_makes_them() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/phones.mjs");
    let output = Command::new("node").arg(script).output().expect("node runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        count += 1;
        let [country, text, theirs] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let ours = identified(text, country);
        let is_same = |number: &str| {
            let digits = number.trim_start_matches('+');
            ours.hex(Form::PhoneE164Sha256) == Some(Digest::of(Form::PhoneE164Sha256, number).hex())
                && ours.hex(Form::PhoneDigitsSha256)
                    == Some(Digest::of(Form::PhoneDigitsSha256, digits).hex())
        };
        let is_good = match theirs.strip_prefix('?') {
            // Possible by its length, and given to nobody: both may be said of it, but no other number.
            Some(number) => ours.digests.is_empty() || is_same(number),
            None if theirs == "-" => ours.digests.is_empty(),
            None => is_same(theirs),
        };
        if !is_good {
            wrong.push(line.to_owned());
        }
    }
    assert_eq!(count, 10_000);
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(30)].join("\n")
    );
}
