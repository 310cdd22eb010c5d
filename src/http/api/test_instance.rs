//! An instance without listeners, on a real store in a temporary directory, and requests to it.

use crate::admin::Auth;
use crate::admin::callback_tests::CallbackTickets;
use crate::admin::random::sha256_hex;
use crate::alerts::{Alerts, Reach};
use crate::certificates::Certificates;
use crate::clock::Clock;
use crate::config::InForce;
use crate::config::{self, Sources};
use crate::delivery::holds::Holds;
use crate::delivery::ledger::StoreLedger;
use crate::delivery::pause::Pause;
use crate::delivery::{Delivery, DeliveryOptions, DeliveryPolicy};
use crate::domain::account::{ApiToken, TokenScope};
use crate::http::echo::Echo;
use crate::http::{State, admin_routes};
use crate::live::Live;
use crate::recorder::{Recorder, RecorderOptions, RecorderThread, RoomBytes};
use crate::reports::{Exports, Readers};
use crate::store::catalog::{Catalog, Change, ConfigObject};
use crate::store::{Store, StoreOptions};
use crate::telemetry::install_metrics;
use crate::tracking::geo::GeoIp;
use crate::tracking::link_names::LinkNames;
use crate::tracking::visitor_count::VisitorCount;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, init_service, read_body};
use actix_web::web::Data;
use actix_web::{App, http};
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

pub(super) const PASSWORD: &str = "correct horse battery";
pub(super) const ORIGIN: &str = "http://localhost:8080";

/// An instance without listeners.
pub(super) struct Instance {
    pub(super) state: Data<State>,
    thread: Option<RecorderThread>,
    _dir: tempfile::TempDir,
}

impl Instance {
    pub(super) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let effective = config::load(&Sources::default()).unwrap();
        let (store, _) = Store::open(dir.path(), StoreOptions::default()).unwrap();
        let Store {
            writer,
            reader,
            keeper,
        } = store;
        let options = RecorderOptions {
            intake_queue: 64,
            spool: 16,
            rooms: RoomBytes::default(),
        };
        let (recorder, thread) = Recorder::start(
            writer,
            reader,
            Catalog::default(),
            Live::default(),
            Clock::System,
            options,
        )
        .unwrap();
        let ledger = Arc::new(StoreLedger::new(
            recorder.clone(),
            DeliveryPolicy::default(),
            Pause::default(),
            Holds::default(),
        ));
        let delivery = Delivery::start(
            &DeliveryOptions {
                workers: 2,
                ..DeliveryOptions::default()
            },
            ledger,
        )
        .unwrap();
        let (delivery, config) = (Arc::new(delivery), InForce::from(Arc::new(effective.config)));
        let certificates = Arc::new(Certificates::open(config.now(), &recorder).unwrap());
        let reach = Reach {
            recorder: recorder.clone(),
            delivery: delivery.clone(),
            config: config.clone(),
            holds: Holds::default(),
            certificates: certificates.clone(),
            stream: None,
            export: None,
            archiving: None,
        };
        let state = State {
            archiving: None,
            callback_tickets: CallbackTickets::default(),
            recorder,
            delivery,
            alerts: Arc::new(Alerts::start(reach).unwrap()),
            keeper,
            pause: Pause::default(),
            holds: Holds::default(),
            config,
            certificates,
            stream: None,
            export: None,
            metrics: install_metrics(0).unwrap(),
            connections: crate::connection::Connections::new(
                Default::default(),
                crate::http::problem::unread,
            ),
            auth: Auth::new(&[7; 32]).unwrap(),
            echo: Arc::new(Echo::new("127.0.0.1:1".parse().unwrap())),
            tags_seen: Arc::default(),
            geo: Arc::new(GeoIp::empty()),
            gate: Arc::default(),
            link_names: Arc::new(LinkNames::new(10)),
            visitors: Arc::new(VisitorCount::new(10)),
            public_address: ([127, 0, 0, 1], 8080).into(),
            admin_address: ([127, 0, 0, 1], 8080).into(),
            jobs: Default::default(),
            readers: Readers::start().unwrap(),
            exports: Exports::default(),
            start_faults: Vec::new(),
            started_at_ms: 0,
        };
        Self {
            state: Data::new(state),
            thread: Some(thread),
            _dir: dir,
        }
    }

    /// An API token of a scope.
    pub(super) async fn token(&self, scope: TokenScope) -> String {
        let secret = format!("ybk_{scope:?}");
        let token = ApiToken {
            id: format!("{scope:?}").to_lowercase().parse().unwrap(),
            name: "test".into(),
            sha256: sha256_hex(secret.as_bytes()),
            scope,
            created_by: String::new(),
            created_at_ms: 0,
            expires_at_ms: None,
        };
        let change = Change::Put(ConfigObject::Token(token));
        let stored = self
            .state
            .recorder
            .try_run(move |group| crate::admin::save::stage(group, &[], &[change]));
        stored.await.unwrap().unwrap();
        format!("Bearer {secret}")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.state.alerts.stop();
        self.state.delivery.stop(Instant::now());
        if let Some(thread) = self.thread.take() {
            thread.stop();
        }
    }
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: http::header::HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// One request; `headers` as given, the body as JSON unless it is null.
pub(super) async fn send(
    instance: &Instance,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> Answer {
    let app = init_service(
        App::new()
            .app_data(instance.state.clone())
            .configure(admin_routes),
    )
    .await;
    let mut request = TestRequest::with_uri(path)
        .method(method)
        .insert_header(("host", "localhost:8080"));
    for pair in headers {
        request = request.insert_header(*pair);
    }
    if !body.is_null() {
        request = request.set_json(body);
    }
    let answer: ServiceResponse<_> = app.call(request.to_request()).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = read_body(answer).await;
    Answer {
        status,
        headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

pub(super) fn cookie(answer: &Answer) -> String {
    let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}
