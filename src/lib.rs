//! Yamabiko: a postback server in one binary.
//!
//! ```text
//!           actix workers                   recorder thread                          scheduler thread        worker threads
//! click ──▶ http ─▶ tracking ── Command ─▶  decide ─▶ journal, fdatasync ─▶ sled     lanes, due times ────▶  isahc
//! event ──▶   │    (pure domain)  bounded   (attribution,  group commit      │ ack    ▲        bounded       │
//!             ▼                   channel    duplicates,                        ├─▶ http │        channel       │ outcome
//!         catalog (in memory)                 rules)                             └─▶ wake ┘                      ▼
//!     offers, partners, links, rules                                                     outcomes go through the recorder too
//! ```
//!
//! | room | what it is for | may import |
//! | --- | --- | --- |
//! | [`clock`] | system or stepped time | nothing of ours |
//! | [`priority`] | which threads step back | nothing of ours |
//! | [`config`] | defaults < file < environment < flags | nothing of ours |
//! | [`domain`] | types and pure decisions | nothing of ours |
//! | [`journal`] | framed, checksummed, synced commits | nothing of ours |
//! | [`telemetry`] | logs and metrics | `config`, `domain` |
//! | [`store`] | the journal with sled as its index; the catalog in memory | `domain`, `journal`, `priority` |
//! | [`live`] | fan-out to those who watch | `domain` |
//! | [`recorder`] | the one writer | `store`, `live` and below |
//! | [`tracking`] | use cases: what a request from outside means, and records | `recorder` and below |
//! | [`delivery`] | lanes, workers, the wire | `recorder` and below |
//! | [`alerts`] | tells the operator what is wrong | `delivery` and below |
//! | [`http`] | what is served | everything above |
//! | [`app`] | builds, starts and stops everything | everything above |
//! | [`cli`] | the commands | everything above |
//!
//! A test (`tests/house.rs`) reads the sources and holds this table.

pub mod alerts;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod domain;
pub mod http;
pub mod journal;
pub mod live;
pub mod priority;
pub mod recorder;
pub mod store;
pub mod telemetry;
pub mod tracking;
