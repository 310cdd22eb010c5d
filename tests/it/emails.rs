//! E-mail addresses come out as the platforms' own libraries make them, asked in this run: Meta's
//! (`facebook-nodejs-business-sdk`) and Google's (`google-ads-datamanager-util`).

use crate::support::{engines, skip};
use std::io::Write;
use std::process::{Command, Stdio};
use yamabiko::domain::identity::{Form, IdentityPolicy, Sent, names};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

/// Ten thousand addresses as people write them, each with Meta's digest or `-`.
fn addresses() -> Vec<(String, String)> {
    let output = Command::new("node")
        .arg(format!("{FIXTURES}/emails.mjs"))
        .output()
        .expect("node runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    pairs(&output.stdout)
}

fn pairs(lines: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(lines).unwrap();
    let pairs = text.lines().map(|line| line.split_once('\t').unwrap());
    pairs.map(|(text, digest)| (text.into(), digest.into())).collect()
}

/// What they take for no address (a dot in front, two in a row) carriers did give out: either may be said of it.
fn compare(theirs: &[(String, String)], form: Form) {
    let policy = IdentityPolicy {
        is_kept: true,
        phone_country: "81".to_owned(),
    };
    let (mut compared, mut wrong) = (0, Vec::new());
    for (text, digest) in theirs.iter().filter(|(_, digest)| digest != "-") {
        compared += 1;
        let mut sent = Sent::default();
        sent.take(names::of("email").unwrap(), text);
        if sent.settle(Some(&policy)).identity.hex(form).as_deref() != Some(digest) {
            wrong.push(text.as_str());
        }
    }
    assert_eq!(theirs.len(), 10_000);
    assert!(compared > 7_000, "{compared}");
    let shown = wrong[..wrong.len().min(30)].join("\n");
    assert!(wrong.is_empty(), "{} differ:\n{shown}", wrong.len());
}

#[test]
fn ten_thousand_addresses_come_out_as_metas_own_sdk_makes_them() {
    compare(&addresses(), Form::EmailSha256);
}

#[test]
fn ten_thousand_addresses_come_out_as_googles_own_library_makes_them() {
    let Some(python) = engines::python() else {
        return skip("target/engines is missing: tests/run installs it");
    };
    let mut asked = Command::new(python)
        .arg(format!("{FIXTURES}/emails_google.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let texts: Vec<String> = addresses().into_iter().map(|(text, _)| text).collect();
    asked
        .stdin
        .take()
        .unwrap()
        .write_all(texts.join("\n").as_bytes())
        .unwrap();
    let output = asked.wait_with_output().unwrap();
    assert!(output.status.success());
    let mut theirs = pairs(&output.stdout);
    // The full stop of a sentence is part of the address there; here it goes, since no account has one.
    for (_, digest) in theirs.iter_mut().filter(|(text, _)| text.trim().ends_with('.')) {
        *digest = "-".into();
    }
    compare(&theirs, Form::EmailGoogleSha256);
}
