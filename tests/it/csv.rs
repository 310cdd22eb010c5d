//! CSV in and out over HTTP: mistakes by line and nothing half done, both encodings, files that are too large,
//! and cells that a spreadsheet would run.

use crate::support::client::{Answer, Client};
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::Setup;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn upload(admin: &mut Client, query: &str, body: &[u8]) -> Answer {
    let target = format!("/api/v1/conversions/upload{query}");
    admin.send("POST", &target, &[("Content-Type", "text/csv")], body)
}

fn statuses(scene: &mut Scene) -> Vec<String> {
    let mut found: Vec<String> = scene
        .list("/api/v1/activities?kind=event&verdict=accepted")
        .iter()
        .map(|a| format!("{}={}", text(&a["uids"][0]), text(&a["status"])))
        .collect();
    found.sort();
    found
}

/// Lines of a file without its byte order mark, split into cells.
fn cells(csv: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
    let row =
        |record: Result<csv::StringRecord, csv::Error>| record.unwrap().iter().map(str::to_owned).collect();
    reader.records().map(row).collect()
}

#[test]
fn a_file_is_taken_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let url = receiver.url("/pb?o=##CONTENT_UID1##&s={status}");
    let mut scene = Scene::with(&server, json!({}), json!({"approval": {"mode": "manual"}}), &url);
    let sids: Vec<String> = (0..3).map(|n| scene.click(&server, &format!("c{n}"))).collect();
    let first = server
        .client()
        .get(&format!("/cv?sid={}&amount=100&uid1=first", sids[0]))
        .ok();
    let first = text(&first["activity_id"]);
    let before = statuses(&mut scene);
    let told_before = scene.list("/api/v1/postbacks").len();

    // One good line, and one mistake of each kind: each is told by its line, and nothing is done.
    let file = format!(
        "activity_id,sid,amount,uid1,status\n\
         ,{},200,second,\n\
         {first},,,,approved\n\
         {first},,,,perhaps\n\
         ,{},1e309,third,\n\
         not-an-id,,,,approved\n\
         0mhz9k2x0a1b2c3d,,,,approved\n\
         ,,5,fourth,\n",
        sids[1], sids[2]
    );
    let answer = upload(&mut scene.admin, "", file.as_bytes()).ok();
    assert_eq!(
        (&answer["is_applied"], &answer["lines"]),
        (&json!(false), &json!(7))
    );
    let errors: Vec<(u64, String)> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            assert!(!text(&e["message"]).is_empty());
            (e["line"].as_u64().unwrap(), text(&e["field"]))
        })
        .collect();
    let field = |line, name: &str| (line, name.to_owned());
    assert_eq!(
        errors,
        [
            field(4, "status"),
            field(5, "amount"),
            field(6, "activity_id"),
            field(7, "activity_id"),
            field(8, "sid"),
        ]
    );
    assert_eq!(statuses(&mut scene), before);

    // Without the mistakes: looked at first, then done, once.
    let good = format!(
        "activity_id,sid,amount,uid1,status\n,{},200,second,\n{first},,,,approved\n,{},300,third,\n",
        sids[1], sids[2]
    );
    let looked = upload(&mut scene.admin, "?dry_run=true", good.as_bytes()).ok();
    assert_eq!(
        (&looked["created"], &looked["updated"], &looked["is_applied"]),
        (&json!(2), &json!(1), &json!(false))
    );
    assert_eq!(statuses(&mut scene), before);
    let done = upload(&mut scene.admin, "", good.as_bytes()).ok();
    assert_eq!(
        (&done["created"], &done["updated"], &done["is_applied"]),
        (&json!(2), &json!(1), &json!(true)),
        "{done}"
    );
    let after = statuses(&mut scene);
    assert_eq!(after.len(), 3, "{after:?}");
    assert!(after.contains(&"first=approved".to_owned()), "{after:?}");
    receiver.wait_for(told_before + 3, Duration::from_secs(60));
    let again = upload(&mut scene.admin, "", good.as_bytes()).ok();
    assert_eq!(
        (&again["created"], &again["updated"]),
        (&json!(0), &json!(0)),
        "{again}"
    );
    assert_eq!(statuses(&mut scene), after);

    // As a spreadsheet in Japan saves it.
    let japanese = format!("成果ID,成果ステータス,備考\r\n{first},否認,キャンセルのため\r\n");
    let (sjis, _, _) = encoding_rs::SHIFT_JIS.encode(&japanese);
    let done = upload(&mut scene.admin, "", &sjis).ok();
    assert_eq!(done["updated"], 1, "{done}");
    assert!(statuses(&mut scene).contains(&"first=rejected".to_owned()));
}

/// `created`, `updated`, `unchanged`, and whether it was done.
fn counts(answer: &Value) -> (u64, u64, u64, bool) {
    let count = |name: &str| answer[name].as_u64().unwrap();
    let is_applied = answer["is_applied"].as_bool().unwrap();
    (count("created"), count("updated"), count("unchanged"), is_applied)
}

fn mistakes(answer: &Value) -> Vec<(u64, String, String)> {
    let errors = answer["errors"].as_array().unwrap().iter();
    errors
        .map(|e| (e["line"].as_u64().unwrap(), text(&e["field"]), text(&e["code"])))
        .collect()
}

#[test]
fn a_line_that_would_be_refused_holds_the_whole_file_back_and_a_look_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (server, receiver) = (Setup::new(dir.path()).start(), Receiver::start());
    let url = receiver.url("/pb?o=##CONTENT_UID1##&s={status}");
    let mut scene = Scene::with(&server, json!({}), json!({"approval": {"mode": "manual"}}), &url);
    let sids: Vec<String> = (0..3).map(|n| scene.click(&server, &format!("c{n}"))).collect();
    let first = format!("/cv?sid={}&amount=100&uid1=first", sids[0]);
    let first = text(&server.client().get(&first).ok()["activity_id"]);
    receiver.wait_for(1, Duration::from_secs(60));
    let activities = scene.list("/api/v1/activities").len();
    let postbacks = scene.list("/api/v1/postbacks").len();

    // A click that is none, an event that is none; a currency that is none is a mistake of the line.
    let refused = format!(
        "activity_id,sid,event,amount,currency,uid1,status\n\
         ,{},,200,,second,\n\
         ,0mhz9k2x0a1b2c3d,,200,,third,\n\
         ,{},nosuchevent,200,,fourth,\n\
         {first},,,,,,approved\n",
        sids[1], sids[2]
    );
    let told = |code: &str| (3, "sid".to_owned(), code.to_owned());
    for query in ["?dry_run=true", ""] {
        let answer = upload(&mut scene.admin, query, refused.as_bytes()).ok();
        assert_eq!(counts(&answer), (1, 1, 0, false), "{query}: {answer}");
        let event = (4, "event".to_owned(), "wrong_event".to_owned());
        assert_eq!(mistakes(&answer), [told("unknown_session"), event], "{query}");
    }
    let wrong = format!("{refused}{first},,,500,YEN,,\n");
    let answer = upload(&mut scene.admin, "", wrong.as_bytes()).ok();
    let lines: Vec<u64> = mistakes(&answer).iter().map(|(line, ..)| *line).collect();
    assert_eq!(lines, [3, 4, 6], "{answer}");

    // What has its status already, and an order that comes twice in one file.
    let good = format!(
        "activity_id,sid,uid1,status\n,{},second,\n,{},second,\n{first},,,pending\n",
        sids[1], sids[2]
    );
    let looked = upload(&mut scene.admin, "?dry_run=true", good.as_bytes()).ok();
    assert_eq!(counts(&looked), (1, 0, 2, false), "{looked}");
    assert_eq!(
        (
            scene.list("/api/v1/activities").len(),
            scene.list("/api/v1/postbacks").len()
        ),
        (activities, postbacks),
        "nothing was kept of files that were refused or looked at"
    );
    let done = upload(&mut scene.admin, "", good.as_bytes()).ok();
    assert_eq!(counts(&done), (1, 0, 2, true), "{done}");
    assert_eq!(statuses(&mut scene), ["first=pending", "second=pending"]);
    receiver.wait_for(2, Duration::from_secs(60));
    let looked = upload(&mut scene.admin, "?dry_run=true", good.as_bytes()).ok();
    assert_eq!(counts(&looked), (0, 0, 3, false), "{looked}");
}

#[test]
fn files_that_are_no_upload_are_refused_quickly_and_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    let sid = scene.click(&server, "x");
    let mut long = String::from("sid,amount,uid1\n");
    for n in 0..100_000 {
        long.push_str(&format!("{sid},100,o{n}\n"));
    }
    let memory = server.resident_bytes();
    let begun = Instant::now();
    let answer = upload(&mut scene.admin, "", long.as_bytes());
    assert_eq!((answer.status, answer.error_code()), (400, "too_many".into()));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let grown = server.resident_bytes().saturating_sub(memory) >> 20;
    assert!(grown < 64, "{grown} MiB kept after a file that was refused");
    let huge = vec![b'x'; 17 << 20];
    let refused = scene.admin.try_send(
        "POST",
        "/api/v1/conversions/upload",
        &[("Content-Type", "text/csv")],
        &huge,
    );
    // Refused before all of it was sent: the answer, or the end of the connection.
    assert!(refused.is_err() || refused.is_ok_and(|a| a.status == 413));
    for (body, code) in [
        (&b""[..], "missing_column"),
        (b"colour,sid\n1,2\n", "unknown_column"),
        (b"amount\n1\n", "missing_column"),
        (b"\x00\x01\x02\xff\n", "unknown_column"),
    ] {
        let answer = upload(&mut scene.admin, "", body);
        assert_eq!(
            (answer.status, answer.error_code()),
            (400, code.into()),
            "{body:?}"
        );
    }
    let answer = scene
        .admin
        .post_json("/api/v1/conversions/upload", &json!({"sid": sid}));
    assert_eq!(answer.status, 415);
    assert!(scene.list("/api/v1/activities?kind=event").is_empty());
}

#[test]
fn exports_open_in_a_spreadsheet_and_run_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::new(dir.path()).start();
    let mut scene = Scene::build(&server, &Receiver::start());
    let evil = [
        "=cmd|'/C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "＝1+1",
        "a,\"b\"c",
    ];
    for value in evil {
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let target = format!("/c/{}?s2s=1&param1={encoded}&label={encoded}", scene.link);
        let agent = format!(
            "{} {}",
            crate::support::scene::BROWSER,
            value.replace(['\r', '\n', '\t'], " ")
        );
        let sid = text(
            &server
                .client()
                .send("GET", &target, &[("User-Agent", &agent)], b"")
                .ok()["sid"],
        );
        // An order number with control characters is refused where it comes in.
        let order = if value.contains(char::is_control) {
            format!("plain{sid}")
        } else {
            encoded
        };
        let cv = format!("/cv?sid={sid}&amount=5&uid1={order}");
        assert_eq!(server.client().get(&cv).ok()["result"], "accepted", "{value:?}");
    }
    let now_ms = scene.admin.get("/api/v1/system").ok()["now_ms"].as_i64().unwrap();
    for list in [
        "sessions",
        "activities",
        "postbacks",
        "stats",
        "payouts",
        "audit",
        "offers",
        "partners",
        "links",
        "rules",
    ] {
        let period = match list {
            "stats" => format!(
                "?from_ms={}&to_ms={}&group_by=partner",
                now_ms - 3_600_000,
                now_ms + 3_600_000
            ),
            "payouts" => format!("?from_ms={}&to_ms={}", now_ms - 3_600_000, now_ms + 3_600_000),
            _ => String::new(),
        };
        let answer = scene.admin.get(&format!("/api/v1/{list}.csv{period}"));
        assert_eq!(answer.status, 200, "{list}: {}", answer.text());
        assert!(
            answer.body.starts_with(b"\xef\xbb\xbf"),
            "{list}: byte order mark"
        );
        assert!(
            answer
                .header("content-disposition")
                .is_some_and(|d| d.starts_with("attachment"))
        );
        for cell in cells(&answer.text()).concat() {
            let is_number = cell.parse::<f64>().is_ok();
            let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
            assert!(is_number || !is_formula, "{list}: {cell:?}");
        }
    }
    let rows = cells(&scene.admin.get("/api/v1/activities.csv").text());
    let at = rows[0].iter().position(|heading| heading == "uid1").unwrap();
    let mut kept: Vec<String> = rows[1..]
        .iter()
        .map(|row| row[at].trim_start_matches('\'').to_owned())
        .collect();
    let mut expected: Vec<String> = evil.map(str::to_owned).to_vec();
    expected.retain(|value| !value.contains(char::is_control));
    kept.retain(|value| !value.starts_with("plain"));
    kept.sort();
    expected.sort();
    assert_eq!(kept, expected, "quoting loses nothing");

    // Shift_JIS, with headings in Japanese; what the encoding lacks is a question mark.
    let path = format!("/api/v1/partners/{}", scene.partner);
    let mut partner: Value = scene.admin.get(&path).ok();
    partner["name"] = json!("媒体😀");
    scene.admin.json("PUT", &path, &partner).ok();
    let answer = scene
        .admin
        .get("/api/v1/activities.csv?encoding=shift_jis&language=ja");
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=Shift_JIS"));
    let (decoded, _, had_errors) = encoding_rs::SHIFT_JIS.decode(&answer.body);
    assert!(
        !had_errors && decoded.starts_with("成果日時,成果ID,種類,判定,理由,ステータス,広告,広告ID"),
        "{decoded}"
    );
    // What was exported can be uploaded again, unchanged.
    let again = upload(&mut scene.admin, "", &answer.body).ok();
    assert_eq!(
        (&again["unchanged"], &again["is_applied"]),
        (&json!(rows.len() - 1), &json!(true)),
        "{again}"
    );
    let refused = scene.admin.get("/api/v1/sessions.csv?encoding=ebcdic");
    assert_eq!(refused.status, 400);
}
