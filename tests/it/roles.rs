//! Who may do what: every operation of the API document, asked by everybody there is. The classes stand in
//! `tests/fixtures/roles.txt`; an operation without one fails, and so does a class without its operation.

use crate::support::client::Client;
use crate::support::owner::{PASSWORD, browser, claim, signed_in};
use crate::support::receiver::Receiver;
use crate::support::scene::{Scene, text};
use crate::support::server::{Server, Setup};
use crate::support::sse::Viewer;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Everybody: it proves in its own way who may.
    Open,
    /// All who have signed in; of limited viewers it shows what is theirs.
    Viewer,
    /// All but viewers who are limited to partners.
    Whole,
    /// Editors.
    Editor,
    /// Owners.
    Owner,
}

fn classes() -> BTreeMap<String, Class> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/roles.txt");
    let table = std::fs::read_to_string(path).unwrap();
    let rows = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|row| {
        let (class, operation) = row.split_once(' ').unwrap();
        let class = match class {
            "open" => Class::Open,
            "viewer" => Class::Viewer,
            "whole" => Class::Whole,
            "editor" => Class::Editor,
            "owner" => Class::Owner,
            other => panic!("no class {other}"),
        };
        (operation.trim().to_owned(), class)
    })
    .collect()
}

/// Somebody who asks, and the highest class that lets them in; `None` is nobody.
struct Caller {
    name: &'static str,
    client: Client,
    reaches: Option<Class>,
}

/// Everybody there is but an owner, who may do everything.
fn callers(server: &Server, setup: &Setup, scene: &Scene) -> (Client, Vec<Caller>) {
    let (mut owner, _) = claim(server, setup, PASSWORD);
    let mut user = |name: &'static str, role: &str, partners: Value, reaches| {
        let login = format!("{name}@example.jp");
        let user = json!({"login": login, "role": role, "partners": partners, "password": PASSWORD});
        owner.post_json("/api/v1/users", &user).ok();
        let credentials = json!({"login": login, "password": PASSWORD});
        let answer = browser(server).post_json("/api/v1/login", &credentials);
        let (client, _) = signed_in(server, &answer);
        Caller {
            name,
            client,
            reaches: Some(reaches),
        }
    };
    let mut callers = vec![
        user("viewer", "viewer", json!([]), Class::Whole),
        user("limited", "viewer", json!([scene.partner]), Class::Viewer),
        user("editor", "editor", json!([]), Class::Editor),
    ];
    for (name, scope, reaches) in [("read", "read", Class::Whole), ("write", "write", Class::Editor)] {
        let made = owner
            .post_json("/api/v1/tokens", &json!({"name": name, "scope": scope}))
            .ok();
        let secret = format!("Bearer {}", text(&made["secret"]));
        let client = server.client().with_header("Authorization", &secret);
        callers.push(Caller {
            name,
            client,
            reaches: Some(reaches),
        });
    }
    let wrong = server.client().with_header("Authorization", "Bearer ybk_wrong");
    for (name, client) in [("anonymous", browser(server)), ("wrong token", wrong)] {
        callers.push(Caller {
            name,
            client,
            reaches: None,
        });
    }
    (owner, callers)
}

/// Status and code of an answer. The live stream has no end: of it only the status is read.
fn ask(server: &Server, client: &mut Client, method: &str, path: &str) -> (u16, String) {
    if path.ends_with("/stream") {
        let who: Vec<String> = client
            .headers()
            .iter()
            .map(|(n, v)| format!("{n}: {v}"))
            .collect();
        return match Viewer::join_as(server.address(), &who.join("\r\n"), None) {
            Ok(_) => (200, String::new()),
            Err(line) => (line.split(' ').nth(1).unwrap().parse().unwrap(), String::new()),
        };
    }
    let answer = if method == "GET" {
        client.get(path)
    } else {
        client.json(method, path, &json!({}))
    };
    let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
    (answer.status, text_or_nothing(&body["error"]["code"]))
}

fn text_or_nothing(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What is wrong with how a caller was answered, if anything is.
fn fault(class: Class, caller: &Caller, status: u16, code: &str) -> Option<String> {
    let is_right = match (class, caller.reaches) {
        _ if status >= 500 => false,
        (Class::Open, _) => !matches!(code, "forbidden" | "unauthenticated"),
        // Somebody who tries wrong tokens one after the other is told to wait.
        (_, None) => status == 401 || status == 429,
        (class, Some(reaches)) if reaches >= class => !matches!(status, 401 | 403),
        (Class::Whole, Some(_)) => (status, code) == (403, "partner_limited"),
        (_, Some(_)) => status == 403 && matches!(code, "forbidden" | "partner_limited" | ""),
    };
    (!is_right).then(|| format!("answered {status} {code}, but it is for {class:?}"))
}

#[test]
fn every_operation_lets_in_whom_its_class_names_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(dir.path());
    let server = setup.start();
    let scene = Scene::build(&server, &Receiver::start());
    let (mut owner, mut callers) = callers(&server, &setup, &scene);
    let document = owner.get("/api/openapi.json").ok();
    let mut classes = classes();
    let mut operations: Vec<(String, String)> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/") {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            if ["get", "post", "put", "delete", "patch"].contains(&method.as_str()) {
                operations.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    // Signing out comes last: it ends the login that the others are asked with.
    operations.sort_by_key(|(_, path)| path.ends_with("/logout"));
    assert!(operations.len() > 80, "{}", operations.len());
    let mut faults = Vec::new();
    for (method, path) in &operations {
        let operation = format!("{method} {path}");
        let Some(class) = classes.remove(&operation) else {
            faults.push(format!("{operation} has no class"));
            continue;
        };
        let mut target = path.replace("{list}", "sessions");
        while let (Some(from), Some(to)) = (target.find('{'), target.find('}')) {
            target.replace_range(from..=to, "abcdefgh");
        }
        for caller in &mut callers {
            let (status, code) = ask(&server, &mut caller.client, method, &target);
            if let Some(fault) = fault(class, caller, status, &code) {
                faults.push(format!("{operation}: {} {fault}", caller.name));
            }
        }
    }
    faults.extend(
        classes
            .keys()
            .map(|operation| format!("{operation} is in the table only")),
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
