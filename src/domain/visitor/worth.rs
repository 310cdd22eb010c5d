//! Which devices make room for others first.

use super::Visitor;

impl Visitor {
    /// How soon it goes when room is needed, the smallest first: devices that nobody proved and of which there is
    /// nothing but an install, as a stranger makes them up by the million; others that nobody proved; the rest.
    pub fn worth(&self) -> u8 {
        let is_bare = self.lifetime_session_count <= 1 && self.events.is_empty() && self.credit.is_none();
        match (self.is_proven, is_bare) {
            (true, _) => 2,
            (false, false) => 1,
            (false, true) => 0,
        }
    }
}
