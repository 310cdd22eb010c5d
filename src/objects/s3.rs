//! A bucket that speaks S3: requests signed in their query, sent over our own way out.
//!
//! * 2026-11-29: conditions are headers that are signed with the rest, so nobody between can take them away. What
//!   reading repeats after a failure, writing does not: whoever writes has to look what became of it.
//! * 2026-11-29: AWS answers 409 to a conditional write that meets another one; nothing was written then, and the
//!   same request may be made again.

use super::credentials::AccessKey;
use super::{Counters, Listed, MOST_BYTES, ObjectsError, Version, checked};
use crate::wire::http::{Request, Response};
use crate::wire::{Client, Limits};
use rusty_s3::actions::{ListObjectsV2, S3Action};
use rusty_s3::{Credentials, UrlStyle};
use std::sync::Arc;
use std::time::Duration;

/// How long a signed request is valid.
const VALID_FOR: Duration = Duration::from_secs(300);
/// Tries of requests that change nothing.
const TRIES: u32 = 3;
/// Before the second try; the third waits twice as long.
const PAUSE: Duration = Duration::from_millis(200);
/// Limits of one request.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(60),
};

/// Where a bucket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Address of the service, such as `https://s3.ap-northeast-1.amazonaws.com`.
    pub endpoint: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Region that requests are signed for; services without regions take `auto` or `us-east-1`.
    pub region: String,
    /// Whether the bucket stands before the host (`bucket.host`) rather than in the path.
    pub is_in_host: bool,
}

/// A bucket.
pub struct Bucket {
    wire: Arc<Client>,
    bucket: rusty_s3::Bucket,
    credentials: Credentials,
    limits: Limits,
    pub(super) counters: Counters,
}

/// The condition of a write.
enum If<'a> {
    Always,
    None,
    Version(&'a Version),
}

impl Bucket {
    /// A bucket whose requests leave through `wire`. Asks nothing yet.
    ///
    /// # Errors
    /// What is wrong with the place, as a sentence.
    pub fn new(wire: Arc<Client>, place: &Place, key: &AccessKey) -> Result<Self, String> {
        let endpoint = url::Url::parse(&place.endpoint)
            .map_err(|error| format!("{:?} is no address of a service: {error}", place.endpoint))?;
        let style = if place.is_in_host {
            UrlStyle::VirtualHost
        } else {
            UrlStyle::Path
        };
        let bucket = rusty_s3::Bucket::new(endpoint, style, place.bucket.clone(), place.region.clone())
            .map_err(|error| {
                format!(
                    "{:?} and {:?} make no address: {error}",
                    place.endpoint, place.bucket
                )
            })?;
        let credentials = match &key.session {
            Some(session) => Credentials::new_with_token(&key.id, &key.secret, session),
            None => Credentials::new(&key.id, &key.secret),
        };
        Ok(Self {
            wire,
            bucket,
            credentials,
            limits: LIMITS,
            counters: Counters::default(),
        })
    }

    /// The same with other limits of a request.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(super) fn put_new(&self, key: &str, bytes: &[u8]) -> Result<Version, ObjectsError> {
        self.write(key, bytes, &If::None)
    }

    pub(super) fn put_over(
        &self,
        key: &str,
        bytes: &[u8],
        version: &Version,
    ) -> Result<Version, ObjectsError> {
        self.write(key, bytes, &If::Version(version))
    }

    pub(super) fn put(&self, key: &str, bytes: &[u8]) -> Result<Version, ObjectsError> {
        self.write(key, bytes, &If::Always)
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Version)>, ObjectsError> {
        checked(key)?;
        patiently(|| {
            let url = self
                .bucket
                .get_object(Some(&self.credentials), key)
                .sign(VALID_FOR);
            let answer = self.send("GET", &url, &[], Vec::new())?;
            match answer.status().as_u16() {
                200 => {
                    let version = version_of(&answer);
                    Ok(Some((answer.into_body(), version)))
                }
                404 if code_of(answer.body()) != "NoSuchBucket" => Ok(None),
                _ => Err(refusal(&answer)),
            }
        })
    }

    pub(super) fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, ObjectsError> {
        patiently(|| {
            let mut action = self.bucket.list_objects_v2(Some(&self.credentials));
            action.with_prefix(prefix);
            if let Some(after) = after {
                action.with_start_after(after);
            }
            let answer = self.send("GET", &action.sign(VALID_FOR), &[], Vec::new())?;
            if answer.status().as_u16() != 200 {
                return Err(refusal(&answer));
            }
            let text = String::from_utf8_lossy(answer.body());
            let page = ListObjectsV2::parse_response(&text).map_err(|error| ObjectsError::Away {
                message: format!("its list cannot be read: {error}"),
            })?;
            let listed = page.contents.into_iter().map(|object| Listed {
                key: object.key,
                bytes: object.size.unwrap_or(0),
            });
            Ok(listed.collect())
        })
    }

    pub(super) fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        checked(key)?;
        patiently(|| {
            let url = self
                .bucket
                .delete_object(Some(&self.credentials), key)
                .sign(VALID_FOR);
            let answer = self.send("DELETE", &url, &[], Vec::new())?;
            match answer.status().as_u16() {
                200 | 204 => Ok(()),
                404 if code_of(answer.body()) != "NoSuchBucket" => Ok(()),
                _ => Err(refusal(&answer)),
            }
        })
    }

    fn write(&self, key: &str, bytes: &[u8], condition: &If<'_>) -> Result<Version, ObjectsError> {
        checked(key)?;
        let header = match condition {
            If::Always => None,
            If::None => Some(("if-none-match", "*")),
            If::Version(version) => Some(("if-match", version.0.as_str())),
        };
        let mut action = self.bucket.put_object(Some(&self.credentials), key);
        if let Some((name, value)) = header {
            action.headers_mut().insert(name, value);
        }
        let answer = self.send("PUT", &action.sign(VALID_FOR), header.as_slice(), bytes.to_vec())?;
        let key = || key.to_owned();
        match (answer.status().as_u16(), condition) {
            (200 | 201 | 204, _) => Ok(version_of(&answer)),
            (412, If::None) => Err(ObjectsError::Exists { key: key() }),
            (412, If::Version(_)) => Err(ObjectsError::Changed { key: key() }),
            (404, If::Version(_)) if code_of(answer.body()) != "NoSuchBucket" => {
                Err(ObjectsError::Changed { key: key() })
            }
            (409, If::None | If::Version(_)) => Err(ObjectsError::Away {
                message: "another write of the same object was going on".into(),
            }),
            (_, _) => Err(refusal(&answer)),
        }
    }

    fn send(
        &self,
        method: &str,
        url: &url::Url,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Response<Vec<u8>>, ObjectsError> {
        let sent = body.len();
        let mut request = Request::builder().method(method).uri(url.as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == "PUT" {
            request = request.header("content-type", "application/octet-stream");
        }
        let request = request.body(body).map_err(|error| ObjectsError::Away {
            message: format!("the request cannot be built: {error}"),
        })?;
        let answer = self.wire.fetch_from_own(&request, self.limits, MOST_BYTES);
        let received = answer.as_ref().map_or(0, |answer| answer.body().len());
        self.counters.count(sent, received);
        answer.map_err(|(_, message)| ObjectsError::Away { message })
    }
}

/// Does what changes nothing until it is answered, a few times.
fn patiently<T>(mut ask: impl FnMut() -> Result<T, ObjectsError>) -> Result<T, ObjectsError> {
    let mut tries = 1;
    loop {
        match ask() {
            Err(ObjectsError::Away { .. }) if tries < TRIES => {
                std::thread::sleep(PAUSE * tries);
                tries += 1;
            }
            done => return done,
        }
    }
}

fn version_of(answer: &Response<Vec<u8>>) -> Version {
    let tag = answer.headers().get("etag").map(|tag| tag.as_bytes());
    Version(String::from_utf8_lossy(tag.unwrap_or_default()).into_owned())
}

/// An answer that is none of those that were hoped for.
fn refusal(answer: &Response<Vec<u8>>) -> ObjectsError {
    let status = answer.status().as_u16();
    let (code, message) = (code_of(answer.body()), element(answer.body(), "Message"));
    match status {
        408 | 429 | 500.. => ObjectsError::Away {
            message: format!("it answered {status} {code} {message}")
                .trim_end()
                .to_owned(),
        },
        _ => ObjectsError::Refused {
            status,
            code,
            message,
        },
    }
}

fn code_of(body: &[u8]) -> String {
    element(body, "Code")
}

/// The text of an element of the XML of an error, cut to what fits into a sentence.
fn element(body: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(body);
    let found = text
        .split_once(&format!("<{name}>"))
        .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
    found.map_or_else(String::new, |(text, _)| text.chars().take(300).collect())
}
