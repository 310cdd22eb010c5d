//! Keys in headers of rules move into secrets when a store of schema 1 is opened, and out of everything stored.

use super::super::catalog::ConfigObject;
use super::*;
use crate::domain::account::AuditEntry;
use crate::domain::ids::{PostbackId, TimeId};
use crate::domain::postback::{Attempt, Postback};
use crate::domain::template::hole;
use serde_json::json;

const KEY: &str = "s3cret-key-0123";

fn config(kind: u8, id: &str, json: serde_json::Value) -> (Db, Op) {
    let (db, key) = keys::config(kind, id).into();
    (db, Op::Put(key, serde_json::to_vec(&json).unwrap()))
}

fn record<T: Record>(key: records::Key<T>, record: &T) -> (Db, Op) {
    let (db, key) = key.into();
    (db, Op::Put(key, record.encode().unwrap()))
}

fn postback(n: u64, rule: &str) -> Postback {
    let mut postback = record_bytes::postback();
    postback.id = PostbackId::new(1_795_000_000_000, n);
    postback.origin = crate::domain::postback::Origin::Rule(rule.parse().unwrap());
    postback.request.headers = vec![
        ("authorization".into(), format!("Bearer {KEY}")),
        ("Accept".into(), "*/*".into()),
    ];
    postback.last = Some(Attempt {
        excerpt: format!("you sent {KEY}"),
        ..record_bytes::attempt()
    });
    postback
}

#[test]
fn keys_in_headers_become_secrets_and_leave_what_was_stored() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let rule = |id: &str, scope: serde_json::Value| {
        json!({"id": id, "scope": scope, "text": "https://p.example/",
            "headers": [{"name": "Authorization", "value": format!("Bearer {KEY}")}]})
    };
    let (waiting, settled) = (postback(1, "rule1"), postback(2, "rule2"));
    let audit = AuditEntry {
        at_ms: 1,
        actor: "user a".into(),
        from: String::new(),
        action: "rule.create".into(),
        subject: "rule1".into(),
        detail: format!(r#"headers: [{{"value":"Bearer {KEY}"}}]"#),
    };
    let writes = vec![
        config(
            b'o',
            "offer0000001",
            json!({"id": "offer0000001", "name": "Shop"}),
        ),
        config(b'p', "part1", json!({"id": "part1", "name": "Media"})),
        config(
            b'r',
            "rule1",
            rule("rule1", json!({"type": "partner", "partner": "part1"})),
        ),
        config(
            b'r',
            "rule2",
            rule("rule2", json!({"type": "offer", "offer": "offer0000001"})),
        ),
        record(keys::waiting(waiting.id), &waiting),
        record(keys::postback(settled.id), &settled),
        record(keys::attempt(settled.id, 1), settled.last.as_ref().unwrap()),
        record(keys::audit(TimeId::new(1, 1)), &audit),
    ];
    store.writer.commit(Commit { writes }).unwrap();
    store.writer.close().unwrap();
    drop((store.reader, store.keeper));
    let path = dir.path().join("MANIFEST");
    let manifest::Found::Good(manifest) = manifest::Manifest::read(&path).unwrap() else {
        panic!("no manifest")
    };
    manifest::Manifest {
        schema: 1,
        ..manifest
    }
    .write(&path)
    .unwrap();

    let (store, report) = open(dir.path());
    assert_eq!((report.migrated_from, report.schema), (Some(1), 2));
    let reader = &store.reader;
    let secret = |id: &str| match reader.load(&keys::config(b'k', id)).unwrap() {
        Some(ConfigObject::Secret(secret)) => secret.value.open().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(secret("part1.authorization"), KEY);
    assert_eq!(secret("offer0000001.authorization"), KEY);
    for id in ["rule1", "rule2"] {
        let Some(ConfigObject::Rule(rule)) = reader.load(&keys::config(b'r', id)).unwrap() else {
            panic!("no rule")
        };
        assert_eq!(rule.headers[0].value, "Bearer {secret.authorization}");
        assert!(rule.secret_owner().is_some());
    }
    assert!(
        reader
            .load(&keys::config(b'p', "offer0000001"))
            .unwrap()
            .is_some()
    );
    for at in [keys::waiting(waiting.id), keys::postback(settled.id)] {
        let postback = reader.load(&at).unwrap().unwrap();
        let filled = hole::fill(&postback.request, &|name| {
            (name == "authorization").then(|| KEY.into())
        });
        assert_eq!(filled.unwrap().request.headers, waiting.request.headers);
        assert_eq!(postback.last.unwrap().excerpt, "you sent ‹authorization›");
    }
    for (db, records) in dump(&store) {
        for (key, value) in records {
            let is_secret = key.starts_with(&keys::config_prefix(b'k'));
            let text = String::from_utf8_lossy(&value);
            assert!(is_secret || !text.contains(KEY), "{db}: {text}");
        }
    }
}
