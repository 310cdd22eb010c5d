//! The journal: every commit, framed, numbered, checksummed and on disk before anyone is told.
//!
//! It is the one truth of the store, and knows nothing of what its payloads hold.
//!
//! ```text
//! journal-0000000000000001.log   closed: records 1 ..
//! journal-00000000000003e9.log   active: records 1001 ..   | header | frame | frame | 0 0 0 0 ... |
//! journal-next.spare             zeroed and synced, becomes the next segment by a rename
//! ```
//!
//! | room | what it is for |
//! | --- | --- |
//! | `frame` | one record as bytes, pure |
//! | `segment` | file names and the header of a file, pure |
//! | `scan` | walking one file: records, damage, the torn tail |
//! | `read` | records over all files |
//! | `writer` | [`Journal`]: append, rotate, remove |
//! | `spare` | the thread that prepares the next file |
//! | `disk` | the few file operations that all this needs; tests put a simulated disk in its place |
//!
//! What holds:
//!
//! * A record that [`Journal::append`] acknowledged survives the death of the process and of the power.
//! * Sequence numbers start at 1 and have no gaps, except where [`Journal::skip_to`] was told to leave one.
//! * At most one frame is ever on its way to the disk. What a crash leaves of it is cut off at the next
//!   start when it is not whole, and kept when it is: a record that was never acknowledged may
//!   survive, as the last one.
//!
//! Decisions (2026-11-21):
//!
//! * **Where a sequence number is seen twice, the later segment wins.** After a failed write or sync the
//!   descriptor is never used again: the kernel may have marked pages clean that never reached the
//!   disk. The same number is then given out anew in a new segment, and whatever an older segment
//!   holds from the first number of the next one on is void. A dead segment without an acknowledged
//!   record has the name of its successor, whose rename replaces it.
//! * **The last frame is written again at each start**, for the same reason: it may be readable only
//!   because it is still in the page cache, after a sync that failed or was never reached.
//! * **Each segment has a random salt**, with which every checksum of it begins. Payloads hold what
//!   strangers sent; without knowing the salt nobody can place bytes in a payload that a search
//!   through a damaged file would take for a frame.
//! * **A closed segment is not read at start**: its last number is known from its successor's name. What
//!   is wrong in it is told by [`read()`], which meets every byte that a replay needs.
//! * **A segment is not recycled.** Zeroing it anew costs as much as a new file, and renaming a file
//!   that holds old frames would need proof that no reader takes them for new ones.

mod disk;
mod error;
mod frame;
mod read;
mod scan;
mod segment;
mod spare;
mod writer;

#[cfg(test)]
mod power_tests;
#[cfg(test)]
pub(crate) mod sim;
#[cfg(test)]
mod writer_tests;

pub use error::{Damage, DamageKind, JournalError};
pub use frame::MAX_PAYLOAD_BYTES;
pub use read::{Place, Reader, Record, read, read_from};
pub use segment::SegmentInfo;
pub use writer::{Journal, OpenReport, Options};
