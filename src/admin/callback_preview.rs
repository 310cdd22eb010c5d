//! What callbacks of a click URL would send, made from sample data: for partners who try out their encoding before the
//! first real install (`GET /c/cbtest`).

use super::AdminError;
use crate::domain::activity::{Activity, ActivityKind};
use crate::domain::ids::{EventToken, PostbackId};
use crate::domain::plan;
use crate::domain::postback::Postback;
use crate::domain::session::LinkCallback;
use crate::domain::template::sample::sample_activity;
use crate::tracking::query::Pairs;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Callbacks of one request at most.
pub const MOST: usize = 8;
/// Tests under way at most.
const MOST_AT_ONCE: usize = 4;

/// Places for tests under way; one is given back when its permit is dropped.
#[derive(Debug, Clone)]
pub struct CallbackTests(Arc<Semaphore>);

impl Default for CallbackTests {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_AT_ONCE)))
    }
}

impl CallbackTests {
    /// A place for one test.
    ///
    /// # Errors
    /// [`AdminError::Busy`] when as many are under way as may be.
    pub fn take(&self) -> Result<OwnedSemaphorePermit, AdminError> {
        self.0.clone().try_acquire_owned().map_err(|_| AdminError::Busy)
    }
}

/// The callbacks of the query; `callback` stands for `install_callback` here.
pub fn callbacks(query: &str) -> Vec<LinkCallback> {
    let pairs = Pairs::parse(query.as_bytes()).list;
    let named = pairs.into_iter().filter(|pair| pair.name.contains("callback"));
    named
        .map(|pair| LinkCallback {
            name: if pair.name == "callback" {
                "install_callback".into()
            } else {
                pair.name
            },
            text: pair.value,
        })
        .take(MOST)
        .collect()
}

/// What the callback would send for the first kind of activity that it is for.
pub fn simulate(callback: &LinkCallback, now_ms: i64) -> Vec<Postback> {
    let kinds = [
        ActivityKind::Install,
        ActivityKind::Reattribution,
        ActivityKind::Session,
        ActivityKind::Event,
        ActivityKind::Click,
        ActivityKind::Impression,
        ActivityKind::RejectedInstall,
        ActivityKind::RejectedReattribution,
    ];
    let token = callback
        .name
        .rsplit('_')
        .next()
        .and_then(|token| token.parse::<EventToken>().ok());
    for kind in kinds {
        let Ok(sample) = sample_activity(kind) else {
            continue;
        };
        let mut activity: Activity = sample.activity.clone();
        if let (Some(token), ActivityKind::Event) = (&token, kind) {
            activity.event = Some(token.clone());
        }
        if let Some(session) = activity.session.as_deref_mut() {
            session.callbacks = vec![callback.clone()];
        }
        let mut make_id = || (PostbackId::new(now_ms, rand::random()), rand::random());
        let plan = plan::plan(&activity, &sample.context(), [], &mut make_id);
        if !plan.outcomes.is_empty() {
            return plan.postbacks;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_callback_is_simulated_with_the_kind_that_it_is_for() {
        for (name, part) in [
            ("install_callback", "k=install"),
            ("conversion_callback", "k=install"),
            ("session_callback", "k=session"),
            ("event_callback_41i3c9", "k=event&e=41i3c9"),
            ("click_callback", "k=click"),
        ] {
            let text = "https://net.example/?k={activity_kind}&e={event}".to_owned();
            let postbacks = simulate(
                &LinkCallback {
                    name: name.into(),
                    text,
                },
                1_795_000_000_000,
            );
            assert_eq!(postbacks.len(), 1, "{name}");
            assert!(
                postbacks[0].request.url.contains(part),
                "{name}: {}",
                postbacks[0].request.url
            );
        }
        let unknown = LinkCallback {
            name: "nothing_callback".into(),
            text: "https://net.example/".into(),
        };
        assert_eq!(simulate(&unknown, 0), vec![]);
        assert_eq!(
            callbacks("callback=https%3A%2F%2Fa.example%2F&x=1")[0].name,
            "install_callback"
        );
    }
}
