//! Hours in files: once each, what comes late too, and the same again after a death in between.

use super::cursor::{Cursor, HOUR_MS, key};
use super::place::Place;
use super::work::{REST_MS, Writer};
use super::{begin, message_type};
use crate::config;
use crate::domain::activity::ActivityKind;
use crate::domain::ids::{PostbackId, SessionId};
use crate::domain::postback::{Attempt, LaneKey, Method, Origin, Outcome, Postback, PostbackState, Request};
use crate::domain::raw::TABLES;
use crate::domain::session::Session;
use crate::domain::template::sample::sample_activity;
use crate::recorder::testing::Instance;
use crate::store::keys;
use crate::store::keys::Feed;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use std::path::Path;
use std::sync::Arc;

const BEGIN_MS: i64 = 1_795_003_200_000;

fn writer(instance: &Instance, dir: &Path) -> Writer {
    let options = config::Export {
        endpoint: None,
        bucket: String::new(),
        prefix: String::new(),
        region: String::new(),
        bucket_in_host: false,
        credentials_file: None,
        directory: Some(dir.to_owned()),
    };
    let place = Place::open(&options, || panic!("no bucket")).unwrap();
    let cursor = begin(&instance.recorder, instance.clock.now_ms()).unwrap();
    let feeds = instance.recorder.feeds();
    feeds.begin(Feed::Export, cursor.before_ms, cursor.generation);
    Writer {
        recorder: instance.recorder.clone(),
        place: Arc::new(place),
        cursor,
    }
}

fn click(instance: &Instance, at_ms: i64, n: u64) -> String {
    let sample = sample_activity(ActivityKind::Click).unwrap();
    let session = Session {
        id: SessionId::new(at_ms, n),
        ..*sample.activity.session.unwrap()
    };
    let id = session.id.to_string();
    let saved = instance
        .recorder
        .run_blocking(move |group| group.save(keys::session(session.id), &session));
    saved.unwrap().unwrap();
    id
}

fn work(writer: &mut Writer) {
    while writer.turn().unwrap() {}
}

/// The ids in the files of clicks, with the hour of each file.
fn clicks(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.join("sessions")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let hour = path.parent().unwrap().file_name().unwrap();
            let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
            for row in reader.get_row_iter(None).unwrap() {
                let id = row.unwrap().get_string(1).unwrap().clone();
                found.push((hour.to_str().unwrap().to_owned(), id));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn an_hour_is_written_once_it_is_over_and_what_comes_late_stands_in_its_own() {
    let (instance, dir) = (Instance::start(BEGIN_MS), tempfile::tempdir().unwrap());
    let mut writer = writer(&instance, dir.path());
    let mut wanted = vec![
        ("h=12".to_owned(), click(&instance, BEGIN_MS + 5, 1)),
        ("h=12".to_owned(), click(&instance, BEGIN_MS + HOUR_MS - 1, 2)),
        ("h=13".to_owned(), click(&instance, BEGIN_MS + HOUR_MS, 3)),
    ];
    work(&mut writer);
    assert!(!dir.path().join("sessions").exists(), "the hour is not over");
    instance.clock.set_ms(BEGIN_MS + HOUR_MS + REST_MS);
    work(&mut writer);
    assert_eq!(clicks(dir.path()), wanted[..2]);
    wanted.push(("h=12".to_owned(), click(&instance, BEGIN_MS + 7, 4)));
    instance.clock.set_ms(BEGIN_MS + 2 * HOUR_MS + REST_MS);
    // The first part is written, and the server dies before that is noted.
    writer.turn().unwrap();
    let before = writer.cursor.clone();
    writer.turn().unwrap();
    instance
        .recorder
        .run_blocking({
            let before = before.clone();
            move |group| group.save(key(), &before)
        })
        .unwrap()
        .unwrap();
    writer.cursor = before;
    work(&mut writer);
    wanted.sort();
    assert_eq!(clicks(dir.path()), wanted);
    let stored: Cursor = instance.recorder.reader().load(&key()).unwrap().unwrap();
    assert_eq!((stored.rows, stored.hour_ms), (4, BEGIN_MS + 2 * HOUR_MS));
}

#[test]
fn every_table_has_a_schema_that_the_format_takes() {
    for table in TABLES {
        let text = message_type(table);
        let parsed = parquet::schema::parser::parse_message_type(&text).unwrap();
        assert_eq!(parsed.get_fields().len(), table.columns().count());
    }
}

#[test]
fn who_is_erased_while_no_files_are_written_is_taken_out_of_those_of_before() {
    let instance = Instance::start(BEGIN_MS);
    instance.recorder.feeds().remember(Feed::Export, BEGIN_MS);
    let (before, after) = (SessionId::new(BEGIN_MS - 1, 1).0, SessionId::new(BEGIN_MS, 1).0);
    let erased = instance.recorder.run_blocking(move |group| {
        group.erase([before, after]);
        group.note_postback(BEGIN_MS, crate::domain::ids::PostbackId(after), 0);
    });
    erased.unwrap();
    let reader = instance.recorder.reader();
    assert_eq!(super::read::erased(reader).unwrap(), [before]);
    // Nothing gathers for files that nobody writes.
    assert!(super::read::made(reader, i64::MAX).unwrap().entries.is_empty());
}

#[test]
fn what_was_there_before_files_were_set_up_is_written_first() {
    let (instance, dir) = (
        Instance::start(BEGIN_MS + 30 * HOUR_MS + 7),
        tempfile::tempdir().unwrap(),
    );
    let sample = sample_activity(ActivityKind::Event).unwrap();
    let postback = |at_ms: i64, n, state, tries: &[i64]| {
        let tries: Vec<Attempt> = (1..)
            .zip(tries)
            .map(|(number, at_ms)| Attempt {
                number,
                at_ms: *at_ms,
                ..attempt()
            })
            .collect();
        let postback = Postback {
            id: PostbackId::new(at_ms, n),
            state,
            last: tries.last().cloned(),
            ..waiting(&sample.activity)
        };
        (postback, tries)
    };
    let now_ms = instance.clock.now_ms();
    let settled = PostbackState::Delivered { at_ms: now_ms };
    let made = [
        // Tried in its own hour, and much later again.
        postback(BEGIN_MS + 5, 1, settled, &[BEGIN_MS + 6, BEGIN_MS + 25 * HOUR_MS]),
        postback(
            BEGIN_MS + HOUR_MS,
            2,
            PostbackState::Waiting { due_at_ms: now_ms },
            &[BEGIN_MS + HOUR_MS],
        ),
        postback(now_ms - 1, 3, settled, &[now_ms - 1]),
    ];
    let all: usize = made.iter().map(|(_, tries)| 1 + tries.len()).sum();
    let saved = instance.recorder.run_blocking(move |group| {
        for (postback, tries) in &made {
            match postback.state {
                PostbackState::Waiting { .. } => group.save(keys::waiting(postback.id), postback)?,
                _ => group.save(keys::postback(postback.id), postback)?,
            }
            for one in tries {
                group.save(keys::attempt(postback.id, one.number), one)?;
            }
        }
        Ok::<(), crate::store::StoreError>(())
    });
    saved.unwrap().unwrap();
    let clicked = click(&instance, BEGIN_MS + 5, 1);
    let mut writer = writer(&instance, dir.path());
    assert_eq!(writer.cursor.hour_ms, BEGIN_MS);
    work(&mut writer);
    assert_eq!(clicks(dir.path()), [("h=12".to_owned(), clicked)]);
    // The hour that is not over has the last one.
    assert_eq!(writer.cursor.rows as usize, 1 + all - 2);
    instance.clock.set_ms(now_ms + HOUR_MS + REST_MS);
    work(&mut writer);
    assert_eq!(writer.cursor.rows as usize, 1 + all);
    assert!(
        super::read::made(instance.recorder.reader(), i64::MAX)
            .unwrap()
            .entries
            .is_empty()
    );
}

fn attempt() -> Attempt {
    Attempt {
        number: 1,
        at_ms: 0,
        duration_ms: 1,
        url: "https://partner.example/".into(),
        outcome: Outcome::Answered {
            status: 200,
            retry_after_s: None,
        },
        headers: Vec::new(),
        excerpt: String::new(),
        remote_addr: None,
        is_manual: false,
        verdict: None,
        said: String::new(),
    }
}

fn waiting(of: &crate::domain::activity::Activity) -> Postback {
    Postback {
        id: PostbackId::new(0, 0),
        activity: of.id,
        offer: of.offer.clone().unwrap(),
        partner: None,
        origin: Origin::Link("event_callback".into()),
        entry: 0,
        lane: LaneKey("https://partner.example:443".into()),
        request: Request {
            method: Method::Get,
            url: "https://partner.example/".into(),
            headers: Vec::new(),
            body: None,
        },
        created_at_ms: 0,
        resent_at_ms: None,
        state: PostbackState::Waiting { due_at_ms: 0 },
        attempts: 0,
        order_key: None,
        is_test: false,
        last: None,
        expires_at_ms: None,
        looks_at: None,
        confirmed_at_ms: None,
    }
}
