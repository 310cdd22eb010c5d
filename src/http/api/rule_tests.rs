//! Rules tried on the past, and partners saved with their status URLs, against a real store.

use super::test_instance::{Instance, send};
use crate::domain::account::TokenScope;
use actix_web::http::Method;
use serde_json::{Value, json};

#[actix_web::test]
async fn a_rule_with_statuses_is_tried_like_it_is_delivered() {
    let instance = Instance::start();
    let admin = instance.token(TokenScope::Admin).await;
    let headers = [("authorization", admin.as_str())];
    let post = async |path: &str, body: Value| {
        let answer = send(&instance, Method::POST, path, &headers, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        answer.body
    };
    let offer = json!({"name": "Shop", "destinations": {"default": "https://shop.example/lp"},
        "events": [{"name": "purchase", "approval": {"mode": "manual"}}]});
    let offer = post("/api/v1/offers", offer).await;
    let partner = post("/api/v1/partners", json!({"name": "Media"})).await;
    let link = json!({"offer": offer["id"], "partner": partner["id"], "network": "Media"});
    let link = post("/api/v1/links", link).await;
    let click = post("/api/v1/test/click", json!({"link": link["token"]})).await;
    let conversion = post("/api/v1/test/conversion", json!({"sid": click["id"]})).await;
    let approved = json!({"ids": [conversion["activity_id"]], "status": "approved"});
    post("/api/v1/activities/status", approved).await;

    let tried = async |kinds: Value, statuses: Value, text: &str| {
        let rule = json!({"scope": {"type": "partner", "partner": partner["id"]}, "kinds": kinds,
            "statuses": statuses, "text": text, "enabled": false});
        post("/api/v1/rules/backtest", json!({"rule": rule})).await
    };
    let conversions = || json!(["event", "event_update"]);
    let url = "https://media.example/pb?status={status}";
    for (statuses, told) in [
        (json!([]), vec!["approved", "pending"]),
        (json!(["pending"]), vec!["pending"]),
        (json!(["approved"]), vec!["approved"]),
        (json!(["rejected"]), vec![]),
    ] {
        let result = tried(conversions(), statuses.clone(), url).await;
        let samples = result["samples"].as_array().unwrap();
        let urls: Vec<&str> = samples.iter().map(|s| s["urls"][0].as_str().unwrap()).collect();
        let expected: Vec<String> = told
            .iter()
            .map(|status| format!("https://media.example/pb?status={status}"))
            .collect();
        assert_eq!(urls, expected, "{statuses}");
        assert_eq!(
            (
                &result["tried"],
                &result["fired"],
                &result["requests"],
                &result["is_partial"]
            ),
            (&json!(2), &json!(told.len()), &json!(told.len()), &json!(false)),
            "{statuses}"
        );
    }
    let with_clicks = tried(json!([]), json!([]), url).await;
    assert_eq!(
        (&with_clicks["tried"], &with_clicks["fired"]),
        (&json!(3), &json!(3))
    );
    let never = tried(
        conversions(),
        json!([]),
        "equal,{status},rejected,https://media.example/",
    )
    .await;
    assert_eq!((&never["tried"], &never["fired"]), (&json!(2), &json!(0)));
    let broken = tried(conversions(), json!([]), "http://169.254.169.254/").await;
    let mut findings = broken["findings"].as_array().unwrap().iter();
    assert!(
        broken["tried"] == 0 && findings.any(|f| f["severity"] == "error"),
        "{broken}"
    );
}

#[actix_web::test]
async fn a_partner_is_saved_with_its_status_urls_or_not_at_all() {
    let instance = Instance::start();
    let admin = instance.token(TokenScope::Admin).await;
    let headers = [("authorization", admin.as_str())];
    let call =
        async |method: Method, path: &str, body: Value| send(&instance, method, path, &headers, body).await;
    let body = |pending: &str, rejected: &str| {
        json!({"partner": {"name": "Media"}, "status_urls": {
            "pending": {"text": pending}, "rejected": {"text": rejected}}})
    };
    let (good, bad) = ("https://media.example/p", "http://169.254.169.254/");
    let refused = call(Method::POST, "/api/v1/partners/with_urls", body(good, bad)).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.body["error"]["field"]),
        (400, &json!("status_urls.rejected.text")),
        "{}",
        refused.body
    );
    for list in ["partners", "rules"] {
        let saved = call(Method::GET, &format!("/api/v1/{list}"), Value::Null).await;
        assert_eq!(saved.body["items"], json!([]), "{list}: nothing is half saved");
    }
    let made = call(Method::POST, "/api/v1/partners/with_urls", body(good, good)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!(
        "/api/v1/partners/{}/with_urls",
        made.body["partner"]["id"].as_str().unwrap()
    );
    assert_eq!(call(Method::GET, &path, Value::Null).await.body, made.body);
    let mut next = made.body.clone();
    next["status_urls"]["rejected"]["text"] = json!("");
    let replaced = call(Method::PUT, &path, next.clone()).await;
    assert_eq!(replaced.status, 200, "{}", replaced.body);
    let stale = call(Method::PUT, &path, next).await;
    assert_eq!((stale.status.as_u16(), stale.code()), (409, "conflict"));
    let rules = call(Method::GET, "/api/v1/rules", Value::Null).await;
    assert_eq!(rules.body["items"].as_array().map(Vec::len), Some(1));
}
