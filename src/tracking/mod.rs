//! Tracking: what a request from outside means.
//!
//! The HTTP layer hands over plain data (raw query, header texts, an address); the modules here parse it
//! once into types and decide what can be decided without the store. No framework, no I/O except the
//! GeoIP file of [`geo`].
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`query`] | which parameters did the caller send, within which limits |
//! | [`hosts`] | does an operator's allow-list name this host |
//! | [`client`] | who is calling: device, bot, language, address |
//! | [`device_id`] | which parameters are device ids, and their form |
//! | [`geo`] | where the address is |
//! | [`hit`] | what does a click or impression say; the [`crate::domain::session::Session`] that it becomes |
//! | [`destination`] | where does the click lead |
//! | [`conversion`] | what does a conversion say |
//! | [`instant`] | when does the caller say that it happened |
//! | [`trust`] | may this caller send it |
//! | [`repeat`] | did this visitor click this link before |
//! | [`engagement`] | records a click, impression or landing |
//! | [`matching`] | which engagements could an app activity be credited to |
//! | [`app`] | judges and records what devices report of an app |
//! | [`apple`] | verifies and records copies of Apple's postbacks |
//! | [`record_conversion`] | judges and records a conversion |
//! | [`kept`] | what is kept of a conversion that does not count |
//! | `credited_session` | which session a conversion means |
//! | [`status`] | changes the status of a conversion |
//! | [`resend`] | sends a postback again, or gives it up |
//! | [`queueing`] | from an activity to its record and its postbacks |
//! | [`housekeeping`] | what falls due by itself |
//! | [`session_values`] | what placeholders of a destination show |
//! | [`tag`] | the script of the advertiser's site |

pub mod app;
pub mod apple;
pub mod client;
pub mod conversion;
mod credited_session;
pub mod destination;
pub mod device_id;
pub mod engagement;
pub mod erasure;
pub mod geo;
pub mod hit;
pub mod hosts;
pub mod housekeeping;
pub mod instant;
pub mod kept;
pub mod link_names;
pub mod matching;
pub mod query;
pub mod queueing;
pub mod record_conversion;
pub mod repeat;
pub mod resend;
pub mod session_values;
pub mod status;
pub mod tag;
pub mod trust;
pub mod visitors;
