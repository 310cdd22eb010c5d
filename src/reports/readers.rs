//! Threads that read the store for operators. They step back behind those that answer visitors and shops: a list that
//! comes a moment later costs nobody anything, a click that waits may be lost.

use super::ReportError;
use crate::priority::{Step, step_back};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Threads: a long report must not hold up a short one.
const THREADS: usize = 4;
/// Reads that may wait for a thread.
const MOST_WAITING: usize = 512;
/// Exports at once.
const MOST_EXPORTS: usize = 2;

type Work = Box<dyn FnOnce() + Send>;

/// The threads. They end when the last owner has gone.
#[derive(Debug)]
pub struct Readers {
    waiting: Sender<Work>,
}

impl Readers {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start() -> std::io::Result<Self> {
        let (waiting, work) = bounded(MOST_WAITING);
        for n in 0..THREADS {
            let work = work.clone();
            std::thread::Builder::new()
                .name(format!("reader-{n}"))
                .spawn(move || serve(&work))?;
        }
        Ok(Self { waiting })
    }

    /// Does work on one of the threads. Work whose asker has left meanwhile is not begun.
    ///
    /// # Errors
    /// [`ReportError::Busy`] when too much waits, and when the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ReportError> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move || {
            if !answer.is_closed() {
                // The asker may leave while the work is done.
                answer.send(work()).ok();
            }
        });
        self.waiting.try_send(work).map_err(|_| ReportError::Busy)?;
        answered.await.map_err(|_| ReportError::Busy)
    }
}

fn serve(work: &Receiver<Work>) {
    step_back(Step::Behind);
    for work in work {
        // The panic itself is in the log already; the thread goes on with the next one.
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            tracing::error!(
                code = "report_panicked",
                "a report failed because of a defect in the server"
            );
        }
    }
}

/// The exports under way: one for each operator and two in all, since each reads a good part of the store.
#[derive(Debug, Clone, Default)]
pub struct Exports {
    running: Arc<Mutex<Vec<String>>>,
}

/// The place of an export; free again when it is dropped.
#[derive(Debug)]
pub struct ExportPlace {
    exports: Exports,
    owner: String,
}

impl Exports {
    /// A place for an export of `owner`.
    ///
    /// # Errors
    /// [`ReportError::ExportRunning`], [`ReportError::ExportsBusy`].
    pub fn begin(&self, owner: &str) -> Result<ExportPlace, ReportError> {
        let mut running = self.running.lock();
        if running.iter().any(|other| other == owner) {
            return Err(ReportError::ExportRunning);
        }
        if running.len() >= MOST_EXPORTS {
            return Err(ReportError::ExportsBusy);
        }
        running.push(owner.to_owned());
        Ok(ExportPlace {
            exports: self.clone(),
            owner: owner.to_owned(),
        })
    }
}

impl Drop for ExportPlace {
    fn drop(&mut self) {
        self.exports.running.lock().retain(|owner| *owner != self.owner);
    }
}

impl ExportPlace {
    /// Does an export on a thread of its own, which steps back as far as can be. The work gives the place back.
    ///
    /// # Errors
    /// [`ReportError::Busy`] when the system gives no thread.
    pub fn spawn(self, work: impl FnOnce(Self) + Send + 'static) -> Result<(), ReportError> {
        let spawned = std::thread::Builder::new().name("export".into()).spawn(move || {
            step_back(Step::Last);
            work(self);
        });
        spawned.map(drop).map_err(|_| ReportError::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_has_one_export_and_all_together_two() {
        let exports = Exports::default();
        let hanako = exports.begin("hanako").unwrap();
        assert!(matches!(exports.begin("hanako"), Err(ReportError::ExportRunning)));
        let _taro = exports.begin("taro").unwrap();
        assert!(matches!(exports.begin("jiro"), Err(ReportError::ExportsBusy)));
        drop(hanako);
        assert!(exports.begin("jiro").is_ok());
    }

    #[actix_web::test]
    async fn work_is_answered_and_a_panic_costs_no_thread() {
        let readers = Readers::start().unwrap();
        for _ in 0..THREADS * 2 {
            let failed = readers.run(|| panic!("a defect")).await;
            assert!(matches!(failed, Err::<(), _>(ReportError::Busy)));
        }
        assert_eq!(readers.run(|| 7).await.unwrap(), 7);
    }
}
