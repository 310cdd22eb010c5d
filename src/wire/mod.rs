//! The one way out of the machine: every request and every mail to others. The only room that names isahc, libcurl
//! and lettre. It knows nothing of postbacks, lanes or schedules.
//!
//! | file | |
//! | --- | --- |
//! | [`egress`] | which addresses may be called |
//! | `dns` | questions to a DNS server of the operator's choice |
//! | [`resolve`] | names to addresses within a deadline |
//! | [`client`] | one exchange over HTTP |
//! | [`exchange`] | what it brought: an answer, or an error with its class and sentence |
//! | `fetch` | one exchange of which the whole answer is wanted |
//! | `libcurl` | what libcurl is kept from doing |
//! | [`mail`] | one mail over SMTP |
//! | [`selftest`] | does the client work with many open descriptors |
//! | [`threads`] | the end of threads |
//! | `userinfo` | credentials in a URL |

mod certificate;
pub mod client;
mod dns;
pub mod egress;
pub mod exchange;
mod fetch;
mod libcurl;
pub mod mail;
pub mod resolve;
pub mod selftest;
pub mod threads;
mod userinfo;

#[cfg(test)]
pub(crate) mod testing;

pub use client::{Client, ClientError, ClientOptions, Limits};
pub use exchange::Exchange;
pub use isahc::http;
pub use userinfo::masked;
