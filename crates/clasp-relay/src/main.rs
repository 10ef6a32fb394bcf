//! The production relay: flags to configuration to server.

fn main() {}
