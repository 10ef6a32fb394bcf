//! CLASP over a plain byte stream: a 4-byte length in front of each frame.
// protocol/wire.md 1.10

use clasp_proto::limits::FRAME_MAX;

use crate::error::ProtocolError;
use crate::step::Step;

/// Cuts length-prefixed frames out of a caller's buffer.
#[derive(Debug, Default)]
pub struct Reader;

impl Reader {
    /// What comes next in `buf` at position `at`, which is moved behind it.
    ///
    /// # Errors
    /// A length that no CLASP frame can have.
    #[inline]
    pub fn next(&mut self, buf: &[u8], at: &mut usize) -> Result<Step, ProtocolError> {
        let rest = &buf[*at..];
        let Some((prefix, body)) = rest.split_first_chunk::<PREFIX_BYTES>() else {
            return Ok(Step::NeedMore(PREFIX_BYTES));
        };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > FRAME_MAX {
            return Err(ProtocolError::TooLarge {
                bytes: length as u64,
            });
        }
        if body.len() < length {
            return Ok(Step::NeedMore(PREFIX_BYTES + length));
        }
        let start = *at + PREFIX_BYTES;
        *at = start + length;
        Ok(Step::Binary(start..*at))
    }
}

/// Appends one frame with its length in front.
///
/// # Panics
/// Never for frames of at most [`FRAME_MAX`] bytes, which is for the caller to check.
pub fn write_frame(out: &mut Vec<u8>, frame: &[u8]) {
    let length = u32::try_from(frame.len()).expect("a frame is at most FRAME_MAX bytes");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(frame);
}

const PREFIX_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_at_every_split() {
        let frames: [&[u8]; 4] = [b"S\x01\x00\x01A", b"", b"x", &[7; 300]];
        let mut bytes = Vec::new();
        for frame in frames {
            write_frame(&mut bytes, frame);
        }
        for split in 0..=bytes.len() {
            let (mut at, mut found) = (0, Vec::new());
            for end in [split, bytes.len()] {
                while let Step::Binary(range) = Reader.next(&bytes[..end], &mut at).unwrap() {
                    found.push(bytes[range].to_vec());
                }
            }
            assert_eq!(found, frames, "split at {split}");
        }
    }

    #[test]
    fn a_length_beyond_the_largest_frame_is_refused_before_its_body() {
        let check = |length: u32, expected| {
            assert_eq!(Reader.next(&length.to_be_bytes(), &mut 0), expected)
        };
        check(65547, Ok(Step::NeedMore(65551)));
        check(65548, Err(ProtocolError::TooLarge { bytes: 65548 }));
        check(
            u32::MAX,
            Err(ProtocolError::TooLarge {
                bytes: u64::from(u32::MAX),
            }),
        );
    }
}
