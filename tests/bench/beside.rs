//! What archive, files of raw data and stream cost the intake: clicks a second with all three on, and with a bucket that
//! hangs, beside those without, in turns. `YAMABIKO_BENCH_BINARY` measures another binary, such as the one that is shipped;
//! `YAMABIKO_BENCH_FEEDS=archive,stream` turns on some of the three only.

use crate::loader;
use crate::requests::click_request;
use crate::support::receiver::Receiver;
use crate::support::scene::Scene;
use crate::support::server::Setup;
use crate::{duration, print, runs};
use std::net::TcpListener;
use std::path::Path;

const CONNECTIONS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Nothing,
    All,
    HangingBucket,
}

fn setup(with: With, dir: &Path, sink: &str, hole: &str) -> Setup {
    let place = |name: &str| {
        let place = dir.join(name);
        std::fs::create_dir_all(&place).unwrap();
        place.display().to_string()
    };
    let setup = Setup::new(&dir.join("data"))
        .env("YAMABIKO_STORE_JOURNAL_SEGMENT_MB", "64")
        .env("YAMABIKO_THREADS_HTTP", "2");
    let setup = match std::env::var("YAMABIKO_BENCH_BINARY") {
        Ok(binary) => setup.served_by(
            [&binary, "serve", "--listen", "127.0.0.1:0"]
                .map(str::to_owned)
                .to_vec(),
        ),
        Err(_) => setup,
    };
    match with {
        With::Nothing => setup,
        With::All => {
            let wanted = std::env::var("YAMABIKO_BENCH_FEEDS").unwrap_or("archive,export,stream".into());
            wanted.split(',').fold(setup, |setup, feed| match feed {
                "archive" => setup
                    .env("YAMABIKO_ARCHIVE_DIRECTORY", &place("archive"))
                    .env("YAMABIKO_ARCHIVE_INTERVAL_S", "1"),
                "export" => setup.env("YAMABIKO_EXPORT_DIRECTORY", &place("raw")),
                "stream" => setup.env("YAMABIKO_STREAM_URL", sink),
                other => panic!("YAMABIKO_BENCH_FEEDS: there is no {other}"),
            })
        }
        With::HangingBucket => {
            let credentials = dir.join("credentials");
            std::fs::write(
                &credentials,
                "aws_access_key_id = key\naws_secret_access_key = secret\n",
            )
            .unwrap();
            setup
                .env("YAMABIKO_ARCHIVE_ENDPOINT", hole)
                .env("YAMABIKO_ARCHIVE_BUCKET", "bucket")
                .env("YAMABIKO_ARCHIVE_INTERVAL_S", "1")
                .env(
                    "YAMABIKO_ARCHIVE_CREDENTIALS_FILE",
                    &credentials.display().to_string(),
                )
        }
    }
}

/// Clicks a second.
fn measured(with: With, sink: &Receiver, hole: &str) -> f64 {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("directory");
    let server = setup(with, dir.path(), &sink.url("/"), hole).start();
    let scene = Scene::build(&server, sink);
    let address = server.address();
    let report = loader::run(
        address,
        CONNECTIONS,
        duration(),
        302,
        click_request(address, &scene.link),
    )
    .expect("run");
    assert_eq!(report.bad, 0, "every answer must be a redirect");
    report.per_second()
}

/// Both figures, in turns: whatever else the machine does meets all of them.
pub fn clicks_beside_the_feeds() {
    let sink = Receiver::start();
    sink.count_only();
    // It takes connections and answers none.
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let hole = format!("http://{}", hole.local_addr().unwrap());
    let (mut all, mut hanging) = (Vec::new(), Vec::new());
    for run in 0..runs() {
        let mut order = [With::Nothing, With::All, With::HangingBucket];
        order.rotate_left(usize::try_from(run % 3).unwrap());
        let mut found = order.map(|with| (with, measured(with, &sink, &hole)));
        found.sort_by_key(|(with, _)| *with as u8);
        let [(_, without), (_, with), (_, hangs)] = found;
        eprintln!(
            "clicks: {without:.0}/s; with archive, export and stream {with:.0}/s; with a hanging bucket {hangs:.0}/s"
        );
        all.push((with, without));
        hanging.push((hangs, without));
    }
    print("click_with_archive_export_stream_64", "1/s", all);
    print("click_with_hanging_bucket_64", "1/s", hanging);
}
