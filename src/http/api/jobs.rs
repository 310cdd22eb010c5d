//! Long work that was asked for and goes on by itself: its progress can be read for a while. Jobs live in
//! memory: what a job has done is in the store and the audit log, and a restart ends it.

use crate::domain::ids::TimeId;
use crate::http::auth::{Identity, Viewer};
use crate::http::extract::id;
use crate::http::problem::ApiError;
use actix_web::web::Path;
use actix_web::{HttpResponse, get};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock};

/// Jobs remembered.
const REMEMBERED: usize = 100;
/// Jobs under way at once.
const AT_ONCE: usize = 4;

static JOBS: LazyLock<Mutex<VecDeque<Job>>> = LazyLock::new(Mutex::default);

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Under way.
    Running,
    /// At its end.
    Done,
    /// Stopped by an error; what it had done stays.
    Failed,
}

/// Progress of a job.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct JobDto {
    /// For asking again.
    pub id: String,
    /// `resend`, ...
    pub kind: &'static str,
    /// How far it is.
    pub state: JobState,
    /// How many things it is about; `null` until that is known.
    pub total: Option<usize>,
    /// How many are done.
    pub done: usize,
    /// How many by result code.
    pub results: BTreeMap<&'static str, usize>,
    /// What went wrong, when it failed.
    pub message: Option<String>,
}

/// A job; clones share it.
#[derive(Debug, Clone)]
pub struct Job {
    owner: String,
    progress: Arc<Mutex<JobDto>>,
}

impl Job {
    /// Begins one; refused when too many are under way.
    pub fn start(kind: &'static str, identity: &Identity) -> Result<Self, ApiError> {
        let mut jobs = JOBS.lock();
        if jobs
            .iter()
            .filter(|job| job.progress.lock().state == JobState::Running)
            .count()
            >= AT_ONCE
        {
            return Err(ApiError::Busy);
        }
        let id = TimeId::new(crate::clock::Clock::System.now_ms(), rand::random()).to_string();
        let progress = JobDto {
            id,
            kind,
            state: JobState::Running,
            total: None,
            done: 0,
            results: BTreeMap::new(),
            message: None,
        };
        let job = Self {
            owner: identity.actor.clone(),
            progress: Arc::new(Mutex::new(progress)),
        };
        if jobs.len() == REMEMBERED {
            jobs.pop_front();
        }
        jobs.push_back(job.clone());
        Ok(job)
    }

    /// How many things it is about.
    pub fn expect(&self, total: usize) {
        self.progress.lock().total = Some(total);
    }

    /// Counts results.
    pub fn count(&self, result: &'static str, many: usize) {
        let mut progress = self.progress.lock();
        if many == 0 {
            return;
        }
        progress.done += many;
        *progress.results.entry(result).or_default() += many;
    }

    /// Ends it.
    pub fn end(&self, error: Option<ApiError>) {
        let mut progress = self.progress.lock();
        progress.state = if error.is_some() {
            JobState::Failed
        } else {
            JobState::Done
        };
        progress.message = error.map(|error| error.to_string());
    }

    /// Its progress.
    pub fn view(&self) -> JobDto {
        self.progress.lock().clone()
    }
}

/// Reads the progress of a job that one has started.
#[utoipa::path(tag = "postbacks", responses((status = 200, body = JobDto)))]
#[get("/jobs/{id}")]
pub async fn get_job(viewer: Viewer, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let wanted: TimeId = id("job", &path)?;
    let wanted = wanted.to_string();
    let jobs = JOBS.lock();
    let found = jobs
        .iter()
        .find(|job| job.owner == viewer.0.actor && job.progress.lock().id == wanted);
    match found {
        Some(job) => Ok(HttpResponse::Ok().json(job.view())),
        None => Err(ApiError::not_found("job", wanted)),
    }
}
