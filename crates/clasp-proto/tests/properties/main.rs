//! What must hold for every message, every byte string and every pattern.

mod codec;
mod messages;
mod patterns;
mod slow;
