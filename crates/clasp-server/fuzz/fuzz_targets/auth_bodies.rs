//! Any bytes as what is sent to the auth port: refused, or within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    clasp_server::fuzzing::auth_body(body);
});
