//! Which threads step back when the processors are busy: those that nobody waits for. An intake that waits costs a
//! caller its time limit; a postback loses nothing when it leaves a moment later, a snapshot nothing at all.
//!
//! * 2026-11-21: Linux keeps the nice value by thread (sched(7)), and a thread hands it on to those that it
//!   starts. A higher value lowers a thread's share only while others want the processor, so that nothing
//!   changes on an idle machine.
//! * 2026-11-21, on two cores, conversions at 64 connections as a share of bare actix-web: 0.12 with 10, 0.15 with
//!   15, 0.17 with 19. The rest is what a waking intake thread waits for a sending one. With both cores taken by
//!   two busy loops a postback at 100/s still arrived after 12 ms (p50) and 42 ms (p99).
//! * 2026-11-22: a snapshot of ten million records is half a minute of work, and took 40 percent of a core while
//!   events came at full speed. It must not starve either: until it is made the journal keeps its segments.

/// The highest nice value there is.
const MOST: i32 = 19;

/// How far a thread steps back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// About a tenth of what others get.
    Behind,
    /// As far as can be.
    Last,
}

/// Makes the calling thread, and those that it starts, step back behind the others of the process. A system that
/// refuses is noted: the thread then competes with them as before.
pub fn step_back(step: Step) {
    let by = match step {
        Step::Behind => 10,
        Step::Last => MOST,
    };
    let set = rustix::process::getpriority_process(None)
        .and_then(|now| rustix::process::setpriority_process(None, (now + by).min(MOST)));
    if let Err(error) = set {
        tracing::debug!(%error, "a thread keeps the priority of the process");
    }
}
