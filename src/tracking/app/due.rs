//! Erasures that waited since nobody proved them, carried out: when their time has come, or when an operator says so.

use super::case::Case;
use super::held::{cancel, list};
use super::reply::Stop;
use super::{AppContext, AppRequest, Endpoint, forget};
use crate::domain::held_erasure::HeldErasure;
use crate::domain::session::Geo;
use crate::recorder::{Group, RecordError, Recorder};
use crate::store::StoreError;
use crate::tracking::caller::Caller;
use crate::tracking::link_names::LinkNames;
use crate::tracking::visitor_count::VisitorCount;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Erasures carried out by one job.
const OF_COMMIT: usize = 20;

/// What carrying one out needs beside the store.
#[derive(Debug, Clone)]
pub struct Means {
    /// How many devices are known.
    pub visitors: Arc<VisitorCount>,
    /// Which names below a link are known.
    pub link_names: Arc<LinkNames>,
}

/// Carries an erasure out now. `None` when there is none of that name.
pub fn carry_out(
    name: &str,
    means: &Means,
    group: &mut Group<'_>,
) -> Result<Option<HeldErasure>, StoreError> {
    let Some(held) = cancel(name, group)? else {
        return Ok(None);
    };
    let Some(offer) = group.catalog().offers.get(&held.offer).cloned() else {
        return Ok(Some(held));
    };
    let request = AppRequest {
        app_token: held.offer.to_string(),
        is_test: held.is_test,
        is_s2s: true,
        adid: held.adid.as_deref().and_then(|adid| adid.parse().ok()),
        ids: held.ids.clone(),
        ..AppRequest::default()
    };
    let context = AppContext {
        caller: Caller::operator(IpAddr::V4(Ipv4Addr::UNSPECIFIED), String::new()),
        ip: None,
        ip_hash: 0,
        geo: Geo::default(),
        unproven_sales: 0,
        erasure_wait_ms: 0,
        visitors: means.visitors.clone(),
        link_names: means.link_names.clone(),
    };
    let case = Case {
        endpoint: Endpoint::Forget,
        request: &request,
        context: &context,
        at_ms: group.now_ms(),
        note: String::new(),
        rejection: None,
        is_proven: true,
        offer,
    };
    match forget::record(&case, group) {
        // A device that is gone by now needs no erasure.
        Ok(_) | Err(Stop::Failed(_)) => Ok(Some(held)),
        Err(Stop::Store(error)) => Err(error),
    }
}

/// Carries out what is due. Tells how many.
pub fn carry_out_due(means: &Means, recorder: &Recorder) -> Result<usize, RecordError> {
    let now_ms = recorder.clock().now_ms();
    let waiting = list(recorder.reader()).map_err(|error| RecordError::from(&error))?;
    let due: Vec<String> = (waiting.into_iter())
        .filter(|(_, held)| held.due_at_ms <= now_ms)
        .map(|(name, _)| name)
        .collect();
    for part in due.chunks(OF_COMMIT) {
        let (part, means) = (part.to_vec(), means.clone());
        recorder
            .try_run_blocking(move |group| {
                part.iter()
                    .try_for_each(|name| carry_out(name, &means, group).map(drop))
            })?
            .map_err(|error: StoreError| RecordError::from(&error))?;
    }
    Ok(due.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::testing::Instance;
    use crate::store::catalog::{Catalog, ConfigObject};
    use crate::store::keys;
    use crate::tracking::app::record;
    use crate::tracking::outcome::Outcome;

    const HOUR_MS: i64 = 3_600_000;

    fn means() -> Means {
        Means {
            visitors: Arc::new(VisitorCount::new(100)),
            link_names: Arc::new(LinkNames::new(10)),
        }
    }

    #[test]
    fn what_nobody_proved_waits_and_is_then_carried_out() {
        let instance = Instance::start(1_763_000_000_000);
        let means = means();
        let offer = serde_json::json!({"id": "appapp", "name": "App", "kind": "app", "events": []});
        let offer = ConfigObject::Offer(serde_json::from_value(offer).unwrap());
        let use_it = |group: &mut Group<'_>| {
            group.set_catalog(Catalog::load(vec![offer], Arc::default()));
            // A group that writes nothing leaves the catalog as it was.
            group.mark(keys::instance("changed"));
        };
        instance.recorder.run_blocking(use_it).unwrap();
        let ask = |from: [u8; 4], idfv: &str| {
            let request = AppRequest {
                app_token: "appapp".into(),
                ids: vec![("idfv".into(), idfv.into())],
                ..AppRequest::default()
            };
            let context = AppContext {
                caller: Caller {
                    is_operator: false,
                    ..Caller::operator(from.into(), String::new())
                },
                ip: None,
                ip_hash: 0,
                geo: Geo::default(),
                unproven_sales: 20,
                erasure_wait_ms: 72 * HOUR_MS,
                visitors: means.visitors.clone(),
                link_names: means.link_names.clone(),
            };
            let decide =
                move |group: &mut Group<'_>| record(Endpoint::Forget, &request, &context, None, group);
            match instance.recorder.try_run_blocking(decide).unwrap().unwrap() {
                Outcome::Decided(reply) => reply,
                Outcome::KeyReused | Outcome::KeyUnreadable | Outcome::Locked => panic!("no key"),
            }
        };
        let waiting = || list(instance.recorder.reader()).unwrap();
        let first = ask([192, 0, 2, 1], "A");
        assert_eq!(first.status, 200, "{first:?}");
        instance.clock.advance_ms(HOUR_MS);
        assert_eq!(
            ask([192, 0, 2, 9], "A").body["due_at_ms"],
            first.body["due_at_ms"]
        );
        assert_eq!(waiting().len(), 1);
        instance.clock.advance_ms(71 * HOUR_MS - 1);
        assert_eq!(carry_out_due(&means, &instance.recorder).unwrap(), 0);
        instance.clock.advance_ms(1);
        assert_eq!(carry_out_due(&means, &instance.recorder).unwrap(), 1);
        assert!(waiting().is_empty());
        assert_eq!(ask([192, 0, 2, 1], "A").body["message"], "Device forgotten");
        // One network fills its own part only.
        let full = (0..150).filter(|n| ask([192, 0, 2, 1], &format!("B{n}")).status == 503);
        assert_eq!(full.count(), 50);
        assert_eq!(ask([198, 51, 100, 1], "C").status, 200);
        let (name, _) = waiting().into_iter().next().unwrap();
        let cancelled = instance
            .recorder
            .try_run_blocking(move |group| cancel(&name, group))
            .unwrap();
        assert!(cancelled.unwrap().is_some());
        assert_eq!(waiting().len(), 100);
    }
}
