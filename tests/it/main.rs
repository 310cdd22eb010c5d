//! Everything that is tested from outside, in one binary, so that what the tests share is compiled once.
//! One module alone: `cargo test --test it proof::`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod support;

mod abuse;
mod address;
mod addresses;
mod admin_hosts;
mod alerts;
mod api_types;
mod app;
mod app_edges;
mod app_kinds;
mod app_matching;
mod app_policy;
mod app_times;
mod archive;
mod archive_lost;
mod archive_merge;
mod backfill;
mod backup;
mod bad_input;
mod bad_settings;
mod bundle;
mod by_mail;
mod by_order;
mod certificates;
mod charsets;
mod crash;
mod crowded;
mod csv;
mod damage;
mod decisions;
mod demo;
mod descriptors;
mod disk_full;
mod docs;
mod egress;
mod emails;
mod emulators;
mod export;
mod exports;
mod flood;
mod fuzz;
mod half_sent;
mod headers;
mod house;
mod identity;
mod install_terms;
mod isolation;
mod job_ends;
mod kept;
mod live;
mod lock_out;
mod main_job;
mod noted;
mod openapi;
mod overdue;
mod packaged;
mod payouts;
mod personal;
mod phones;
mod platforms;
mod power_cut;
mod presets;
mod proof;
mod raw_docs;
mod raw_urls;
mod receivers;
mod reload;
mod replays;
mod resend;
mod restart;
mod roles;
mod seamless;
mod secrets;
mod sign_in;
mod start;
mod statements;
mod stops;
mod strangers;
mod stream;
mod told_rightly;
mod transfer;
mod try_out;
mod upgrade;
mod vector_example;
mod viewers;
mod watching;
