//! What is wrong with settings, and where they are from.

use std::fmt;
use std::path::PathBuf;

/// Where a value, or a mistake, is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `config.default.toml`.
    Default,
    /// Set by systemd for its unit (`$STATE_DIRECTORY`).
    Systemd(&'static str),
    /// The configuration file.
    File {
        /// Which.
        path: PathBuf,
        /// From 1; 0 when the whole file is meant.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// Made smaller for so many bytes of memory.
    Memory(u64),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Systemd(name) => write!(f, "${name}"),
            Origin::Memory(bytes) => write!(f, "sized to {} MiB of memory", bytes >> 20),
            Origin::File { path, line: 0, .. } => write!(f, "{}", path.display()),
            Origin::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(flag) => f.write_str(flag),
        }
    }
}

/// What is wrong with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MistakeKind {
    /// The file cannot be read.
    #[error("unreadable")]
    Unreadable,
    /// The file is no TOML.
    #[error("syntax")]
    Syntax,
    /// No such key or section.
    #[error("unknown_key")]
    UnknownKey,
    /// A value of another type than the key takes.
    #[error("wrong_type")]
    WrongType,
    /// A value that the key does not accept.
    #[error("not_allowed")]
    NotAllowed,
    /// Two settings that exclude each other.
    #[error("contradiction")]
    Contradiction,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What kind; its text is a stable code.
    pub kind: MistakeKind,
    /// Where.
    pub origin: Origin,
    /// The key, as far as it is known.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{} {}", self.message, self.remedy)
    }
}

/// The configuration cannot be used. Holds every mistake, never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// In the order of the layers and lines.
    pub mistakes: Vec<Mistake>,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.len() {
            1 => writeln!(f, "the configuration has a mistake:")?,
            count => writeln!(f, "the configuration has {count} mistakes:")?,
        }
        for mistake in &self.mistakes {
            writeln!(f, "  {mistake}")?;
        }
        Ok(())
    }
}
