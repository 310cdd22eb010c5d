//! The promises of the room, held by both places. The bucket's are held once more against real servers, in
//! `tests/it/archive`.

use super::*;
use crate::wire::testing::{Behaviour, Receiver};
use crate::wire::{Client, ClientOptions, Limits};
use std::sync::Arc;
use std::time::Duration;

fn directory() -> (tempfile::TempDir, Objects) {
    let dir = tempfile::tempdir().unwrap();
    let objects = Objects::Directory(Directory::open(dir.path()).unwrap());
    (dir, objects)
}

#[test]
fn an_object_is_created_once_and_replaced_only_by_who_read_it() {
    let (_dir, objects) = directory();
    let first = objects.put_new("a/b", b"1").unwrap();
    assert!(matches!(
        objects.put_new("a/b", b"2"),
        Err(ObjectsError::Exists { .. })
    ));
    let second = objects.put_over("a/b", b"2", &first).unwrap();
    assert!(matches!(
        objects.put_over("a/b", b"3", &first),
        Err(ObjectsError::Changed { .. })
    ));
    assert_eq!(objects.get("a/b").unwrap(), Some((b"2".to_vec(), second.clone())));
    objects.delete("a/b").unwrap();
    objects.delete("a/b").unwrap();
    assert_eq!(objects.get("a/b").unwrap(), None);
    assert!(matches!(
        objects.put_over("a/b", b"3", &second),
        Err(ObjectsError::Changed { .. })
    ));
    assert_eq!(objects.usage().sent_bytes, 5);
}

#[test]
fn of_many_who_replace_the_same_version_one_does() {
    let (_dir, objects) = directory();
    let version = objects.put_new("m", b"0").unwrap();
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u8)
            .map(|n| {
                let (objects, version) = (&objects, &version);
                scope.spawn(move || objects.put_over("m", &[n], version).is_ok())
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .filter(|won| *won)
            .count()
    });
    assert_eq!(won, 1);
}

#[test]
fn lists_are_sorted_and_go_on_after_a_name() {
    let (_dir, objects) = directory();
    for key in ["x/2", "x/10", "x/1/a", "y", "x1"] {
        objects.put(key, b"..").unwrap();
    }
    let names = |listed: Vec<Listed>| listed.into_iter().map(|one| one.key).collect::<Vec<_>>();
    assert_eq!(names(objects.list_all("x/").unwrap()), ["x/1/a", "x/10", "x/2"]);
    assert_eq!(
        names(objects.list_all("x").unwrap()),
        ["x/1/a", "x/10", "x/2", "x1"]
    );
    assert_eq!(names(objects.list("x/", Some("x/10")).unwrap()), ["x/2"]);
    assert_eq!(names(objects.list_all("").unwrap()).len(), 5);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (_dir, objects) = directory();
    for key in [
        "", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a b", "a?b", "日本", "+lock",
    ] {
        assert!(
            matches!(objects.get(key), Err(ObjectsError::Name { .. })),
            "{key:?}"
        );
        assert!(
            matches!(objects.put(key, b""), Err(ObjectsError::Name { .. })),
            "{key:?}"
        );
    }
    assert!(is_name("dt=2026-11-29/h=01/part-1.parquet"));
}

fn bucket(receiver: &Receiver) -> Objects {
    let wire = Arc::new(Client::start(&ClientOptions::default()).unwrap());
    let place = Place {
        endpoint: format!("http://{}", receiver.address),
        bucket: "b".into(),
        region: "r".into(),
        is_in_host: false,
    };
    let key = AccessKey {
        id: "k".into(),
        secret: "s".into(),
        session: None,
    };
    let limits = Limits {
        connect: Duration::from_secs(60),
        total: Duration::from_secs(60),
    };
    Objects::Bucket(Box::new(
        Bucket::new(wire, &place, &key).unwrap().with_limits(limits),
    ))
}

fn error(code: u16, name: &str) -> Behaviour {
    Behaviour::with(
        code,
        "",
        &format!("<?xml?><Error><Code>{name}</Code><Message>m</Message></Error>"),
    )
}

#[test]
fn answers_of_a_bucket_are_told_apart() {
    let receiver = Receiver::start(error(412, "PreconditionFailed"));
    let objects = bucket(&receiver);
    let version = Version("\"v\"".into());
    assert!(matches!(
        objects.put_new("a", b"1"),
        Err(ObjectsError::Exists { .. })
    ));
    assert!(matches!(
        objects.put_over("a", b"1", &version),
        Err(ObjectsError::Changed { .. })
    ));
    let arrival = receiver.arrivals().pop().unwrap();
    assert!(arrival.line.starts_with("PUT /b/a?"), "{}", arrival.line);
    assert!(
        arrival.line.contains("SignedHeaders=host%3Bif-match"),
        "{}",
        arrival.line
    );
    receiver.behave(error(404, "NoSuchKey"));
    assert!(matches!(
        objects.put_over("a", b"1", &version),
        Err(ObjectsError::Changed { .. })
    ));
    assert_eq!(objects.get("a").unwrap(), None);
    receiver.behave(error(404, "NoSuchBucket"));
    assert!(matches!(
        objects.get("a"),
        Err(ObjectsError::Refused { status: 404, .. })
    ));
    assert!(matches!(
        objects.put_over("a", b"1", &version),
        Err(ObjectsError::Refused { .. })
    ));
    receiver.behave(error(403, "AccessDenied"));
    let refused = objects.put("a", b"1").unwrap_err();
    assert!(!refused.is_passing());
    assert_eq!(refused.to_string(), "the bucket refused: 403 AccessDenied m");
    receiver.behave(error(503, "SlowDown"));
    assert!(objects.put("a", b"1").unwrap_err().is_passing());
    receiver.behave(error(409, "ConditionalRequestConflict"));
    assert!(objects.put_new("a", b"1").unwrap_err().is_passing());
}

#[test]
fn reading_is_repeated_and_writing_is_not() {
    let receiver = Receiver::start(error(503, "SlowDown"));
    let objects = bucket(&receiver);
    assert!(objects.put("a", b"1").is_err());
    assert_eq!(receiver.arrivals().len(), 1);
    assert!(objects.get("a").is_err());
    assert_eq!(receiver.arrivals().len(), 4);
}
