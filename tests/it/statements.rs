//! Payout statements: closed months stay, later changes are signed lines of the next one, tax is cut once.

use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::{Server, Setup};
use serde_json::{Value, json};

struct Books {
    _dir: tempfile::TempDir,
    server: Server,
    scene: Scene,
    ids: Vec<String>,
    /// The month before this one, and this one.
    months: [String; 2],
}

/// `2026-11` of a day so many months back, in UTC.
pub fn month(now_ms: i64, back: i64) -> String {
    let days = now_ms / 86_400_000;
    // Civil from days (proleptic Gregorian), good enough for the tests' own times.
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let number = year * 12 + month - 1 - back;
    format!("{:04}-{:02}", number / 12, number % 12 + 1)
}

impl Books {
    /// Six sales of 100 and their clicks, of which four are approved now.
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Setup::new(dir.path()).start();
        let event = json!({
            "approval": {"mode": "manual"},
            "payout": {"type": "percent", "percent": "3.35"},
        });
        let mut scene = Scene::with(&server, json!({}), event, &Receiver::start().url("/pb"));
        let mut settings = scene.admin.get("/api/v1/settings").ok();
        settings["time_zone"] = json!("UTC");
        scene.admin.json("PUT", "/api/v1/settings", &settings).ok();
        let ids: Vec<String> = (0..6)
            .map(|n| {
                let sid = scene.click(&server, &format!("c{n}"));
                let cv = format!("/cv?sid={sid}&amount=1000&uid1=A-{n}");
                text(&server.client().get(&cv).ok()["activity_id"])
            })
            .collect();
        let now_ms = scene.admin.get("/api/v1/system").ok()["now_ms"].as_i64().unwrap();
        let mut books = Self {
            _dir: dir,
            server,
            scene,
            ids,
            months: [month(now_ms, 1), month(now_ms, 0)],
        };
        books.decide(0..4, "approved");
        books
    }

    fn decide(&mut self, which: std::ops::Range<usize>, status: &str) {
        let change = json!({"ids": self.ids[which], "status": status});
        self.scene
            .admin
            .post_json("/api/v1/activities/status", &change)
            .ok();
    }

    fn one(&mut self, month: &str) -> Value {
        let partner = self.scene.partner.clone();
        let target = format!("/api/v1/statements/one?partner={partner}&month={month}");
        self.scene.admin.get(&target).ok()
    }

    fn ask(&mut self, what: &str, month: &str) -> Value {
        let body = json!({"partner": self.scene.partner, "month": month});
        self.scene
            .admin
            .post_json(&format!("/api/v1/statements/{what}"), &body)
            .json()
    }
}

fn total(statement: &Value) -> [String; 6] {
    [
        "conversions",
        "corrections",
        "adjustments",
        "base",
        "tax",
        "total",
    ]
    .map(|name| text(&statement["statement"]["totals"][0][name]))
}

#[test]
fn an_open_statement_holds_what_is_approved_and_what_was_written_on_it() {
    let mut books = Books::open();
    let [before, now] = books.months.clone();
    let open = books.one(&now);
    assert_eq!(
        (&open["is_open"], &open["is_over"]),
        (&json!(true), &json!(false)),
        "{open}"
    );
    assert_eq!(total(&open), ["136", "0", "0", "136", "0", "136"]);
    assert_eq!(open["lines"].as_array().unwrap().len(), 4);
    assert_eq!(open["statement"]["groups"][0]["event"], "purchase");

    let sender = json!({"name": "広告主株式会社", "address": "東京都", "registration_number": "T1234567890123", "is_taxed": true});
    books
        .scene
        .admin
        .json("PUT", "/api/v1/statements/sender", &sender)
        .ok();
    let draft = json!({"due_date": "2030-01-31", "adjustments": [{"note": "特別報酬", "amount": "55.9", "currency": "JPY"}]});
    let body = json!({"partner": books.scene.partner, "month": now, "draft": draft});
    let written = books
        .scene
        .admin
        .json("PUT", "/api/v1/statements/draft", &body)
        .ok();
    assert_eq!(total(&written), ["136", "0", "55.9", "191", "19", "210"]);
    for (part, field, code) in [
        (
            json!({"due_date": "2026/01/31"}),
            "draft.due_date",
            "invalid_date",
        ),
        (
            json!({"registration_number": "T1"}),
            "draft.registration_number",
            "invalid_registration_number",
        ),
        (
            json!({"adjustments": [{"note": "x", "amount": "0", "currency": "JPY"}]}),
            "draft.adjustments[0].amount",
            "out_of_range",
        ),
    ] {
        let body = json!({"partner": books.scene.partner, "month": now, "draft": part});
        let refused = books
            .scene
            .admin
            .json("PUT", "/api/v1/statements/draft", &body)
            .json();
        assert_eq!(
            (text(&refused["error"]["field"]), text(&refused["error"]["code"])),
            (field.into(), code.into())
        );
    }
    assert_eq!(books.ask("close", &now)["error"]["code"], "month_not_over");
    assert_eq!(books.ask("close", &before)["error"]["code"], "statement_empty");
    let listed = books
        .scene
        .admin
        .get(&format!("/api/v1/statements?month={now}"))
        .ok();
    assert_eq!(
        (
            &listed["rows"][0]["name"],
            &listed["rows"][0]["lines"],
            &listed["rows"][0]["closed_at_ms"]
        ),
        (&json!("Media"), &json!(4), &Value::Null)
    );
    let partner = books.scene.partner.clone();
    let file = books
        .scene
        .admin
        .get(&format!(
            "/api/v1/statement.csv?partner={partner}&month={now}&language=ja"
        ))
        .text();
    assert!(file.contains("成果,"), "{file}");
    assert!(file.lines().last().unwrap().contains(",210,JPY"), "{file}");
    assert!(books.server.client().get("/healthz").status == 200);
}
