//! Bad input at the level of the codec: lengths that lie, depth, width, odd text, hard patterns.
//! The names are those of the test catalogue; T-SEC-10 and the addresses of T-SEC-06 also stand
//! beside the code that they test.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

mod allocation;
mod lengths;
mod measure;
mod nesting;
mod numbers;
mod patterns;
mod samples;
mod text;
mod width;
