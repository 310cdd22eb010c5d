//! Long work ends with the login of whoever asked for it, over HTTP.

use crate::support::eventually;
use crate::support::owner::{browser, claim, signed_in};
use crate::support::receiver::{Receiver, deserted_address};
use crate::support::scene::{Scene, text};
use crate::support::server::Setup;
use serde_json::json;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "a quiet echo from the mountain";

#[test]
fn a_job_ends_with_its_login() {
    const ENTRIES: usize = 50;
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let _receiver = Receiver::start();
    let address = deserted_address();
    let rule: Vec<String> = (0..ENTRIES)
        .map(|n| format!("http://{address}/{n}?sid={{sid}}"))
        .collect();
    let never = json!({"duplicates": {"by": "never"}});
    let mut scene = Scene::with(&server, json!({}), never, &rule.join("\n"));
    // No bound of sales: a caller that proved itself.
    let target = format!("/api/v1/offers/{}", scene.offer);
    let mut offer = scene.admin.get(&target).ok();
    offer["trust"] = json!({"mode": "enforced", "allowed_ips": ["127.0.0.0/8"]});
    scene.admin.json("PUT", &target, &offer).ok();
    let (mut owner, _) = claim(&server, &setup, PASSWORD);
    let login = owner.get("/api/v1/me").ok()["login"].clone();
    let sid = scene.click(&server, "many");
    let mut made = 0;
    // A job that was done before its login ended says nothing: the next one is longer.
    for conversions in [40, 160, 640] {
        while made < conversions {
            let sale = server.client().get(&format!("/cv?sid={sid}&amount=1")).ok();
            assert_eq!(sale["result"], "accepted");
            made += 1;
        }
        let credentials = json!({"login": login, "password": PASSWORD});
        let (mut leaving, _) = signed_in(
            &server,
            &browser(&server).post_json("/api/v1/login", &credentials),
        );
        let filter = json!({"filter": {"partner": scene.partner, "state": "waiting"}});
        let begun = leaving.post_json("/api/v1/postbacks/resend", &filter);
        assert_eq!(begun.status, 202, "{}", begun.text());
        let job = text(&begun.json()["id"]);
        assert!(leaving.post_json("/api/v1/logout", &json!({})).status < 300);
        // The same person, signed in elsewhere, sees what became of it.
        let ended = eventually("the job is at its end", PATIENCE, || {
            let job = owner.get(&format!("/api/v1/jobs/{job}")).ok();
            (job["state"] != "running").then_some(job)
        });
        if ended["state"] == "failed" {
            assert!(ended["done"].as_u64() < ended["total"].as_u64(), "{ended}");
            assert!(text(&ended["message"]).contains("login"), "{ended}");
            return;
        }
    }
    panic!("every job was done before it was looked whether its login is good");
}
