//! Bounds of rendezvous, each with its reason.

use std::time::Duration;

use crate::allowance::Pace;

/// Devices registered at a time; with the bounds below a full table takes 60 MiB at the very worst, and some as devices are.
pub(super) const DEVICES_MAX: usize = 10_000;

/// Devices of one source: a household or a stage behind one address, and not a flood.
pub(super) const DEVICES_PER_SOURCE_MAX: usize = 10;

/// All texts of a device together.
pub(super) const DEVICE_BYTES_MAX: usize = 4096;

/// A name of a device is shown in lists.
pub(super) const NAME_BYTES_MAX: usize = 255;

/// A url, a public key or a text about a device.
pub(super) const TEXT_BYTES_MAX: usize = 512;

/// A tag, a feature, or the name of an endpoint or text.
pub(super) const WORD_BYTES_MAX: usize = 64;

/// Tags, features, endpoints and texts of a device, each.
pub(super) const ENTRIES_MAX: usize = 16;

/// Devices in one answer unless the client asks for more.
pub(super) const FOUND_DEFAULT: usize = 100;

/// Devices in one answer.
pub(super) const FOUND_MAX: usize = 1000;

/// Requests of one source: a device needs one in two minutes, a page that is loaded again and again some each second.
pub(super) const REQUESTS: Pace = Pace {
    burst: 60,
    interval: Duration::from_millis(200),
};

/// Requests of everybody: 10,000 devices need 83 a second.
pub(super) const REQUESTS_TOTAL: Pace = Pace {
    burst: 2000,
    interval: Duration::from_millis(1),
};

/// Sources whose pace is remembered.
pub(super) const SOURCES_MAX: usize = 20_000;

/// The first pause after the other rendezvous server could not be reached.
pub(super) const REGISTRATION_PAUSE_MIN: Duration = Duration::from_secs(1);

/// The longest such pause: what it takes at most to be listed again once that server is back.
pub(super) const REGISTRATION_PAUSE_MAX: Duration = Duration::from_secs(60);
