//! The access key of a bucket, from a file in the form that the tools of the clouds write:
//!
//! ```text
//! aws_access_key_id = AKIA...
//! aws_secret_access_key = ...
//! ```
//!
//! Names of sections are passed over; so the file has one key.

use std::path::{Path, PathBuf};

/// Why there is no access key.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("the file with the access key {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is none with an access key.
    #[error(
        "the file with the access key {path} lacks the line {missing} = ...; write aws_access_key_id and aws_secret_access_key into it"
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The name of what is missing.
        missing: &'static str,
    },
}

/// An access key. Shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) session: Option<String>,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("AccessKey")
    }
}

impl AccessKey {
    /// Reads the file.
    ///
    /// # Errors
    /// The file, and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let text = std::fs::read_to_string(path).map_err(|source| CredentialsError::Unreadable {
            path: path.into(),
            source,
        })?;
        Self::parse(&text).map_err(|missing| CredentialsError::Missing {
            path: path.into(),
            missing,
        })
    }

    /// Reads the text of such a file, or names what is missing.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let value = |name: &'static str| {
            text.lines()
                .filter_map(|line| line.split_once('='))
                .find(|(found, _)| found.trim().eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim().trim_matches('"').to_owned())
                .filter(|value| !value.is_empty())
        };
        let needed = |name: &'static str| value(name).ok_or(name);
        Ok(Self {
            id: needed("aws_access_key_id")?,
            secret: needed("aws_secret_access_key")?,
            session: value("aws_session_token"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_as_the_tools_write_it() {
        let key =
            AccessKey::parse("[default]\naws_access_key_id = AK1\naws_secret_access_key=\"s/+=\"\n").unwrap();
        assert_eq!(
            (key.id.as_str(), key.secret.as_str(), key.session.as_deref()),
            ("AK1", "s/+=", None)
        );
        assert_eq!(
            AccessKey::parse("aws_access_key_id = x\n"),
            Err("aws_secret_access_key")
        );
        assert_eq!(format!("{key:?}"), "AccessKey", "nothing of it is shown");
    }
}
