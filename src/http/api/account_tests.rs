//! Set-up and signing in against a real store in a temporary directory.

use super::test_instance::{Instance, ORIGIN, PASSWORD, cookie, send};
use actix_web::http::Method;
use serde_json::{Value, json};

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
