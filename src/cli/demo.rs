//! `demo`: an instance to look at. Sample offers, partners and links, two weeks of past traffic, a built-in
//! receiver, and visitors that click and buy while you watch. Everything goes the way of real requests.

mod apps;
mod history;
mod sample;
mod traffic;
mod visit;

use super::{CliError, DemoArgs, Global, Outcome, flag, say};
use crate::admin::random::random_text;
use crate::app::{self, Bound, Core, Running};
use crate::clock::Clock;
use crate::config::Config;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Sign-in name of the demo's owner.
const LOGIN: &str = "demo";
/// One visit of so many ends with a purchase, in the past as in the present.
const BUYERS: u32 = 12;

/// Runs until it is told to stop; a directory that was made for it is removed then.
pub fn run(global: &Global, args: &DemoArgs) -> Outcome {
    let place = Place::choose(global)?;
    let mut flags = vec![flag("--listen", "listen", &args.listen)];
    flags.push(flag("demo", "backup.every_h", "0"));
    flags.push(flag("--data-dir", "data_dir", &place.dir.display().to_string()));
    if std::env::var_os("YAMABIKO_LOG_LEVEL").is_none() {
        flags.push(flag("demo", "log.level", "warn"));
    }
    let config = Arc::new(global.load(flags)?.config);
    say(format!(
        "Preparing {} days of past traffic ...",
        args.history_days
    ))?;
    let password: String = random_text().map_err(refused)?.chars().take(16).collect();
    prepare(&config, args, &password)?;
    let traffic: Mutex<Option<JoinHandle<()>>> = Mutex::default();
    let outcome = app::run(config, |running| match start(running, args, &password) {
        Ok(thread) => *traffic.lock() = Some(thread),
        Err(error) => super::complain(&error),
    });
    if let Some(thread) = traffic.into_inner()
        && thread.join().is_err()
    {
        super::complain(&CliError::Refused(
            "the traffic of the demo ended with a defect".into(),
        ));
    }
    place.clear()?;
    outcome?;
    Ok(ExitCode::SUCCESS)
}

fn refused(error: impl std::fmt::Display) -> CliError {
    CliError::Refused(error.to_string())
}

/// Where the demo keeps its data.
struct Place {
    dir: PathBuf,
    is_ours: bool,
}

impl Place {
    fn choose(global: &Global) -> Result<Self, CliError> {
        if let Some(dir) = &global.data_dir {
            return if is_empty(dir) {
                Ok(Self {
                    dir: dir.clone(),
                    is_ours: false,
                })
            } else {
                Err(CliError::Refused(format!(
                    "{} is not empty: the demo begins with sample data; name an empty directory, or none",
                    dir.display()
                )))
            };
        }
        let dir = std::env::temp_dir().join(format!("yamabiko-demo-{}", std::process::id()));
        Ok(Self { dir, is_ours: true })
    }

    fn clear(&self) -> Result<(), CliError> {
        if self.is_ours && self.dir.exists() {
            let what = format!("cannot remove {}", self.dir.display());
            std::fs::remove_dir_all(&self.dir).map_err(CliError::io(what))?;
        }
        Ok(())
    }
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none())
}

/// Writes the sample objects and the past, under a clock that is set back and walks forward.
fn prepare(config: &Arc<Config>, args: &DemoArgs, password: &str) -> Result<(), CliError> {
    let now_ms = Clock::System.now_ms();
    let clicked_ms = now_ms - apps::CLICKED_BEFORE_MS;
    let clock = Clock::fixed(clicked_ms - i64::from(args.history_days) * history::DAY_MS);
    let core = Core::open(config.clone(), clock.clone())?;
    let written = sample::objects(password, clock.now_ms(), &config.listen.to_string())
        .and_then(|objects| sample::save(&core.recorder, objects))
        .and_then(|()| history::replay(&core.recorder, &clock, clicked_ms, args.visits_per_day))
        .and_then(|()| history::app_clicks(&core.recorder, &clock, clicked_ms))
        .and_then(|()| history::replay(&core.recorder, &clock, now_ms, args.visits_per_day));
    core.close();
    written
}

/// Starts the thread that adds the rules, says what to look at, and plays the visitors. It is a thread of its
/// own because whoever calls this is serving requests.
fn start(running: &Running, args: &DemoArgs, password: &str) -> Result<JoinHandle<()>, CliError> {
    let recorder = running.state.recorder.clone();
    let (bound, echo) = (running.bound.clone(), running.echo.address());
    let (password, pause) = (password.to_owned(), traffic::pause(args));
    let work = move || {
        let ruled =
            sample::rules(echo, Clock::System.now_ms()).and_then(|rules| sample::save(&recorder, rules));
        if let Err(error) = ruled {
            super::complain(&error);
            return;
        }
        // Visitors come whether or not anybody reads what is said: standard output may be a pipe that ended.
        if let Err(error) = tell(&bound, echo, &password) {
            super::complain(&error);
        }
        if let Some(pause) = pause {
            traffic::Shoppers::new(bound.public, recorder, pause).run();
        }
    };
    std::thread::Builder::new()
        .name("demo-traffic".into())
        .spawn(work)
        .map_err(CliError::io("cannot start the traffic of the demo"))
}

fn tell(bound: &Bound, echo: SocketAddr, password: &str) -> Result<(), CliError> {
    let (public, admin) = (bound.public, bound.admin_side());
    say(format!(
        "
  Yamabiko demo is running; stop it with Ctrl+C.

  Open      http://{admin}/        sign in as {LOGIN} with the password {password}

  Try it    a click:        curl -i 'http://{public}/c/{link}?param1=my-click-id'
            its conversion: curl 'http://{public}/cv?sid=SID&amount=1200&uid1=A-1001'   (SID from the redirect)
            the partner was told: the built-in receiver at http://{echo}/ got a GET with your click id

  An app    one device lives through this after the other; the built-in receiver gets /app/install, /app/event, ...
            Yours (every line a request; the receiver is told of each):
            click:    curl 'http://{public}/c/{app_link}?s2s=1&idfa={idfa}&param1=abc'
            install:  curl -X POST 'http://{public}/session?s2s=1&app_token={app}&idfa={idfa}'
            purchase: curl -X POST 'http://{public}/event?s2s=1&app_token={app}&idfa={idfa}&event_token={purchase}&revenue=480&currency=JPY'
            another link, and back to the app (reattribution):
                      curl 'http://{public}/c/{app_other}?s2s=1&idfa={idfa}'
                      curl -X POST 'http://{public}/session?s2s=1&app_token={app}&idfa={idfa}'
            removed:  curl -X POST 'http://{public}/uninstall?s2s=1&app_token={app}&idfa={idfa}'
            back:     curl -X POST 'http://{public}/session?s2s=1&app_token={app}&idfa={idfa}'
  Numbers   curl http://{public}/metrics
",
        link = sample::SHOP_LINK,
        app = sample::APP,
        app_link = sample::APP_LINK,
        app_other = sample::APP_OTHER_LINK,
        purchase = sample::APP_PURCHASE,
        idfa = "A1B2C3D4-0000-4000-8000-1234567890AB",
    ))
}
