//! Long work that was asked for and goes on by itself: its progress can be read for a while. Jobs live in
//! memory: what a job has done is in the store and the audit log, and a restart ends it.

use super::AdminError;
use super::identity::Identity;
use crate::domain::ids::TimeId;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many jobs can be asked about, those that have ended included.
const REMEMBERED: usize = 100;
/// How many jobs may be under way at once.
const AT_ONCE: usize = 4;
/// How often it is looked whether whoever asked for a job still may.
const JUDGED_EVERY: Duration = Duration::from_secs(1);

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
    /// Stopped by whoever had asked for it; what it had done stays.
    Cancelled,
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
    /// Its stable code, for programs.
    pub code: Option<&'static str>,
}

/// What can end a job before its end.
pub trait Failure: Display {
    /// Stable code.
    fn code(&self) -> &'static str;
}

impl Failure for AdminError {
    fn code(&self) -> &'static str {
        Self::code(self)
    }
}

/// The jobs of the instance.
#[derive(Debug, Default)]
pub struct Jobs {
    jobs: Mutex<VecDeque<Job>>,
    is_stopping: Arc<AtomicBool>,
}

/// Whether whoever asked for a job still may: asked while it goes on.
type Judge = Arc<dyn Fn() -> bool + Send + Sync>;

/// A job; clones share it.
#[derive(Clone)]
pub struct Job {
    owner: String,
    judge: Judge,
    judged_at: Arc<Mutex<Instant>>,
    progress: Arc<Mutex<JobDto>>,
    is_stopping: Arc<AtomicBool>,
    is_cancelled: Arc<AtomicBool>,
}

impl Jobs {
    /// Begins one; refused when too many are under way, or when the server is stopping. It ends when `judge` says that
    /// its owner may no longer have it.
    pub fn start(
        &self,
        kind: &'static str,
        identity: &Identity,
        judge: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Result<Job, AdminError> {
        let mut jobs = self.jobs.lock();
        let running = jobs.iter().filter(|job| job.is_running()).count();
        if self.is_stopping.load(Ordering::Acquire) {
            return Err(AdminError::Busy);
        }
        if running >= AT_ONCE {
            return Err(AdminError::JobsBusy);
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
            code: None,
        };
        let job = Job {
            owner: identity.actor.clone(),
            judge: Arc::new(judge),
            judged_at: Arc::new(Mutex::new(Instant::now())),
            progress: Arc::new(Mutex::new(progress)),
            is_stopping: self.is_stopping.clone(),
            is_cancelled: Arc::default(),
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
    pub fn find(&self, id: TimeId, actor: &str) -> Option<JobDto> {
        self.job(id, actor).map(|job| job.view())
    }

    /// Has a job end after the commit that it is at; one that has ended stays as it is.
    pub fn cancel(&self, id: TimeId, actor: &str) -> Option<JobDto> {
        let job = self.job(id, actor)?;
        job.is_cancelled.store(true, Ordering::Release);
        Some(job.view())
    }

    fn job(&self, id: TimeId, actor: &str) -> Option<Job> {
        let (id, jobs) = (id.to_string(), self.jobs.lock());
        let found = jobs
            .iter()
            .find(|job| job.owner == actor && job.progress.lock().id == id);
        found.cloned()
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
            self.0.fail(&stopping());
        }
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

fn login_ended() -> AdminError {
    AdminError::State {
        code: "login_ended",
        message: "the login or token that asked for this has ended or may do less now; what was done stays: sign in and ask for the rest again".into(),
    }
}

fn cancelled() -> AdminError {
    AdminError::State {
        code: "job_cancelled",
        message: "this was cancelled; what was done stays: ask for the rest again".into(),
    }
}

fn stopping() -> AdminError {
    AdminError::State {
        code: "stopping",
        message:
            "the server stopped before the job was at its end; what was done stays: ask for the rest again"
                .into(),
    }
}

impl Job {
    /// Does the work to its end, and ends with it. Whoever asks for it spawns this beside the request.
    pub fn run<E: Failure>(
        &self,
        work: impl Future<Output = Result<(), E>> + 'static,
    ) -> impl Future<Output = ()> + 'static {
        let guard = Guard(self.clone());
        async move {
            let outcome = work.await;
            guard
                .0
                .end(outcome.err().map(|error| (error.code(), error.to_string())));
        }
    }

    /// Asked between two commits.
    ///
    /// # Errors
    /// When it was cancelled, the server is stopping, or the login or token of its owner has ended.
    pub fn may_go_on(&self) -> Result<(), AdminError> {
        if self.is_cancelled() {
            return Err(cancelled());
        }
        if self.is_stopping.load(Ordering::Acquire) {
            return Err(stopping());
        }
        let mut judged_at = self.judged_at.lock();
        if judged_at.elapsed() < JUDGED_EVERY {
            return Ok(());
        }
        *judged_at = Instant::now();
        if (self.judge)() {
            Ok(())
        } else {
            Err(login_ended())
        }
    }

    /// Whether whoever asked for it wants no more of it.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
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

    /// Counts something that befell what was counted as done before.
    pub fn note(&self, result: &'static str, many: usize) {
        if many > 0 {
            *self.progress.lock().results.entry(result).or_default() += many;
        }
    }

    /// Ends it before it has begun.
    pub fn fail(&self, error: &impl Failure) {
        self.end(Some((error.code(), error.to_string())));
    }

    /// Ends it, with the code and the sentence of what went wrong.
    fn end(&self, error: Option<(&'static str, String)>) {
        let mut progress = self.progress.lock();
        progress.state = match &error {
            Some(_) if self.is_cancelled() => JobState::Cancelled,
            Some(_) => JobState::Failed,
            None => JobState::Done,
        };
        let told = error.filter(|_| progress.state == JobState::Failed);
        (progress.code, progress.message) = told.unzip();
    }

    /// Its progress.
    pub fn view(&self) -> JobDto {
        self.progress.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::identity::Credential;
    use crate::domain::account::Role;

    fn identity() -> Identity {
        Identity {
            actor: "user hanako".into(),
            role: Role::Editor,
            user: None,
            partners: Vec::new(),
            credential: Credential::Token(String::new()),
            ip: [127, 0, 0, 1].into(),
        }
    }

    #[test]
    fn jobs_are_bounded_remembered_for_a_while_and_seen_by_their_owner_only() {
        let jobs = Jobs::default();
        let first = jobs.start("resend", &identity(), || true).unwrap();
        for _ in 1..AT_ONCE {
            jobs.start("resend", &identity(), || true).unwrap();
        }
        assert!(matches!(
            jobs.start("resend", &identity(), || true),
            Err(AdminError::JobsBusy)
        ));
        let id: TimeId = first.view().id.parse().unwrap();
        assert!(jobs.find(id, "user hanako").is_some());
        assert!(jobs.find(id, "user taro").is_none());
        for job in jobs.jobs.lock().iter().skip(1) {
            job.end(None);
        }
        for _ in 0..REMEMBERED * 2 {
            jobs.start("resend", &identity(), || true).unwrap().end(None);
        }
        assert_eq!(jobs.jobs.lock().len(), REMEMBERED);
        assert!(
            jobs.find(id, "user hanako").is_some(),
            "one that runs is never forgotten"
        );
    }

    #[actix_web::test]
    async fn a_stop_waits_for_jobs_and_takes_no_more() {
        let jobs = Jobs::default();
        let job = jobs.start("resend", &identity(), || true).unwrap();
        let working = job.clone();
        let work = async move {
            loop {
                working.may_go_on()?;
                working.count("queued", 1);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            #[expect(unreachable_code, reason = "tells the type of the error")]
            Ok::<(), AdminError>(())
        };
        actix_web::rt::spawn(job.run(work));
        jobs.stop(Duration::from_secs(10)).await;
        let ended = job.view();
        assert_eq!(ended.state, JobState::Failed);
        assert_eq!(ended.code, Some("stopping"));
        assert!(
            ended
                .message
                .is_some_and(|m| m.contains("ask for the rest again"))
        );
        assert!(matches!(
            jobs.start("resend", &identity(), || true),
            Err(AdminError::Busy)
        ));
    }

    #[test]
    fn a_job_is_cancelled_by_its_owner_only() {
        let jobs = Jobs::default();
        let job = jobs.start("backfill", &identity(), || true).unwrap();
        let id: TimeId = job.view().id.parse().unwrap();
        assert!(jobs.cancel(id, "user taro").is_none());
        assert!(job.may_go_on().is_ok());
        assert!(jobs.cancel(id, "user hanako").is_some());
        let refused = job.may_go_on().unwrap_err();
        assert_eq!(refused.code(), "job_cancelled");
        job.fail(&refused);
        assert_eq!(job.view().state, JobState::Cancelled);
    }

    #[test]
    fn work_that_is_dropped_ends_its_job() {
        let job = Jobs::default().start("resend", &identity(), || true).unwrap();
        drop(Guard(job.clone()));
        assert_eq!(job.view().state, JobState::Failed);
    }

    #[test]
    fn a_job_ends_with_the_login_of_its_owner() {
        let is_good = Arc::new(AtomicBool::new(true));
        let judge = is_good.clone();
        let job = Jobs::default()
            .start("resend", &identity(), move || judge.load(Ordering::Acquire))
            .unwrap();
        assert!(job.may_go_on().is_ok());
        is_good.store(false, Ordering::Release);
        *job.judged_at.lock() = Instant::now().checked_sub(JUDGED_EVERY).unwrap();
        assert_eq!(job.may_go_on().unwrap_err().code(), "login_ended");
    }
}
