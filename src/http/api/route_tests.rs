//! Routes against a real store in a temporary directory.

use super::test_instance::{Instance, send};
use crate::domain::account::TokenScope;
use crate::domain::stats::{Bucket, Counters, Dimension, StatKey};
use actix_web::http::Method;
use serde_json::{Value, json};
use std::time::Instant;

#[actix_web::test]
async fn no_route_answers_without_a_login_and_every_one_is_in_the_document() {
    let instance = Instance::start();
    let document = serde_json::to_value(super::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/") {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            let is_public = path.contains("/setup/") || path.ends_with("/login");
            let uri = path
                .replace("{list}", "sessions")
                .replace("{id}", "abcdefgh")
                .replace("{name}", "abcdefgh")
                .replace("{token}", "abcdefgh")
                .replace("{sid}", "abcdefgh");
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = send(&instance, method.clone(), &uri, &[], Value::Null).await;
            assert_ne!(
                answer.status, 404,
                "{method} {path} is in the document but not served"
            );
            if !is_public {
                assert_eq!(
                    (answer.status.as_u16(), answer.code()),
                    (401, "setup_required"),
                    "{method} {path}"
                );
            }
        }
    }
    let nothing = send(&instance, Method::GET, "/api/v1/nothing", &[], Value::Null).await;
    assert_eq!((nothing.status.as_u16(), nothing.code()), (404, "no_route"));
    let wrong = send(&instance, Method::PATCH, "/api/v1/offers", &[], Value::Null).await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (405, "method_not_allowed"));
    assert_eq!(wrong.headers.get("cache-control").unwrap(), "no-store");
    assert!(wrong.headers.contains_key("content-security-policy"));
}

#[actix_web::test]
async fn every_list_describes_its_query_and_takes_no_other() {
    let instance = Instance::start();
    let admin = instance.token(TokenScope::Admin).await;
    let headers = [("authorization", admin.as_str())];
    let document = serde_json::to_value(super::document()).unwrap();
    let schemas = &document["components"]["schemas"];
    let mut lists = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let reference = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        let Some(name) = reference.as_str().and_then(|r| r.rsplit('/').next()) else {
            continue;
        };
        if path.contains('{') || !schemas[name]["properties"]["items"].is_object() {
            continue;
        }
        lists += 1;
        let described: Vec<_> = item["get"]["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        if name.starts_with("Page_") {
            assert!(
                described.contains(&"limit") && described.contains(&"cursor"),
                "{path}: {described:?}"
            );
        }
        let answer = send(
            &instance,
            Method::GET,
            &format!("{path}?bogus=1"),
            &headers,
            Value::Null,
        )
        .await;
        assert_eq!(
            (
                answer.status.as_u16(),
                answer.code(),
                &answer.body["error"]["field"]
            ),
            (400, "unknown_field", &json!("bogus")),
            "{path}"
        );
    }
    assert!(lists > 10, "{lists}");
}

#[actix_web::test]
async fn objects_are_made_replaced_and_removed_with_their_checks() {
    let instance = Instance::start();
    let admin = instance.token(TokenScope::Admin).await;
    let headers = [("authorization", admin.as_str())];
    let call =
        async |method: Method, path: &str, body: Value| send(&instance, method, path, &headers, body).await;
    let offer = json!({"name": "Shop", "destinations": {"default": "https://shop.example/lp"}, "events": [{"name": "purchase"}]});
    let offer = call(Method::POST, "/api/v1/offers", offer).await.body;
    let partner =
        json!({"name": "Media", "click_parameters": [{"name": "param1", "para": 1, "macro_text": "{cid}"}]});
    let partner = call(Method::POST, "/api/v1/partners", partner).await.body;
    let link = json!({"offer": offer["id"], "partner": partner["id"], "network": "Media"});
    let link = call(Method::POST, "/api/v1/links", link).await.body;
    let submission = link["urls"]["submission_url"].as_str().unwrap();
    assert!(submission.ends_with("?param1={cid}"), "{submission}");

    let rule = |text: &str| json!({"scope": {"type": "partner", "partner": partner["id"]}, "kinds": ["event"], "text": text});
    let refused = call(
        Method::POST,
        "/api/v1/rules",
        rule("http://169.254.169.254/?id={sid}"),
    )
    .await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    let unknown = call(
        Method::POST,
        "/api/v1/rules",
        rule("https://media.example/?id={sidd}"),
    )
    .await;
    assert_eq!(
        (unknown.status.as_u16(), &unknown.body["error"]["field"]),
        (400, &json!("text"))
    );
    let saved = call(
        Method::POST,
        "/api/v1/rules",
        rule("https://media.example/?id=##PARA1##"),
    )
    .await;
    assert_eq!(saved.status, 201, "{}", saved.body);
    let preview = call(
        Method::POST,
        "/api/v1/rules/preview",
        json!({"rule": rule("https://media.example/?id=##PARA1##")}),
    )
    .await;
    assert!(
        preview.body["entries"][0]["request"]["url"]
            .as_str()
            .unwrap()
            .starts_with("https://media.example/?id=")
    );

    let mut renamed = offer.clone();
    renamed["name"] = json!("Store");
    let path = format!("/api/v1/offers/{}", offer["id"].as_str().unwrap());
    assert_eq!(call(Method::PUT, &path, renamed.clone()).await.status, 200);
    let stale = call(Method::PUT, &path, renamed).await;
    assert_eq!((stale.status.as_u16(), stale.code()), (409, "conflict"));
    let used = call(Method::DELETE, &path, Value::Null).await;
    assert_eq!((used.status.as_u16(), used.code()), (409, "in_use"));
    let list = call(Method::GET, "/api/v1/offers?limit=1", Value::Null).await;
    assert_eq!(list.body["items"][0]["name"], "Store");
    let wrong = call(Method::GET, "/api/v1/offers?limt=1", Value::Null).await;
    assert_eq!(
        (wrong.code(), &wrong.body["error"]["field"]),
        ("unknown_field", &json!("limt"))
    );
}

#[actix_web::test]
async fn a_domain_that_links_use_stays_in_the_settings() {
    let instance = Instance::start();
    let admin = instance.token(TokenScope::Admin).await;
    let headers = [("authorization", admin.as_str())];
    let call =
        async |method: Method, path: &str, body: Value| send(&instance, method, path, &headers, body).await;
    let with = async |public_url: &str, domains: &[&str]| {
        let mut settings = call(Method::GET, "/api/v1/settings", Value::Null).await.body;
        settings["public_url"] = public_url.into();
        settings["tracking_domains"] = json!(domains);
        call(Method::PUT, "/api/v1/settings", settings).await
    };
    let (public, used, idle) = (
        "https://t.example.com",
        "https://u.example.com",
        "https://v.example.com",
    );
    assert_eq!(with(public, &[used, idle]).await.status, 200);
    let offer = json!({"name": "Shop", "destinations": {"default": "https://shop.example/lp"}});
    let offer = call(Method::POST, "/api/v1/offers", offer).await.body;
    let link = async |token: &str, domain: Option<&str>| {
        let link = json!({"token": token, "offer": offer["id"], "network": "Media", "campaign": token, "domain": domain});
        let made = call(Method::POST, "/api/v1/links", link).await;
        assert_eq!(made.status, 201, "{}", made.body);
    };
    link("without1", None).await;
    link("aaaaaa", Some(used)).await;
    let refused = with(public, &[idle]).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "domain_in_use"));
    let error = &refused.body["error"];
    assert_eq!(error["field"], "tracking_domains");
    let said = "1 link still uses https://u.example.com: Media::aaaaaa (aaaaaa); keep";
    assert!(error["message"].as_str().unwrap().starts_with(said), "{error}");
    for token in ["dddddd", "cccccc", "bbbbbb"] {
        link(token, Some(used)).await;
    }
    let refused = with(public, &[]).await;
    let said = "4 links still use https://u.example.com: Media::aaaaaa (aaaaaa), Media::bbbbbb (bbbbbb), Media::cccccc (cccccc), ...; keep";
    let error = &refused.body["error"];
    assert!(error["message"].as_str().unwrap().starts_with(said), "{error}");
    // One that no link uses may go, and one may change its place.
    assert_eq!(with(used, &[public]).await.status, 200);
    for token in ["aaaaaa", "bbbbbb", "cccccc", "dddddd"] {
        call(Method::DELETE, &format!("/api/v1/links/{token}"), Value::Null).await;
    }
    assert_eq!(with(public, &[]).await.status, 200);
}

#[actix_web::test]
async fn a_test_click_and_conversion_leave_a_trace_and_no_totals() {
    let instance = Instance::start();
    let admin = instance.token(TokenScope::Admin).await;
    let headers = [("authorization", admin.as_str())];
    let call =
        async |method: Method, path: &str, body: Value| send(&instance, method, path, &headers, body).await;
    let offer = json!({"name": "Shop", "destinations": {"default": "https://shop.example/lp"},
        "events": [{"name": "purchase", "approval": {"mode": "manual"}}]});
    let offer = call(Method::POST, "/api/v1/offers", offer).await.body;
    let link = call(
        Method::POST,
        "/api/v1/links",
        json!({"offer": offer["id"], "network": "own"}),
    )
    .await
    .body;
    let click = call(
        Method::POST,
        "/api/v1/test/click",
        json!({"link": link["token"], "query": "param1=T-1"}),
    )
    .await;
    assert_eq!(click.status, 201, "{}", click.body);
    assert_eq!(
        (&click.body["para"][0], &click.body["is_test"]),
        (&json!("T-1"), &json!(true))
    );
    let sid = click.body["id"].as_str().unwrap().to_owned();
    let conversion = call(
        Method::POST,
        "/api/v1/test/conversion",
        json!({"sid": sid, "amount": "1000", "uid1": "ORDER-77"}),
    )
    .await;
    assert_eq!(conversion.body["result"], "accepted", "{}", conversion.body);
    let id = conversion.body["activity_id"].as_str().unwrap().to_owned();

    for query in [sid.as_str(), id.as_str(), "T-1", "ORDER-77"] {
        let trace = call(Method::GET, &format!("/api/v1/trace?q={query}"), Value::Null).await;
        assert_eq!(trace.body["session"]["id"], json!(sid), "{query}: {}", trace.body);
        assert_eq!(
            (
                &trace.body["activities"][0]["activity"]["id"],
                &trace.body["stopped_at"]
            ),
            (&json!(id), &json!("no_rule"))
        );
    }
    let approved = call(
        Method::POST,
        "/api/v1/activities/status",
        json!({"ids": [id], "status": "approved"}),
    )
    .await;
    assert_eq!(approved.body["changed"], 1, "{}", approved.body);
    let list = call(Method::GET, "/api/v1/activities?conversions=true", Value::Null).await;
    assert_eq!(
        (&list.body["items"][0]["status"], &list.body["next_cursor"]),
        (&json!("approved"), &Value::Null)
    );
    let stats = call(
        Method::GET,
        "/api/v1/stats?from_ms=0&to_ms=90000000000&group_by=day",
        Value::Null,
    )
    .await;
    assert_eq!(stats.body["total"]["clicks"], 0, "{}", stats.body);
    let system = call(Method::GET, "/api/v1/system", Value::Null).await;
    assert_eq!(
        (&system.body["store"]["state"], &system.body["queue"]["waiting"]),
        (&json!("ready"), &json!(0))
    );
}

#[actix_web::test]
async fn a_bearer_token_is_shown_once_and_can_be_revoked() {
    let instance = Instance::start();
    let admin = instance.token(TokenScope::Admin).await;
    let headers = [("authorization", admin.as_str())];
    let call =
        async |method: Method, path: &str, body: Value| send(&instance, method, path, &headers, body).await;
    let offer = json!({"name": "Shop", "destinations": {"default": "https://shop.example/lp"}});
    let offer = call(Method::POST, "/api/v1/offers", offer).await.body;
    let tokens = format!("/api/v1/offers/{}/bearer_tokens", offer["id"].as_str().unwrap());
    let made = call(Method::POST, &tokens, json!({"name": "shop server"})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(made.body["secret"].as_str().unwrap().starts_with("ybs_"));
    assert_eq!(
        made.body["offer"]["trust"]["bearer_tokens"][0]["name"],
        "shop server"
    );
    let again = call(Method::POST, &tokens, json!({"name": "shop server"})).await;
    assert_eq!((again.status.as_u16(), again.code()), (400, "duplicate"));
    let one = format!("{tokens}/shop%20server");
    assert_eq!(call(Method::DELETE, &one, Value::Null).await.status, 204);
    let gone = call(Method::DELETE, &one, Value::Null).await;
    assert_eq!((gone.status.as_u16(), gone.code()), (404, "not_found"));
    let list = call(Method::GET, "/api/v1/offers", Value::Null).await;
    assert_eq!(list.body["items"][0]["trust"]["bearer_tokens"], json!([]));
}

#[actix_web::test]
async fn a_bearer_token_of_a_partner_is_shown_once_and_can_be_revoked() {
    let instance = Instance::start();
    let admin = instance.token(TokenScope::Admin).await;
    let headers = [("authorization", admin.as_str())];
    let call =
        async |method: Method, path: &str, body: Value| send(&instance, method, path, &headers, body).await;
    let partner = call(Method::POST, "/api/v1/partners", json!({"name": "Net"}))
        .await
        .body;
    let target = format!("/api/v1/partners/{}", partner["id"].as_str().unwrap());
    let tokens = format!("{target}/bearer_tokens");
    let new = json!({"name": "net", "scopes": ["claims"]});
    let viewer = instance.token(TokenScope::Read).await;
    let read_only = [("authorization", viewer.as_str())];
    let refused = send(&instance, Method::POST, &tokens, &read_only, new.clone()).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    let made = call(Method::POST, &tokens, new.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(made.body["secret"].as_str().unwrap().starts_with("ybs_"));
    let token = &made.body["partner"]["trust"]["bearer_tokens"][0];
    assert_eq!(
        (&token["name"], &token["scopes"]),
        (&json!("net"), &json!(["claims"]))
    );
    let again = call(Method::POST, &tokens, new).await;
    assert_eq!((again.status.as_u16(), again.code()), (400, "duplicate"));
    let one = format!("{tokens}/net");
    assert_eq!(call(Method::DELETE, &one, Value::Null).await.status, 204);
    let gone = call(Method::DELETE, &one, Value::Null).await;
    assert_eq!((gone.status.as_u16(), gone.code()), (404, "not_found"));
    let now = call(Method::GET, &target, Value::Null).await;
    assert_eq!(now.body["trust"]["bearer_tokens"], json!([]));
    let audit = call(Method::GET, "/api/v1/audit", Value::Null)
        .await
        .body
        .to_string();
    assert!(audit.contains("partner.bearer_token_revoked"), "{audit}");
}

#[actix_web::test]
async fn waiting_postbacks_are_given_up_by_filter_and_kept() {
    let instance = Instance::start();
    let admin = instance.token(TokenScope::Admin).await;
    let headers = [("authorization", admin.as_str())];
    let call =
        async |method: Method, path: &str, body: Value| send(&instance, method, path, &headers, body).await;
    let offer = json!({"name": "Shop", "destinations": {"default": "https://shop.example/lp"}, "events": [{"name": "purchase"}]});
    let offer = call(Method::POST, "/api/v1/offers", offer).await.body;
    // A name that never resolves: the postback waits for its next attempt.
    let rule = json!({"scope": {"type": "offer", "offer": offer["id"]}, "kinds": ["event"], "text": "https://nobody.invalid/?id={sid}"});
    assert_eq!(call(Method::POST, "/api/v1/rules", rule).await.status, 201);
    let link = json!({"offer": offer["id"], "network": "own"});
    let link = call(Method::POST, "/api/v1/links", link).await.body;
    let click = json!({"link": link["token"]});
    let click = call(Method::POST, "/api/v1/test/click", click).await.body;
    let conversion = call(
        Method::POST,
        "/api/v1/test/conversion",
        json!({"sid": click["id"], "amount": "5"}),
    );
    assert_eq!(conversion.await.body["result"], "accepted");
    let cancel = "/api/v1/postbacks/cancel";
    let vague = call(Method::POST, cancel, json!({})).await;
    assert_eq!((vague.status.as_u16(), vague.code()), (400, "missing_field"));
    for (offer, cancelled) in [(json!("another"), Value::Null), (offer["id"].clone(), json!(1))] {
        let started = call(Method::POST, cancel, json!({"filter": {"offer": offer}})).await;
        assert_eq!(started.status, 202, "{}", started.body);
        let path = format!("/api/v1/jobs/{}", started.body["id"].as_str().unwrap());
        let deadline = Instant::now() + std::time::Duration::from_secs(10);
        let job = loop {
            let job = call(Method::GET, &path, Value::Null).await.body;
            if job["state"] != "running" {
                break job;
            }
            assert!(Instant::now() < deadline, "{job}");
            // The job runs on this very thread.
            actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        assert_eq!(
            (&job["state"], &job["results"]["cancelled"]),
            (&json!("done"), &cancelled),
            "{job}"
        );
    }
    let list = call(Method::GET, "/api/v1/postbacks", Value::Null).await.body;
    assert_eq!(
        (&list["items"][0]["state"], &list["items"][0]["fail_reason"]),
        (&json!("failed"), &json!("cancelled")),
        "{list}"
    );
}

#[actix_web::test]
async fn what_a_removed_link_brought_in_stays_its_partners() {
    let instance = Instance::start();
    let admin = instance.token(TokenScope::Admin).await;
    let headers = [("authorization", admin.as_str())];
    let call =
        async |method: Method, path: &str, body: Value| send(&instance, method, path, &headers, body).await;
    let offer = json!({"name": "Shop", "destinations": {"default": "https://shop.example/lp"}});
    let offer = call(Method::POST, "/api/v1/offers", offer).await.body;
    let partner = call(Method::POST, "/api/v1/partners", json!({"name": "Media"}))
        .await
        .body;
    let link =
        json!({"offer": offer["id"], "partner": partner["id"], "network": "Media", "campaign": "Autumn"});
    let link = call(Method::POST, "/api/v1/links", link).await.body;
    let token = link["token"].as_str().unwrap().to_owned();
    let key = StatKey {
        bucket: Bucket::of(900_000),
        offer: Some(offer["id"].as_str().unwrap().parse().unwrap()),
        link: Some(token.parse().unwrap()),
        event: None,
        dimension: Dimension::All,
        environment: Default::default(),
    };
    let counters = Counters {
        clicks: 3,
        ..Counters::default()
    };
    let counted = instance
        .state
        .recorder
        .run(move |group| group.count(key, counters));
    counted.await.unwrap();
    let removed = call(Method::DELETE, &format!("/api/v1/links/{token}"), Value::Null).await;
    assert_eq!(removed.status, 204);
    instance.state.applied().await.unwrap();
    for (by, key, label) in [
        ("partner", partner["id"].as_str().unwrap(), "Media"),
        ("link", token.as_str(), "Media::Autumn"),
    ] {
        let path = format!("/api/v1/stats?from_ms=0&to_ms=86400000&group_by={by}");
        let row = &call(Method::GET, &path, Value::Null).await.body["rows"][0];
        assert_eq!(
            (&row["key"], &row["label"], &row["clicks"]),
            (&json!(key), &json!(label), &json!(3)),
            "{row}"
        );
    }
}

#[actix_web::test]
async fn scopes_of_tokens_are_held() {
    let instance = Instance::start();
    let (read, write) = (
        instance.token(TokenScope::Read).await,
        instance.token(TokenScope::Write).await,
    );
    for (token, method, path, status) in [
        (&read, Method::GET, "/api/v1/offers", 200),
        (&read, Method::POST, "/api/v1/partners", 403),
        (&write, Method::POST, "/api/v1/partners", 201),
        (&write, Method::GET, "/api/v1/users", 403),
    ] {
        let body = if method == Method::POST {
            json!({"name": "Media"})
        } else {
            Value::Null
        };
        let answer = send(&instance, method.clone(), path, &[("authorization", token)], body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.body);
    }
    let unknown = send(
        &instance,
        Method::GET,
        "/api/v1/offers",
        &[("authorization", "Bearer ybk_x")],
        Value::Null,
    )
    .await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code()),
        (401, "unauthenticated")
    );
}

#[actix_web::test]
async fn a_proof_link_ends_to_the_millisecond() {
    let instance = Instance::start();
    let sid = crate::domain::ids::TimeId::new(instance.state.now_ms(), 7);
    let sample =
        crate::domain::template::sample::sample_activity(crate::domain::activity::ActivityKind::Event);
    let session = sample
        .unwrap()
        .activity
        .session
        .map(|copy| crate::domain::session::Session {
            id: crate::domain::ids::SessionId(sid),
            ..(*copy).clone()
        })
        .unwrap();
    for (life_ms, status) in [(60_000, 200), (-1, 404), (0, 404)] {
        let (token, id, made) = crate::admin::proofs::new(sid, "user a", 1, 0).unwrap();
        let session = session.clone();
        let wrote = instance.state.recorder.run(move |group| {
            let made = crate::domain::proof::Proof {
                expires_at_ms: group.now_ms() + life_ms,
                ..made
            };
            let key = crate::store::keys::session(crate::domain::ids::SessionId(sid));
            group.save(key, &session)?;
            crate::admin::proofs::insert(group, &id, &made)
        });
        assert!(wrote.await.unwrap().unwrap());
        instance.state.applied().await.unwrap();
        let answer = send(
            &instance,
            Method::GET,
            &format!("/proof/{token}"),
            &[],
            Value::Null,
        )
        .await;
        assert_eq!(answer.status.as_u16(), status, "{life_ms}");
    }
    let good = crate::admin::proofs::list(instance.state.recorder.reader(), instance.state.now_ms()).unwrap();
    assert_eq!(good.items.len(), 1, "what has expired is listed no more");
}
