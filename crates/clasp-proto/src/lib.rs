//! CLASP protocol: message types, codec, addresses and patterns; no I/O, no clock.
