//! How a frame is delimited on a transport (protocol/wire.md 1).

/// What stands before each frame on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    /// One unmasked binary WebSocket message per frame: server to client (protocol/wire.md 1.4).
    WebSocket,
    /// A u32 with the bytes of the frame: TCP (protocol/wire.md 1.10).
    Length,
    /// Nothing: the frame header says how long it is.
    Bare,
}

impl Binding {
    /// The bytes to write before a frame of this length, and how many of them there are. A
    /// WebSocket header takes 2, 4 or, for the four longest frames there are, 10 bytes.
    ///
    /// ```
    /// use clasp_proto::Binding;
    /// let (bytes, count) = Binding::WebSocket.prefix(300);
    /// assert_eq!(bytes[..count], [0x82, 126, 0x01, 0x2C]);
    /// ```
    pub fn prefix(self, frame_len: usize) -> ([u8; PREFIX_MAX], usize) {
        let mut bytes = [0; PREFIX_MAX];
        let count = match self {
            Self::WebSocket => web_socket(&mut bytes, frame_len as u64),
            Self::Length => {
                bytes[..4].copy_from_slice(&(frame_len as u32).to_be_bytes());
                4
            }
            Self::Bare => 0,
        };
        (bytes, count)
    }
}

/// Bytes of the longest prefix.
pub const PREFIX_MAX: usize = 10;

/// RFC 6455 section 5.2: the shortest of three length forms.
fn web_socket(bytes: &mut [u8; PREFIX_MAX], length: u64) -> usize {
    bytes[0] = FINAL_BINARY;
    let [.., high, low] = length.to_be_bytes();
    if length < 126 {
        bytes[1] = low;
        2
    } else if length <= 0xFFFF {
        bytes[1..4].copy_from_slice(&[126, high, low]);
        4
    } else {
        bytes[1] = 127;
        bytes[2..].copy_from_slice(&length.to_be_bytes());
        PREFIX_MAX
    }
}

const FINAL_BINARY: u8 = 0x82;

#[cfg(test)]
mod tests {
    use super::*;

    // protocol/wire.md 1.4, 1.10
    #[test]
    fn prefixes_at_the_edges_of_their_forms() {
        let long = [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        for (binding, length, expected) in [
            (Binding::WebSocket, 5, &[0x82, 5][..]),
            (Binding::WebSocket, 125, &[0x82, 125]),
            (Binding::WebSocket, 126, &[0x82, 126, 0, 126]),
            (Binding::WebSocket, 65_535, &[0x82, 126, 0xFF, 0xFF]),
            (Binding::WebSocket, 65_536, &long),
            (Binding::Length, 65_539, &[0, 1, 0, 3]),
            (Binding::Bare, 9, &[]),
        ] {
            let (bytes, count) = binding.prefix(length);
            assert_eq!(&bytes[..count], expected, "{binding:?} {length}");
        }
    }
}
