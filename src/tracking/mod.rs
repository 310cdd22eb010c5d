//! Tracking: what a request from outside means.
//!
//! The HTTP layer hands over plain data (raw query, header texts, an address); the modules here parse it
//! once into types and decide what can be decided without the store. No framework, no I/O except the
//! GeoIP file of [`geo`].
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`query`] `charset` | which parameters did the caller send, within which limits |
//! | [`body`] | a form or JSON, whatever the body came as |
//! | `personal` | what speaks of a person, taken out of what is kept |
//! | [`fields`] | the fields of a conversion or app event: what decides it, what is mended or left out |
//! | [`hosts`] | does an operator's allow-list name this host |
//! | [`client`] | who is calling: device, bot, language, address |
//! | [`device_id`] | which parameters are device ids, and their form |
//! | [`geo`] | where the address is |
//! | [`click`] | composes and records a click, an impression, a landing, a test click |
//! | `filing` | which place has each parameter of a click |
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
//! | [`caller`] | who sends a conversion or app event, and what came with it |
//! | [`gate`] | how often may strangers send something; is this one taken now |
//! | [`idempotency`] | was the same request decided before |
//! | [`record_conversion`] | judges and records a conversion |
//! | [`by_order`] | which conversion an order number names |
//! | `credited_session` | which session a conversion means |
//! | `refusals` `refused_record` [`remains`] [`refused_sweep`] | what is kept of what does not count, or cannot be read, and for how long |
//! | [`accept_refused`] | an operator accepts what was refused |
//! | [`outcome`] | how a request ended |
//! | [`status`] | changes the status of a conversion |
//! | [`resend`] | sends a postback again, or gives it up |
//! | [`addresses`] | whose whole addresses are kept for rules that may send them, and until when |
//! | [`recording`] | from a decided activity to its record: duplicates, bounds, status, payout, statistics, postbacks |
//! | [`merge`] | what another server took alone, after this one had taken its place |
//! | [`visitor_count`] [`visitor_sweep`] | how many visitors of apps are known, and for how long |
//! | [`housekeeping`] | what falls due by itself |
//! | [`session_values`] | what placeholders of a destination show |
//! | [`tag`] | the script of the advertiser's site |

pub mod accept_refused;
pub mod addresses;
pub mod app;
pub mod apple;
pub mod backfill;
pub mod body;
pub mod by_order;
pub mod caller;
mod charset;
pub mod click;
pub mod client;
pub mod conversion;
mod credited_session;
pub mod destination;
pub mod device_id;
pub mod engagement;
pub mod erasure;
pub mod erasure_limit;
pub mod fields;
mod filing;
mod fold;
pub mod gate;
pub mod geo;
pub mod hit;
pub mod hosts;
pub mod housekeeping;
pub mod idempotency;
pub mod instant;
pub mod link_names;
pub mod matching;
pub mod merge;
pub mod outcome;
mod past;
pub mod personal;
pub mod query;
pub mod record_conversion;
pub mod recording;
mod refusals;
mod refused_record;
pub mod refused_sweep;
pub mod remains;
pub mod repeat;
pub mod resend;
pub mod session_values;
pub mod set_charset;
mod signed;
pub mod status;
pub mod tag;
pub mod tags_seen;
pub mod trust;
pub mod visitor_count;
pub mod visitor_sweep;
