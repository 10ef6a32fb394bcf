//! Four parts with lines between them: an address, a subject, a value, and the rest is a file with rules.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(4, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (address, subject, value) = (next(), next(), next());
    clasp_server::fuzzing::app_config(next(), address, subject, value);
});
