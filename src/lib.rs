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
//! | room | what it is for | may import | crates that only it names |
//! | --- | --- | --- | --- |
//! | [`clock`] | system or stepped time | nothing | |
//! | [`priority`] | which threads step back | nothing | |
//! | [`config`] | defaults < file < environment < flags | nothing | |
//! | [`domain`] | types and pure decisions | nothing | |
//! | [`journal`] | the write-ahead log: framed, checksummed, synced commits | nothing | |
//! | [`telemetry`] | logs and metrics | `config`, `domain` | |
//! | [`store`] | the journal with sled as its index; the catalog in memory | all above but `config` | `sled` |
//! | [`live`] | fan-out to those who watch | `clock`, `domain`, `telemetry` | |
//! | [`wire`] | the one way out: HTTP and mail to others, egress, DNS | `domain`, `priority` | `isahc`, `curl`, `lettre` |
//! | [`objects`] | objects in an S3-compatible bucket, or in a directory that stands in for one | `wire` | `rusty_s3` |
//! | [`recorder`] | the one writer | all above but `config`, `wire`, `objects` | |
//! | [`archive`] | the journal off the machine, and back; who may write it | `clock`, `config`, `objects`, `priority`, `store`, `wire` | |
//! | [`certificates`] | of the listeners, from files or from an authority | all above | `instant_acme`, `x509_parser` |
//! | [`tracking`] | use cases: what a request from outside means, and records | all above | |
//! | [`delivery`] | lanes, due times, workers | all above but `tracking` | |
//! | [`stream`] | activities go to a receiver, in order | all above but `tracking`, `delivery`, `certificates` | |
//! | [`export`] | raw data as files of Parquet, an hour at a time | all above but `tracking`, `delivery`, `stream`, `certificates` | `parquet` |
//! | [`alerts`] | tells the operator what is wrong | all above | |
//! | [`reports`] | what operators see: lists, counters, traces, exports | all above | |
//! | [`admin`] | what operators do: save, check, sign in, decide, try out | all above | |
//! | [`connection`] | connections of visitors: counted for a restart, bounded by network, request lines mended | `config`, `domain`, `telemetry` | `actix_web`, `actix_http` |
//! | [`http`] | what is served | all above | `actix_web`, `actix_http` |
//! | [`app`] | builds, starts and stops everything | all above | `actix_web`, `actix_http` |
//! | [`cli`] | the commands | all above | |
//!
//! Rooms stand on those above them in this table. A test (`tests/it/house`) reads it and holds it against the sources:
//! what it says is what is allowed.

pub mod admin;
pub mod alerts;
pub mod app;
pub mod archive;
pub mod certificates;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connection;
pub mod delivery;
pub mod domain;
pub mod export;
pub mod http;
pub mod journal;
pub mod live;
pub mod objects;
pub mod priority;
pub mod recorder;
pub mod reports;
pub mod store;
pub mod stream;
pub mod telemetry;
pub mod tracking;
pub mod wire;
