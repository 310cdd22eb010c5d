//! What an activity tells of its visitor, under the names of placeholders.

use super::Tracker;

/// Values by placeholder name, being put together.
#[derive(Debug, Default)]
pub struct Facts(pub Vec<(String, String)>);

impl Facts {
    /// Adds a value; the last one of a name stands.
    pub fn add(&mut self, name: &str, value: impl ToString) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_string()));
    }

    /// Adds a time as unix seconds, where there is one.
    pub fn time(&mut self, name: &str, at_ms: Option<i64>) {
        if let Some(at_ms) = at_ms {
            self.add(name, at_ms.div_euclid(1000));
        }
    }

    /// Adds a time as unix seconds rounded down to the hour.
    pub fn hour(&mut self, name: &str, at_ms: Option<i64>) {
        if let Some(at_ms) = at_ms {
            self.add(name, at_ms.div_euclid(3_600_000) * 3600);
        }
    }

    /// Adds token and name of a link under `name` and `name_name`.
    pub fn tracker(&mut self, name: &str, tracker: Option<&Tracker>) {
        if let Some(tracker) = tracker {
            self.add(name, &tracker.token);
            self.add(&format!("{name}_name"), &tracker.name);
        }
    }
}
