//! What the product is about: types and decisions. No I/O, no clock, no thread, no framework in here
//! (utoipa's derive only describes types); everything that is decided can be read and tested alone.

pub mod account;
pub mod activity;
pub mod alert;
pub mod attribution;
pub mod duplicates;
pub mod ids;
pub mod link;
pub mod money;
pub mod offer;
pub mod partner;
pub mod plan;
pub mod postback;
pub mod preset;
pub mod retry;
pub mod rule;
pub mod session;
pub mod signing;
pub mod stats;
pub mod template;
pub mod visitor;
