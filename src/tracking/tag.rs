//! The script for the advertiser's site, as it is served at `/tag.js`.
//!
//! The script finds the address of this server from where it was loaded, so the bytes are the same for
//! everyone and can be cached.

/// The script; ES2017, no dependency, under 4 KB gzipped (a test beside the script holds this).
pub const TAG_JS: &str = include_str!("../../web/tag/tag.js");

/// Its `Content-Type`.
pub const TAG_CONTENT_TYPE: &str = "text/javascript; charset=utf-8";
