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
//! | [`domain`] | types and pure decisions | nothing of ours |
//! | [`journal`] | framed, checksummed, synced commits | nothing of ours |
//!
//! A test (`tests/house.rs`) reads the sources and holds this table.

pub mod clock;
pub mod domain;
pub mod journal;
pub mod store;
