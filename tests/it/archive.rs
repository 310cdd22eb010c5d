//! The archive off the machine, against real servers that speak S3, of different origin: two take over at once, the
//! bucket hangs, or enforces nothing. Short by default; `YAMABIKO_ARCHIVE_RACES=50` has as many races.

use crate::support::app::{App, IDFA};
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::load::{Load, from_env, random};
use crate::support::receiver::Receiver;
use crate::support::scene::{BROWSER, Scene, text};
use crate::support::server::{Server, Setup};
use crate::support::skip;
use crate::support::way::Way;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A real server that speaks S3, with the bucket `bucket`. It is killed when dropped.
pub struct S3 {
    child: Child,
    pub address: SocketAddr,
    dir: tempfile::TempDir,
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn tool(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("target")
        .join(path);
    path.exists().then_some(path)
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl S3 {
    /// The one that is written in Python.
    pub fn moto() -> Option<Self> {
        let Some(program) = tool("s3-tools/bin/moto_server") else {
            skip("moto_server is not installed: tests/run does it");
            return None;
        };
        let (dir, address) = (tempfile::tempdir().unwrap(), free_address());
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
        let s3 = Self::started(command, dir, address);
        let made = Client::new(s3.address).send("PUT", "/bucket", &[], b"");
        assert_eq!(made.status, 200, "{}", made.text());
        Some(s3)
    }

    /// The one that is written in Rust.
    pub fn s3s() -> Option<Self> {
        let Some(program) = tool("s3-server/bin/s3s-fs") else {
            skip("s3s-fs is not installed: tests/run does it");
            return None;
        };
        let (dir, address) = (tempfile::tempdir().unwrap(), free_address());
        std::fs::create_dir(dir.path().join("bucket")).unwrap();
        let mut command = Command::new(program);
        command
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--access-key", "key", "--secret-key", "secret"])
            .arg(dir.path());
        Some(Self::started(command, dir, address))
    }

    /// Names of the objects that begin with a text.
    fn names(&self, prefix: &str) -> Vec<String> {
        let bucket = self.dir.path().join("bucket");
        if !bucket.exists() {
            // Moto asks nobody who he is.
            let target = format!("/bucket?list-type=2&max-keys=1000&prefix={prefix}");
            let listed = Client::new(self.address).get(&target).text();
            let keys = listed.split("<Key>").skip(1);
            return keys
                .filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned()))
                .collect();
        }
        let (mut found, mut left) = (Vec::new(), vec![bucket.join(prefix)]);
        while let Some(place) = left.pop() {
            for entry in std::fs::read_dir(place).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path);
                } else {
                    let name = path.strip_prefix(&bucket).unwrap();
                    found.push(name.display().to_string());
                }
            }
        }
        found
    }

    fn started(mut command: Command, dir: tempfile::TempDir, address: SocketAddr) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the S3 server", PATIENCE, || TcpStream::connect(address).ok());
        Self { child, address, dir }
    }
}

/// A setup that writes the archive at an address.
pub fn archived(dir: &Path, address: SocketAddr) -> Setup {
    archiving(Setup::new(&dir.join("data")), dir, address)
}

/// The same for a setup of one's own; the directory is for the access key.
pub fn archiving(setup: Setup, dir: &Path, address: SocketAddr) -> Setup {
    std::fs::create_dir_all(dir).unwrap();
    let credentials = dir.join("credentials");
    std::fs::write(
        &credentials,
        "aws_access_key_id = key\naws_secret_access_key = secret\n",
    )
    .unwrap();
    setup
        .env("YAMABIKO_ARCHIVE_ENDPOINT", &format!("http://{address}"))
        .env("YAMABIKO_ARCHIVE_BUCKET", "bucket")
        .env("YAMABIKO_ARCHIVE_PREFIX", "p")
        .env("YAMABIKO_ARCHIVE_INTERVAL_S", "1")
        .env(
            "YAMABIKO_ARCHIVE_CREDENTIALS_FILE",
            &credentials.display().to_string(),
        )
}

pub fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

pub fn succeed(command: Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

pub fn status(admin: &mut Client) -> Value {
    admin.get("/api/v1/archive").ok()["status"].clone()
}

/// Waits until everything of now is in the archive, with a snapshot; the last commit of it.
pub fn settled(admin: &mut Client) -> u64 {
    let now = admin.get("/api/v1/system").ok()["store"]["durable_seq"]
        .as_u64()
        .unwrap();
    eventually("everything in the archive", PATIENCE, || {
        let status = status(admin);
        let archived = status["archived_seq"].as_u64()?;
        (archived >= now && !status["snapshot_at_ms"].is_null()).then_some(archived)
    })
}

fn convert(server: &Server, link: &str, n: u64) -> (u16, u16, String) {
    let mut client = server.client();
    let click = client.send(
        "GET",
        &format!("/c/{link}?param1=x{n}"),
        &[("User-Agent", BROWSER)],
        b"",
    );
    let conversion = client.send(
        "POST",
        &format!("/cv?sid=0000000000000000&uid1=o-{n}&amount=1"),
        &[],
        b"",
    );
    (click.status, conversion.status, conversion.text())
}

#[test]
fn of_two_that_take_over_at_once_one_does_and_the_one_before_is_fenced() {
    for s3 in [S3::moto(), S3::s3s()].into_iter().flatten() {
        for _ in 0..from_env("YAMABIKO_ARCHIVE_RACES", 1) {
            race(&s3);
        }
    }
}

fn race(s3: &S3) {
    let (dir, one, other) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    // Each race has an archive of its own.
    let prefix = format!("race-{}", random(u64::MAX));
    let of = |dir: &Path| archived(dir, s3.address).env("YAMABIKO_ARCHIVE_PREFIX", &prefix);
    let receiver = Receiver::start();
    let server = of(dir.path()).start();
    let scene = Scene::build(&server, &receiver);
    let mut admin = server.admin();
    scene.click(&server, "before");
    settled(&mut admin);
    let setups = [of(one.path()), of(other.path())];
    for setup in &setups {
        succeed(setup.command(&["restore", "--from", &format!("s3://bucket/{prefix}")]));
    }
    // Taken over is what was written meanwhile, too.
    scene.click(&server, "meanwhile");
    settled(&mut admin);
    let outcomes = std::thread::scope(|scope| {
        let threads = setups
            .each_ref()
            .map(|setup| scope.spawn(move || run(setup.command(&["promote"]))));
        threads.map(|thread| thread.join().unwrap())
    });
    // One that begins when the other has finished takes over from it, in an epoch of its own.
    let won: Vec<usize> = (0..2).filter(|n| outcomes[*n].status.success()).collect();
    let in_third = |n: &usize| said(&outcomes[*n]).contains("epoch 3");
    if won.len() == 2 {
        assert_ne!(in_third(&0), in_third(&1), "{outcomes:?}");
    }
    let last = won.into_iter().max_by_key(in_third);
    let last = last.unwrap_or_else(|| panic!("{} {}", said(&outcomes[0]), said(&outcomes[1])));

    // The one before says so on every way in, and still redirects.
    eventually("the fence", PATIENCE, || {
        (status(&mut admin)["standing"] == "fenced").then_some(())
    });
    let (click, conversion, answer) = convert(&server, &scene.link, 1);
    assert_eq!((click, conversion), (302, 503), "{answer}");
    let ready = server.client().get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(
        ready.text().contains("is written by another server now"),
        "{}",
        ready.text()
    );
    server.kill();

    let winner = &setups[last];
    let server = winner.start();
    let mut admin = server.admin();
    let clicks = admin.get("/api/v1/sessions?limit=50").ok()["items"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(clicks, 2);
    assert_eq!(convert(&server, &scene.link, 2).0, 302);
    settled(&mut admin);
    succeed(winner.command(&["archive", "check"]));
    assert_one_writer_each(s3, &prefix);
}

/// An epoch ends with its fence, which has the number of the first commit of the next one: had the server before written
/// on in it, there were numbers behind the fence.
fn assert_one_writer_each(s3: &S3, prefix: &str) {
    let mut epochs: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for name in s3.names(&format!("{prefix}/journal/")) {
        let mut parts = name.rsplit('/');
        let (commit, epoch) = (parts.next().unwrap(), parts.next().unwrap());
        let commit = u64::from_str_radix(commit, 16).unwrap();
        epochs.entry(epoch.to_owned()).or_default().push(commit);
    }
    let epochs: Vec<Vec<u64>> = epochs.into_values().collect();
    assert!(epochs.len() > 1, "{epochs:?}");
    for two in epochs.windows(2) {
        assert_eq!(two[0].iter().max(), two[1].iter().min(), "{epochs:?}");
    }
}

#[test]
fn what_leaves_is_sealed_and_a_moment_comes_back() {
    let Some(s3) = S3::moto() else { return };
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    let sealed =
        |dir: &Path| archived(dir, s3.address).env("YAMABIKO_ARCHIVE_KEY_FILE", &key.display().to_string());
    let setup = sealed(dir.path());
    assert!(succeed(setup.command(&["archive", "test"])).contains("conditional writes are enforced"));
    let receiver = Receiver::start();
    let server = setup.start();
    let scene = Scene::build(&server, &receiver);
    let mut admin = server.admin();
    settled(&mut admin);
    scene.click(&server, "first");
    settled(&mut admin);
    // Moments have a grain of a quarter of a second.
    std::thread::sleep(Duration::from_millis(600));
    let moment = jiff::Timestamp::now();
    std::thread::sleep(Duration::from_millis(600));
    scene.click(&server, "second");
    settled(&mut admin);
    let tried = admin
        .post_json("/api/v1/archive/test", &serde_json::json!({}))
        .ok();
    assert_eq!(tried["is_ok"], true, "{tried}");
    assert_eq!(status(&mut admin)["is_sealed"], true);
    server.kill();

    let elsewhere = tempfile::tempdir().unwrap();
    let without = archived(&elsewhere.path().join("without"), s3.address);
    let refused = run(without.command(&["restore", "--from", "s3://bucket/p"]));
    assert!(
        !refused.status.success() && said(&refused).contains("sealed with a key"),
        "{}",
        said(&refused)
    );
    let then = sealed(&elsewhere.path().join("then"));
    succeed(then.command(&[
        "restore",
        "--from",
        "s3://bucket/p",
        "--until",
        &moment.to_string(),
    ]));
    let server = then.start();
    // It does not write the archive of the other one.
    let mut admin = server.client();
    eventually("it is fenced", PATIENCE, || {
        (admin.get("/readyz").status == 503).then_some(())
    });
    server.kill();
    succeed(then.command(&["promote"]));
    let server = then.start();
    let sessions = server.admin().get("/api/v1/sessions?limit=50").ok();
    let named: Vec<String> = sessions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(named.len(), 1, "{named:?}");
    assert!(named[0].contains("first"));
}

/// Whether a server tells anything of a device, by the text of its records; and what it answers to a session of it.
fn knows(setup: &Setup, token: &str) -> (bool, u16) {
    let server = setup.start();
    let mut admin = server.admin();
    let mut known = false;
    for list in ["sessions", "activities", "postbacks"] {
        let page = admin.get(&format!("/api/v1/{list}?limit=200")).ok();
        for item in page["items"].as_array().unwrap() {
            let one = admin.get(&format!("/api/v1/{list}/{}", text(&item["id"])));
            known |= one.text().to_lowercase().contains(&IDFA.to_lowercase());
        }
    }
    let again = server
        .client()
        .post_form("/session", &format!("s2s=1&app_token={token}&idfa={IDFA}"));
    server.terminate();
    (known, again.status)
}

#[test]
fn who_was_erased_since_is_erased_in_what_is_restored() {
    let bucket = tempfile::tempdir().unwrap();
    let with_archive = |setup: Setup| {
        setup
            .env("YAMABIKO_ARCHIVE_DIRECTORY", &bucket.path().display().to_string())
            .env("YAMABIKO_ARCHIVE_INTERVAL_S", "1")
    };
    let mut app = App::with(serde_json::json!({}), with_archive);
    app.rule(
        &["install", "event"],
        &app.url("/cb?kind={activity_kind}&idfa={idfa}"),
    );
    settled(&mut app.admin);
    app.click(&app.link, &format!("idfa={IDFA}"));
    app.send("session", &format!("idfa={IDFA}")).ok();
    app.told("install", 0);
    let event = format!("idfa={IDFA}&event_token={}&revenue=1&currency=JPY", app.purchase);
    app.send("event", &event).ok();
    app.told("event", 0);
    settled(&mut app.admin);
    // Moments have a grain of a quarter of a second.
    std::thread::sleep(Duration::from_millis(600));
    let moment = jiff::Timestamp::now().to_string();
    let backup = app.dir.path().join("before.backup");
    let here = with_archive(Setup::new(app.dir.path()));
    succeed(here.command(&["backup", &backup.display().to_string()]));
    std::thread::sleep(Duration::from_millis(600));
    app.send("gdpr_forget_device", &format!("idfa={IDFA}")).ok();
    settled(&mut app.admin);
    app.server.signal("KILL");

    let elsewhere = tempfile::tempdir().unwrap();
    let of = |name: &str| with_archive(Setup::new(&elsewhere.path().join(name)));
    let (then, filed, without) = (of("then"), of("filed"), of("without"));
    // What a file was restored to writes no archive here.
    let alone = |setup: &Setup| Setup::new(&setup.data_dir);
    let from = bucket.path().display().to_string();
    let told = succeed(then.command(&["restore", "--from", &from, "--until", &moment]));
    assert!(told.contains("is erased once more"), "{told}");
    let file = backup.display().to_string();
    let told = succeed(filed.command(&["restore", &file]));
    assert!(told.contains("is erased once more"), "{told}");
    succeed(without.command(&["restore", &file, "--without-erasures"]));

    let (known, _) = knows(&alone(&without), &app.token);
    assert!(known, "the backup holds the device");
    let (known, answer) = knows(&alone(&filed), &app.token);
    assert!(!known && answer >= 400, "{known} {answer}");
    succeed(then.command(&["promote"]));
    for _ in 0..2 {
        let (known, answer) = knows(&then, &app.token);
        assert!(!known && (400..500).contains(&answer), "{known} {answer}");
    }
}

/// The line of the doctor about the archive, and its exit code.
fn looked(setup: &Setup) -> (String, Option<i32>) {
    let output = run(setup.command(&["doctor"]));
    let text = said(&output);
    let mut lines = text.lines().filter(|line| line.contains(" archive: "));
    let line = lines.next().unwrap_or_else(|| panic!("{text}"));
    (line.to_owned(), output.status.code())
}

#[test]
fn the_doctor_reads_the_archive_through() {
    let (dir, bucket) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let setup = Setup::new(&dir.path().join("data"))
        .env("YAMABIKO_ARCHIVE_DIRECTORY", &bucket.path().display().to_string())
        .env("YAMABIKO_ARCHIVE_INTERVAL_S", "1");
    let server = setup.start();
    let scene = Scene::build(&server, &Receiver::start());
    let mut admin = server.admin();
    settled(&mut admin);
    scene.click(&server, "one");
    settled(&mut admin);
    let (line, _) = looked(&setup);
    assert!(
        line.starts_with("PASS") && line.contains("without a gap"),
        "{line}"
    );
    server.terminate();

    // An object that was cut, one that is gone, nothing at all.
    let mut objects = Vec::new();
    let mut left = vec![bucket.path().to_owned()];
    while let Some(place) = left.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => left.push(path),
                false => objects.push(path),
            }
        }
    }
    objects.retain(|path| path.to_string_lossy().contains("/journal/"));
    objects.sort();
    assert!(objects.len() > 1, "{objects:?}");
    let last = objects.last().unwrap();
    let whole = std::fs::read(last).unwrap();
    std::fs::write(last, &whole[..whole.len() / 2]).unwrap();
    let (line, code) = looked(&setup);
    assert!(
        line.starts_with("FAIL") && line.contains("cannot be used"),
        "{line}"
    );
    assert!(line.contains("set another archive.prefix"), "{line}");
    assert_eq!(code, Some(2));
    std::fs::write(last, whole).unwrap();
    assert!(looked(&setup).0.starts_with("PASS"));

    let empty = tempfile::tempdir().unwrap();
    let other = setup
        .clone()
        .env("YAMABIKO_ARCHIVE_DIRECTORY", &empty.path().display().to_string());
    let (line, code) = looked(&other);
    assert!(
        line.starts_with("WARN") && line.contains("there is no archive"),
        "{line}"
    );
    assert_eq!(code, Some(1));
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let none = setup
        .clone()
        .env("YAMABIKO_ARCHIVE_DIRECTORY", &file.display().to_string());
    let (line, _) = looked(&none);
    assert!(line.starts_with("FAIL"), "{line}");
}

#[test]
fn a_standby_follows_and_becomes_the_server() {
    let Some(s3) = S3::moto() else { return };
    let (dir, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let receiver = Receiver::start();
    let server = archived(dir.path(), s3.address).start();
    let scene = Scene::build(&server, &receiver);
    let mut admin = server.admin();
    scene.click(&server, "first");
    settled(&mut admin);
    let setup = archived(second.path(), s3.address);
    let address = free_address();
    let mut command = setup.command(&["standby", "--listen", &address.to_string()]);
    let mut standby = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    scene.click(&server, "second");
    let seq = settled(&mut admin);
    let follows = || {
        let answer = Client::new(address).try_send("GET", "/readyz", &[], b"").ok()?;
        (answer.status == 200 && answer.json()["standby"]["seq"].as_u64()? >= seq).then_some(())
    };
    eventually("the standby follows", PATIENCE, follows);
    let told = succeed(setup.command(&["promote"]));
    assert!(told.contains("epoch 2"), "{told}");
    eventually("the standby is the server", PATIENCE, || {
        let click = Client::new(address).try_send(
            "GET",
            &format!("/c/{}", scene.link),
            &[("User-Agent", BROWSER)],
            b"",
        );
        (click.ok()?.status == 302).then_some(())
    });
    eventually("the fence", PATIENCE, || {
        (status(&mut admin)["standing"] == "fenced").then_some(())
    });
    let stopped = Command::new("kill")
        .arg(standby.id().to_string())
        .status()
        .unwrap();
    assert!(stopped.success());
    standby.wait().unwrap();
}

#[test]
fn a_bucket_that_hangs_holds_nobody_up() {
    // It takes connections and answers none.
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let server = archived(dir.path(), hole.local_addr().unwrap()).start();
    let receiver = Receiver::start();
    let scene = Scene::build(&server, &receiver);
    let load = Load::start(&server, &scene.link, 2);
    eventually("conversions", PATIENCE, || {
        (load.so_far().conversions.len() > 50).then_some(())
    });
    let taken = load.stop();
    let mut admin = server.admin();
    taken.assert_kept(&mut admin, "while the bucket hangs");
    let status = status(&mut admin);
    assert_eq!(status["archived_seq"], 0, "{status}");
    assert_eq!(text(&status["standing"]), "starting", "{status}");
    assert_eq!(server.client().get("/readyz").status, 200);
}

#[test]
fn a_bucket_that_enforces_no_conditions_is_refused() {
    let Some(s3) = S3::moto() else { return };
    let (dir, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = archived(dir.path(), s3.address).start();
    let mut admin = server.admin();
    settled(&mut admin);
    // The same bucket, as one that knows nothing of conditions.
    let way = Way::without(s3.address, &["if-none-match", "if-match"]);
    let setup = archived(second.path(), way.address);
    let refuses = |words: &[&str]| {
        let output = run(setup.command(words));
        let told = said(&output);
        assert!(
            !output.status.success() && told.contains("does not enforce conditional writes"),
            "{words:?}: {told}"
        );
    };
    refuses(&["archive", "test"]);
    refuses(&["standby", "--listen", &free_address().to_string()]);
    succeed(setup.command(&["restore", "--from", "s3://bucket/p"]));
    refuses(&["promote"]);
    assert_eq!(status(&mut admin)["standing"], "on", "nobody was fenced");
    assert!(s3.names("p/probe-").is_empty(), "the try leaves nothing");
    server.terminate();

    let careless = archived(&second.path().join("other"), way.address)
        .env("YAMABIKO_ARCHIVE_PREFIX", "other")
        .start();
    let tried = careless
        .admin()
        .post_json("/api/v1/archive/test", &serde_json::json!({}))
        .ok();
    assert_eq!(
        (&tried["is_ok"], &tried["code"]),
        (&false.into(), &"archive_unconditional".into()),
        "{tried}"
    );
}
