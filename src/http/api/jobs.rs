//! Long work that was asked for and goes on by itself: its progress can be read for a while. Jobs live in
//! memory: what a job has done is in the store and the audit log, and a restart ends it.

use crate::domain::ids::TimeId;
use crate::http::State;
use crate::http::auth::{Identity, Viewer};
use crate::http::extract::id;
use crate::http::problem::ApiError;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Jobs remembered.
const REMEMBERED: usize = 100;
/// Jobs under way at once.
const AT_ONCE: usize = 4;

/// How often a stop looks whether jobs have ended.
const POLL: Duration = Duration::from_millis(10);

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

/// The jobs of the instance.
#[derive(Debug, Default)]
pub struct Jobs {
    jobs: Mutex<VecDeque<Job>>,
    is_stopping: Arc<AtomicBool>,
}

/// A job; clones share it.
#[derive(Debug, Clone)]
pub struct Job {
    owner: String,
    progress: Arc<Mutex<JobDto>>,
    is_stopping: Arc<AtomicBool>,
}

impl Jobs {
    /// Begins one; refused when too many are under way, or when the server is stopping.
    pub fn start(&self, kind: &'static str, identity: &Identity) -> Result<Job, ApiError> {
        let mut jobs = self.jobs.lock();
        let running = jobs.iter().filter(|job| job.is_running()).count();
        if running >= AT_ONCE || self.is_stopping.load(Ordering::Acquire) {
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
        let job = Job {
            owner: identity.actor.clone(),
            progress: Arc::new(Mutex::new(progress)),
            is_stopping: self.is_stopping.clone(),
        };
        if jobs.len() == REMEMBERED
            && let Some(oldest) = jobs.iter().position(|job| !job.is_running())
        {
            jobs.remove(oldest);
        }
        jobs.push_back(job.clone());
        Ok(job)
    }

    /// Whether the instance is coming to its end: what goes on by itself (jobs, streams) ends too.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// The job of that id, if `actor` has started it.
    fn find(&self, id: &str, actor: &str) -> Option<JobDto> {
        let jobs = self.jobs.lock();
        let found = jobs
            .iter()
            .find(|job| job.owner == actor && job.progress.lock().id == id);
        found.map(Job::view)
    }

    /// Has every job end after the commit that it is at, and waits for them, at most `patience`.
    pub async fn stop(&self, patience: Duration) {
        self.is_stopping.store(true, Ordering::Release);
        let end = Instant::now() + patience;
        loop {
            let running = self.jobs.lock().iter().filter(|job| job.is_running()).count();
            if running == 0 {
                return;
            }
            if Instant::now() >= end {
                tracing::warn!(
                    code = "jobs_stop_late",
                    running,
                    "some jobs did not end in time; what they have committed stays"
                );
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Ends a job whose work was dropped on the way, so that it does not seem to run for ever.
struct Guard(Job);

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0.is_running() {
            self.0.end(Some(stopping()));
        }
    }
}

fn stopping() -> ApiError {
    ApiError::State {
        code: "stopping",
        message:
            "the server stopped before the job was at its end; what was done stays: ask for the rest again"
                .into(),
    }
}

impl Job {
    /// Does the work beside the request that asked for it.
    pub fn spawn(&self, work: impl Future<Output = Result<(), ApiError>> + 'static) {
        let guard = Guard(self.clone());
        actix_web::rt::spawn(async move {
            let outcome = work.await;
            guard.0.end(outcome.err());
        });
    }

    /// Asked between two commits.
    ///
    /// # Errors
    /// When the server is stopping.
    pub fn may_go_on(&self) -> Result<(), ApiError> {
        if self.is_stopping.load(Ordering::Acquire) {
            Err(stopping())
        } else {
            Ok(())
        }
    }

    fn is_running(&self) -> bool {
        self.progress.lock().state == JobState::Running
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
pub async fn get_job(
    state: Data<State>,
    viewer: Viewer,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let wanted: TimeId = id("job", &path)?;
    let wanted = wanted.to_string();
    match state.jobs.find(&wanted, &viewer.0.actor) {
        Some(job) => Ok(HttpResponse::Ok().json(job)),
        None => Err(ApiError::not_found("job", wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Role;
    use crate::http::auth::Proof;
    use crate::http::client::Caller;

    fn identity() -> Identity {
        Identity {
            actor: "user hanako".into(),
            role: Role::Editor,
            user: None,
            partners: Vec::new(),
            proof: Proof::Token(String::new()),
            caller: Caller {
                ip: [127, 0, 0, 1].into(),
                is_tls: false,
                host: String::new(),
                because: "",
            },
        }
    }

    #[test]
    fn jobs_are_bounded_remembered_for_a_while_and_seen_by_their_owner_only() {
        let jobs = Jobs::default();
        let first = jobs.start("resend", &identity()).unwrap();
        for _ in 1..AT_ONCE {
            jobs.start("resend", &identity()).unwrap();
        }
        assert!(matches!(jobs.start("resend", &identity()), Err(ApiError::Busy)));
        let id = first.view().id;
        assert!(jobs.find(&id, "user hanako").is_some());
        assert!(jobs.find(&id, "user taro").is_none());
        for job in jobs.jobs.lock().iter().skip(1) {
            job.end(None);
        }
        for _ in 0..REMEMBERED * 2 {
            jobs.start("resend", &identity()).unwrap().end(None);
        }
        assert_eq!(jobs.jobs.lock().len(), REMEMBERED);
        assert!(
            jobs.find(&id, "user hanako").is_some(),
            "one that runs is never forgotten"
        );
    }

    #[actix_web::test]
    async fn a_stop_waits_for_jobs_and_takes_no_more() {
        let jobs = Jobs::default();
        let job = jobs.start("resend", &identity()).unwrap();
        let working = job.clone();
        job.spawn(async move {
            loop {
                working.may_go_on()?;
                working.count("queued", 1);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        jobs.stop(Duration::from_secs(10)).await;
        let ended = job.view();
        assert_eq!(ended.state, JobState::Failed);
        assert!(
            ended
                .message
                .is_some_and(|m| m.contains("ask for the rest again"))
        );
        assert!(matches!(jobs.start("resend", &identity()), Err(ApiError::Busy)));
    }

    #[test]
    fn work_that_is_dropped_ends_its_job() {
        let job = Jobs::default().start("resend", &identity()).unwrap();
        drop(Guard(job.clone()));
        assert_eq!(job.view().state, JobState::Failed);
    }
}
