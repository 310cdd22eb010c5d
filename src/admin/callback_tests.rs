//! Tickets for trying out callbacks of a click URL: each lets one request to `/c/cbtest` call the partner's server.
//! Without one that address only shows what would be sent, since anybody can open it.

use super::AdminError;
use super::random::{random_text, sha256_hex};
use super::save::Actor;
use parking_lot::Mutex;

/// How long a ticket is good, milliseconds.
pub const LIFE_MS: i64 = 10 * 60 * 1000;

/// Unspent tickets at most; the oldest one ends when another is issued.
const MOST: usize = 64;

/// A ticket that was handed out.
#[derive(Debug)]
struct Ticket {
    hash: String,
    until_ms: i64,
    issued_to: Actor,
}

/// Tickets that were handed out and not used yet; a restart ends them all.
#[derive(Debug, Default)]
pub struct CallbackTickets {
    open: Mutex<Vec<Ticket>>,
}

impl CallbackTickets {
    /// Makes a ticket (256 random bits as text) for one test within ten minutes.
    pub fn issue(&self, issued_to: Actor, now_ms: i64) -> Result<String, AdminError> {
        let text = random_text()?;
        let mut open = self.open.lock();
        open.retain(|ticket| now_ms < ticket.until_ms);
        if open.len() >= MOST {
            open.remove(0);
        }
        open.push(Ticket {
            hash: sha256_hex(text.as_bytes()),
            until_ms: now_ms + LIFE_MS,
            issued_to,
        });
        Ok(text)
    }

    /// Uses the ticket up and tells whose it was; `None` when it is not good, or not any more.
    pub fn spend(&self, text: &str, now_ms: i64) -> Option<Actor> {
        let hash = sha256_hex(text.as_bytes());
        let mut open = self.open.lock();
        let at = open
            .iter()
            .position(|ticket| ticket.hash == hash && now_ms < ticket.until_ms)?;
        Some(open.remove(at).issued_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_for_ten_minutes() {
        let tickets = CallbackTickets::default();
        let issue = |now_ms| tickets.issue(Actor::command_line(), now_ms).unwrap();
        let (first, second) = (issue(0), issue(0));
        assert!(tickets.spend("", 1).is_none());
        assert_eq!(tickets.spend(&first, 1).unwrap().name, "command line");
        assert!(tickets.spend(&first, 1).is_none(), "used twice");
        assert!(tickets.spend(&second, LIFE_MS).is_none(), "too late");
    }

    #[test]
    fn tickets_are_bounded() {
        let tickets = CallbackTickets::default();
        let first = tickets.issue(Actor::command_line(), 0).unwrap();
        for _ in 0..MOST {
            tickets.issue(Actor::command_line(), 0).unwrap();
        }
        assert_eq!(tickets.open.lock().len(), MOST);
        assert!(tickets.spend(&first, 1).is_none());
    }
}
