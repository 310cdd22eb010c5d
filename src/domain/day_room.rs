//! How many bytes of something are kept in a UTC day. Pure.

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The room of a day and what of it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayRoom {
    most: u64,
    day: i64,
    used: u64,
    left_out: u64,
}

impl DayRoom {
    /// So many bytes a day.
    pub fn new(most: u64) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    /// So many bytes a day from now on; what is taken stays taken.
    pub fn set(&mut self, most: u64) {
        self.most = most;
    }

    /// Takes room for something at a time (unix milliseconds). `false`: there is none left that day. A clock that
    /// goes back stays in the day that it was in.
    pub fn take(&mut self, now_ms: i64, bytes: u64) -> bool {
        let day = now_ms.div_euclid(DAY_MS);
        if day > self.day {
            *self = Self {
                day,
                ..Self::new(self.most)
            };
        }
        let fits = self.used.saturating_add(bytes) <= self.most;
        if fits {
            self.used += bytes;
        } else {
            self.left_out += 1;
        }
        fits
    }

    /// Bytes that are taken, and how much more did not fit, of the day of a time.
    pub fn of_day(&self, now_ms: i64) -> (u64, u64) {
        if now_ms.div_euclid(DAY_MS) > self.day {
            (0, 0)
        } else {
            (self.used, self.left_out)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_has_its_own() {
        let mut room = DayRoom::new(100);
        let day = |n: i64| n * DAY_MS;
        for (now_ms, bytes, fits, used, left_out) in [
            (day(5), 60, true, 60, 0),
            (day(5), 41, false, 60, 1),
            (day(5), 40, true, 100, 1),
            (day(6) - 1, 1, false, 100, 2),
            (day(6), 101, false, 0, 1),
            (day(6), 100, true, 100, 1),
            // The clock went back: nothing is given twice.
            (day(5), 1, false, 100, 2),
        ] {
            assert_eq!(room.take(now_ms, bytes), fits, "{now_ms} {bytes}");
            assert_eq!(room.of_day(now_ms), (used, left_out), "{now_ms} {bytes}");
        }
        assert_eq!(room.of_day(day(7)), (0, 0));
    }
}
