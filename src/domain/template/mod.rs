//! Templates and conditions: parsed once, rendered many times.
