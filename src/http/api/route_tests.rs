//! Routes against a real store in a temporary directory.

use crate::alerts::{Alerts, Reach};
use crate::clock::Clock;
use crate::config::{self, Sources};
use crate::delivery::ledger::StoreLedger;
use crate::delivery::{Delivery, DeliveryOptions, DeliveryPolicy};
use crate::domain::account::{ApiToken, TokenScope};
use crate::domain::stats::{Bucket, Counters, Dimension, StatKey};
use crate::http::auth::{Auth, sha256_hex};
use crate::http::echo::Echo;
use crate::http::{State, admin_routes};
use crate::live::Live;
use crate::recorder::{Recorder, RecorderOptions, RecorderThread};
use crate::store::catalog::{Catalog, Change, ConfigObject};
use crate::store::{Store, StoreOptions};
use crate::telemetry::install_metrics;
use crate::tracking::geo::GeoIp;
use crate::tracking::link_names::LinkNames;
use crate::tracking::visitors::Visitors;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, init_service, read_body};
use actix_web::web::Data;
use actix_web::{App, http};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

const PASSWORD: &str = "correct horse battery";
const ORIGIN: &str = "http://localhost:8080";

/// An instance without listeners.
struct Instance {
    state: Data<State>,
    thread: Option<RecorderThread>,
    _dir: tempfile::TempDir,
}

impl Instance {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let effective = config::load(&Sources::default()).unwrap();
        let (store, _) = Store::open(dir.path(), StoreOptions::default()).unwrap();
        let Store {
            writer,
            reader,
            keeper,
        } = store;
        let options = RecorderOptions {
            intake_queue: 64,
            spool: 16,
        };
        let (recorder, thread) = Recorder::start(
            writer,
            reader,
            Catalog::default(),
            Live::default(),
            Clock::System,
            options,
        )
        .unwrap();
        let ledger = Arc::new(StoreLedger::new(recorder.clone(), DeliveryPolicy::default()));
        let delivery = Delivery::start(
            &DeliveryOptions {
                workers: 2,
                ..DeliveryOptions::default()
            },
            ledger,
        )
        .unwrap();
        let (delivery, config) = (Arc::new(delivery), Arc::new(effective.config));
        let reach = Reach {
            recorder: recorder.clone(),
            delivery: delivery.clone(),
            config: config.clone(),
        };
        let state = State {
            recorder,
            delivery,
            alerts: Arc::new(Alerts::start(reach).unwrap()),
            keeper,
            config,
            metrics: install_metrics(0).unwrap(),
            auth: Auth::new().unwrap(),
            echo: Arc::new(Echo::new("127.0.0.1:1".parse().unwrap())),
            geo: Arc::new(GeoIp::empty()),
            link_names: Arc::new(LinkNames::new(10)),
            visitors: Arc::new(Visitors::new(10)),
            admin_address: ([127, 0, 0, 1], 8080).into(),
            jobs: Default::default(),
            start_faults: Vec::new(),
            started_at_ms: 0,
        };
        Self {
            state: Data::new(state),
            thread: Some(thread),
            _dir: dir,
        }
    }

    /// An API token of a scope.
    async fn token(&self, scope: TokenScope) -> String {
        let secret = format!("ybk_{scope:?}");
        let token = ApiToken {
            id: format!("{scope:?}").to_lowercase().parse().unwrap(),
            name: "test".into(),
            sha256: sha256_hex(secret.as_bytes()),
            scope,
            created_by: String::new(),
            created_at_ms: 0,
            expires_at_ms: None,
        };
        let change = Change::Put(ConfigObject::Token(token));
        let stored = self
            .state
            .recorder
            .run(move |group| super::save::stage(group, &[], &[change]));
        stored.await.unwrap().unwrap();
        format!("Bearer {secret}")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.state.alerts.stop();
        self.state.delivery.stop(Instant::now());
        if let Some(thread) = self.thread.take() {
            thread.stop();
        }
    }
}

struct Answer {
    status: StatusCode,
    headers: http::header::HeaderMap,
    body: Value,
}

impl Answer {
    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// One request; `headers` as given, the body as JSON unless it is null.
async fn send(
    instance: &Instance,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> Answer {
    let app = init_service(
        App::new()
            .app_data(instance.state.clone())
            .configure(admin_routes),
    )
    .await;
    let mut request = TestRequest::with_uri(path)
        .method(method)
        .insert_header(("host", "localhost:8080"));
    for pair in headers {
        request = request.insert_header(*pair);
    }
    if !body.is_null() {
        request = request.set_json(body);
    }
    let answer: ServiceResponse<_> = app.call(request.to_request()).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = read_body(answer).await;
    Answer {
        status,
        headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

fn cookie(answer: &Answer) -> String {
    let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn no_route_answers_without_a_login_and_every_one_is_in_the_document() {
    let instance = Instance::start();
    let document = serde_json::to_value(super::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
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
async fn one_claim_wins_and_then_the_set_up_is_gone() {
    let instance = Instance::start();
    let claim = |login: &str| json!({"login": login, "password": PASSWORD});
    let without = send(&instance, Method::POST, "/api/v1/setup/claim", &[], claim("a")).await;
    assert_eq!((without.status.as_u16(), without.code()), (403, "setup_token"));
    let token = instance.state.auth.setup.issue(instance.state.now_ms()).unwrap();
    let headers = [("x-setup-token", token.as_str())];
    let weak = send(
        &instance,
        Method::POST,
        "/api/v1/setup/claim",
        &headers,
        json!({"login": "a", "password": "short"}),
    )
    .await;
    assert_eq!((weak.status.as_u16(), weak.code()), (400, "password_too_short"));
    let claims = ["a", "b", "c", "d"].map(|login| {
        send(
            &instance,
            Method::POST,
            "/api/v1/setup/claim",
            &headers,
            claim(login),
        )
    });
    let [a, b, c, d] = claims;
    let answers = tokio::join!(a, b, c, d);
    let answers = [answers.0, answers.1, answers.2, answers.3];
    assert_eq!(answers.iter().filter(|a| a.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|a| a.status == 410).count(), 3);
    let late = send(
        &instance,
        Method::GET,
        "/api/v1/setup/status",
        &headers,
        Value::Null,
    )
    .await;
    assert_eq!((late.status.as_u16(), late.code()), (410, "already_set_up"));
}

#[actix_web::test]
async fn a_login_works_by_cookie_only_from_our_own_pages_and_ends() {
    let instance = Instance::start();
    let token = instance.state.auth.setup.issue(instance.state.now_ms()).unwrap();
    let claimed = send(
        &instance,
        Method::POST,
        "/api/v1/setup/claim",
        &[("x-setup-token", &token)],
        json!({"login": "Hanako", "password": PASSWORD}),
    )
    .await;
    assert_eq!(claimed.status, 201, "{}", claimed.body);
    let wrong = json!({"login": "hanako", "password": "wrong horse battery"});
    let nobody = json!({"login": "nobody", "password": "wrong horse battery"});
    for body in [wrong, nobody] {
        let refused = send(&instance, Method::POST, "/api/v1/login", &[], body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (401, "wrong_credentials")
        );
    }
    let login = json!({"login": "HANAKO", "password": PASSWORD});
    let elsewhere = [("origin", "https://evil.example")];
    let foreign = send(
        &instance,
        Method::POST,
        "/api/v1/login",
        &elsewhere,
        login.clone(),
    )
    .await;
    assert_eq!((foreign.status.as_u16(), foreign.code()), (403, "cross_site"));
    let signed_in = send(
        &instance,
        Method::POST,
        "/api/v1/login",
        &[("origin", ORIGIN)],
        login,
    )
    .await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.body);
    let cookie = cookie(&signed_in);
    let me = send(
        &instance,
        Method::GET,
        "/api/v1/me",
        &[("cookie", &cookie)],
        Value::Null,
    )
    .await;
    assert_eq!((me.status.as_u16(), &me.body["role"]), (200, &json!("owner")));
    let partner = json!({"name": "Media"});
    for headers in [
        vec![("cookie", cookie.as_str())],
        vec![("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")],
    ] {
        let refused = send(
            &instance,
            Method::POST,
            "/api/v1/partners",
            &headers,
            partner.clone(),
        )
        .await;
        assert_eq!((refused.status.as_u16(), refused.code()), (403, "cross_site"));
    }
    let own = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(
        send(&instance, Method::POST, "/api/v1/partners", &own, partner)
            .await
            .status,
        201
    );
    let audit = send(&instance, Method::GET, "/api/v1/audit", &own, Value::Null).await;
    let actions: Vec<_> = audit.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["action"].clone())
        .collect();
    for action in ["partner.create", "login.success", "login.fail", "setup.claim"] {
        assert!(actions.contains(&json!(action)), "{action} is not in {actions:?}");
    }
    assert_eq!(
        send(&instance, Method::POST, "/api/v1/logout", &own, Value::Null)
            .await
            .status,
        204
    );
    let after = send(
        &instance,
        Method::GET,
        "/api/v1/me",
        &[("cookie", &cookie)],
        Value::Null,
    )
    .await;
    assert_eq!((after.status.as_u16(), after.code()), (401, "unauthenticated"));
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
        let (token, id, made) = crate::http::proof::new(sid, "user a", 1, 0).unwrap();
        let value = crate::store::codec::encode_session(&session).unwrap();
        let wrote = instance.state.recorder.run(move |group| {
            let made = crate::domain::proof::Proof {
                expires_at_ms: group.now_ms() + life_ms,
                ..made
            };
            group.put(
                crate::store::keys::session(crate::domain::ids::SessionId(sid)),
                value,
            );
            crate::http::proof::insert(group, &id, &made)
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
    let good = crate::http::proof::list(instance.state.recorder.reader(), instance.state.now_ms()).unwrap();
    assert_eq!(good.len(), 1, "what has expired is listed no more");
}
