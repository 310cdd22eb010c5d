//! Outcome of an attempt: delivered, again at, or failed.
