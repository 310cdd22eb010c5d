//! Which threads step back when the processors are busy: those that send. An intake that waits costs a
//! caller its time limit; a postback loses nothing when it leaves a moment later.
//!
//! * 2026-11-21: Linux keeps the nice value by thread (sched(7)), and a thread hands it on to those that it
//!   starts. A higher value lowers a thread's share only while others want the processor, so that nothing
//!   changes on an idle machine.
//! * 2026-11-21, on two cores, conversions at 64 connections as a share of bare actix-web: 0.12 with 10, 0.15 with
//!   15, 0.17 with 19. The rest is what a waking intake thread waits for a sending one. With both cores taken by
//!   two busy loops a postback at 100/s still arrived after 12 ms (p50) and 42 ms (p99).

/// How much nicer than the process the sending threads are: as nice as can be.
const STEP: i32 = 19;
/// The highest nice value there is.
const MOST: i32 = 19;

/// Makes the calling thread, and those that it starts, step back behind intake. A system that refuses is
/// noted: delivery then competes with intake as before.
pub(super) fn step_back() {
    let set = rustix::process::getpriority_process(None)
        .and_then(|now| rustix::process::setpriority_process(None, (now + STEP).min(MOST)));
    if let Err(error) = set {
        tracing::debug!(%error, "a sending thread keeps the priority of the process");
    }
}
