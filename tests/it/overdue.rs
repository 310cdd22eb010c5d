//! A server that was off for longer than postbacks live: nothing is given up without one more attempt, and the operator
//! is told. The clock of the real binary is put forward by a library that is loaded before libc.

use crate::support::eventually;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::scene::Scene;
use crate::support::server::Setup;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*libc)(clockid_t, struct timespec *);
    if (!libc) libc = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = libc(id, at);
    const char *ahead = getenv("CLOCK_AHEAD_S");
    if (!failed && id == CLOCK_REALTIME && ahead) at->tv_sec += atol(ahead);
    return failed;
}
"#;

/// The library, made by the compiler that links the tests.
fn clock(dir: &Path) -> PathBuf {
    let (source, library) = (dir.join("clock.c"), dir.join("clock.so"));
    std::fs::write(&source, CLOCK).unwrap();
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source);
    assert!(compiler.arg("-ldl").status().unwrap().success());
    library
}

#[test]
fn after_a_long_time_off_each_postback_is_sent_once_more_and_the_operator_is_told() {
    /// More than are on the wire at once.
    const SALES: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (receiver, hook) = (Receiver::start(), Receiver::start());
    let setup = Setup::new(&data);
    let server = setup.start();
    receiver.behave(Behaviour::status(503));
    let mut scene = Scene::build(&server, &receiver);
    let mut settings = scene.admin.get("/api/v1/settings").ok();
    settings["public_url"] = json!("https://t.example.com");
    settings["alerts"] = json!({"webhook_url": hook.url("/hook"), "language": "en"});
    scene.admin.json("PUT", "/api/v1/settings", &settings).ok();
    let sid = scene.click(&server, "one");
    for n in 0..SALES {
        let sale = server
            .client()
            .get(&format!("/cv?sid={sid}&amount=1&uid1=n{n}"))
            .ok();
        assert_eq!(sale["result"], "accepted");
    }
    receiver.wait_for_count(1, PATIENCE);
    assert_eq!(server.terminate(), Some(0));

    receiver.clear();
    receiver.behave(Behaviour::Hang);
    let library = clock(dir.path());
    let later = setup
        .env("LD_PRELOAD", library.to_str().unwrap())
        .env("CLOCK_AHEAD_S", &(100 * 3_600).to_string());
    let server = later.start();
    eventually("the log tells it", PATIENCE, || {
        server.log().contains("postbacks_overdue").then_some(())
    });
    // While the receiver takes its time the others wait.
    eventually("the operator is told", PATIENCE, || {
        let told = hook.arrivals();
        let is_it = |body: &[u8]| String::from_utf8_lossy(body).contains("outlived their time");
        told.iter().any(|told| is_it(&told.body)).then_some(())
    });
    receiver.behave(Behaviour::status(200));
    let order = |target: &str| {
        let of = target.split("order=").nth(1).unwrap_or_default();
        of.split('&').next().unwrap_or_default().to_owned()
    };
    eventually("each is sent", PATIENCE, || {
        let mut orders: BTreeMap<String, usize> = BTreeMap::new();
        for arrival in receiver.arrivals() {
            *orders.entry(order(&arrival.target)).or_default() += 1;
        }
        (orders.len() == SALES).then_some(())
    });
}
