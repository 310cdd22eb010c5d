//! Requests of our own endpoints: how many, with which status, how long they took.

use metrics::{Counter, Histogram, counter, histogram};
use std::sync::Arc;
use std::time::Duration;

/// First segments of our addresses; everything else is `other`.
const ENDPOINTS: [&str; 19] = [
    "c",
    "i",
    "cv",
    "cv.gif",
    "d",
    "tag.js",
    "session",
    "event",
    "ad_revenue",
    "gdpr_forget_device",
    "uninstall",
    "attribution",
    "claim",
    "cost",
    "api",
    "healthz",
    "readyz",
    "metrics",
    "other",
];

/// Classes of statuses.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The counters of every endpoint, looked up once; clones share them.
#[derive(Clone)]
pub struct Endpoints(Arc<Vec<Meter>>);

struct Meter {
    statuses: [Counter; 5],
    took: Histogram,
}

/// One of the endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint(usize);

impl Default for Endpoints {
    fn default() -> Self {
        let meters = ENDPOINTS.iter().map(|endpoint| Meter {
            statuses: CLASSES.map(
                |class| counter!("yamabiko_http_requests_total", "endpoint" => *endpoint, "code" => class),
            ),
            took: histogram!("yamabiko_http_request_duration_seconds", "endpoint" => *endpoint),
        });
        let meters: Vec<Meter> = meters.collect();
        for counter in meters.iter().flat_map(|meter| &meter.statuses) {
            counter.increment(0);
        }
        Self(Arc::new(meters))
    }
}

impl Endpoint {
    /// That of a path.
    pub fn of(path: &str) -> Self {
        let first = path
            .split('/')
            .find(|segment| !segment.is_empty())
            .unwrap_or_default();
        let at = ENDPOINTS.iter().position(|endpoint| *endpoint == first);
        Self(at.unwrap_or(ENDPOINTS.len() - 1))
    }
}

impl Endpoints {
    /// Counts a request.
    pub fn count(&self, endpoint: Endpoint, status: u16, took: Duration) {
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        if let Some(meter) = self.0.get(endpoint.0) {
            meter.statuses[class].increment(1);
            meter.took.record(took.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_told_by_their_first_segment_and_nothing_of_strangers_becomes_a_label() {
        let name = |path: &str| ENDPOINTS[Endpoint::of(path).0];
        for (path, expected) in [
            ("/c/abc", "c"),
            ("//c/abc", "c"),
            ("/cv.gif", "cv.gif"),
            ("/api/v1/offers", "api"),
            ("/", "other"),
            ("", "other"),
            ("/cx", "other"),
            ("/other", "other"),
            ("/<script>", "other"),
        ] {
            assert_eq!(name(path), expected, "{path}");
        }
    }
}
