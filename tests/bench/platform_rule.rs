//! A rule like those of presets: a token in a header, a person's hashes in a JSON body of 1 KB, an answer that is read.

use crate::support::scene::Scene;
use crate::support::server::Server;
use serde_json::{Value, json};

/// An offer that keeps what identifies a person, and such a rule that tells `url`.
pub fn platform_scene(server: &Server, url: &str) -> Scene {
    let offer = json!({"identity": {"is_kept": true}});
    let mut scene = Scene::with(server, offer, json!({}), url);
    let secret = format!("/api/v1/partners/{}/secrets/token", scene.partner);
    let value = json!({"value": "token-of-the-platform"});
    scene.admin.json("PUT", &secret, &value).ok();
    let path = format!("/api/v1/rules/{}", scene.rule);
    let mut rule = scene.admin.get(&path).ok();
    for (name, value) in platform_rule().as_object().expect("an object") {
        rule[name] = value.clone();
    }
    scene.admin.json("PUT", &path, &rule).ok();
    scene
}

fn platform_rule() -> Value {
    let filler = "x".repeat(560);
    let body = format!(
        r#"{{"data":[{{"event_name":"{{event_word}}","event_time":{{created_at}},"event_id":"{{event_id}}","user_data":{{"em":["{{email_sha256}}"],"ph":["{{phone_digits_sha256}}"],"client_ip_address":"{{ip_address}}","client_user_agent":"{{user_agent}}","click":"{{dcp_fbclid}}"}},"custom_data":{{"value":{{amount}},"currency":"{{currency}}","order_id":"{{content_uid1}}"}}}}],"of":"{filler}"}}"#
    );
    json!({
        "method": "POST",
        "body": {"type": "json", "template": body},
        "headers": [{"name": "Authorization", "value": "Bearer {secret.token}"}],
        "no_data": {"policy": "drop"},
        "event_map": [{"event": "purchase", "word": "Purchase"}],
        "needs": ["{dcp_fbclid}", "{email_sha256}"],
        "max_age_h": 168,
        "answers": {"by_status": "platform", "says": ["/error/message"],
            "cases": [{"status": ["2xx"], "pointer": "/events_received", "values": ["0"], "verdict": "give_up"}]},
    })
}
