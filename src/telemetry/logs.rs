//! Where log lines go and what they look like.
//!
//! A log line is one line: control characters in what strangers send (CR, LF, escape sequences, bidirectional
//! overrides) are escaped where the line leaves the process, so that no field can forge a line or paint a
//! terminal. Secrets are kept out by their types, whose `Debug` shows a mask; this module cannot know them.

use super::{TelemetryError, occasionally};
use crate::config::{LogFormat, LogLevel};
use std::io::{self, Write};
use std::sync::OnceLock;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{DynFilterFn, FilterExt, LevelFilter, Targets, dynamic_filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

/// Sends the logs of this process to the standard error output.
///
/// # Errors
/// When logs are set up already.
pub fn install_logs(format: LogFormat, level: LogLevel) -> Result<(), TelemetryError> {
    let (level, handle) = reload::Layer::new(filter(level));
    tracing_subscriber::registry()
        .with(layer(format, level, OneLine(io::stderr)))
        .try_init()?;
    // Set once, since logs are.
    LEVEL.get_or_init(|| handle);
    bound_libraries();
    Ok(())
}

/// Libraries that log by the crate `log` leave out at once what nobody would read: sled speaks at every look into a
/// page, and each line that went through the filters cost a conversion a fifth of its time.
fn bound_libraries() {
    log::set_max_level(match LevelFilter::current().into_level() {
        None => log::LevelFilter::Off,
        Some(Level::ERROR) => log::LevelFilter::Error,
        Some(Level::WARN) => log::LevelFilter::Warn,
        Some(Level::INFO) => log::LevelFilter::Info,
        Some(Level::DEBUG) => log::LevelFilter::Debug,
        Some(Level::TRACE) => log::LevelFilter::Trace,
    });
}

/// The level of the logs that were set up, to be changed later.
static LEVEL: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// From now on the log leaves out what is less important.
///
/// # Errors
/// The logs are gone.
pub fn set_level(level: LogLevel) -> Result<(), reload::Error> {
    LEVEL
        .get()
        .map_or(Ok(()), |handle| handle.reload(filter(level)))?;
    bound_libraries();
    Ok(())
}

fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // The HTTP client would write whole requests, secrets and all.
    Targets::new()
        .with_default(level)
        .with_target("isahc", level.min(LevelFilter::WARN))
        .with_target("curl", level.min(LevelFilter::WARN))
}

fn layer<S, W, F>(format: LogFormat, level: F, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    F: Filter<S> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false);
    match format {
        LogFormat::Text => layer.with_filter(level.and(others())).boxed(),
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_filter(level.and(others()))
            .boxed(),
    }
}

/// Warnings of libraries are written once in a while: most are about what a stranger sent, and a stranger decides how
/// often. Ours decide for themselves.
fn others<S>() -> DynFilterFn<S> {
    let filter: DynFilterFn<S> = dynamic_filter_fn(|metadata: &Metadata<'_>, _: &Context<'_, S>| {
        let is_warning = metadata.is_event() && *metadata.level() <= Level::WARN;
        let is_ours = metadata.target().starts_with("yamabiko");
        !is_warning || is_ours || occasionally(metadata.name()).is_some()
    });
    // Without a hint every line of every library would be asked about.
    filter.with_max_level_hint(LevelFilter::TRACE)
}

/// Escapes control characters of everything but the line's own end.
struct OneLine<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OneLine<M> {
    type Writer = OneLineWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLineWriter(self.0.make_writer())
    }
}

struct OneLineWriter<W>(W);

impl<W: Write> Write for OneLineWriter<W> {
    /// The formatter hands over one whole line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0
            .write_all(escape_line(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// One line with `\u001b` for each control or direction character; valid within JSON, too.
fn escape_line(line: &str) -> String {
    let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
    let mut out = String::with_capacity(line.len());
    for c in body.chars() {
        let is_unsafe = c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if is_unsafe {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out + end
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: LogLevel, log: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = tracing_subscriber::registry().with(layer(
            format,
            filter(level),
            OneLine(move || writer.clone()),
        ));
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(captured.0.lock().clone()).unwrap()
    }

    const EVIL: &str = "a\r\n2026-01-01T00:00:00Z ERROR forged\u{1b}[31m\u{9b}2J\u{202e}\u{2028}\0";

    #[test]
    fn nothing_that_is_logged_can_forge_a_line_or_paint_a_terminal() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format, LogLevel::Info, || {
                tracing::info!(agent = %EVIL, debug = ?EVIL, "message {EVIL}");
                tracing::warn!(agent = EVIL, "second");
            });
            assert_eq!(text.matches('\n').count(), 2, "{text}");
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
            assert!(!text.contains('\u{202e}') && !text.contains('\u{2028}'), "{text}");
        }
    }

    #[test]
    fn json_lines_are_json_and_carry_the_fields() {
        let text = logged(
            LogFormat::Json,
            LogLevel::Info,
            || tracing::error!(code = "x", agent = %EVIL, "sentence"),
        );
        let value: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(value["code"], "x");
        assert_eq!(value["message"], "sentence");
        assert_eq!(value["agent"], EVIL);
    }

    #[test]
    fn the_client_writes_no_requests() {
        let text = logged(LogFormat::Text, LogLevel::Trace, || {
            tracing::trace!(target: "isahc::wire", "GET /?token=hush");
            tracing::debug!(target: "isahc::handler", "> GET /?token=hush");
            tracing::trace!("ours");
        });
        assert!(text.contains("ours") && !text.contains("hush"), "{text}");
    }

    #[test]
    fn what_nobody_reads_is_left_out_before_it_is_made() {
        use tracing::Subscriber;
        for (level, hint) in [
            (LogLevel::Info, LevelFilter::INFO),
            (LogLevel::Trace, LevelFilter::TRACE),
        ] {
            let layer = layer(LogFormat::Text, filter(level), OneLine(io::sink));
            let subscriber = tracing_subscriber::registry().with(layer);
            assert_eq!(subscriber.max_level_hint(), Some(hint));
        }
    }

    #[test]
    fn levels_leave_out_what_is_less_important() {
        let text = logged(LogFormat::Text, LogLevel::Warn, || {
            tracing::info!("quiet");
            tracing::warn!("loud");
        });
        assert!(!text.contains("quiet") && text.contains("loud"));
    }
}
