//! Where the frames of a WebSocket end (RFC 6455 §5.2)

/// The complete frame that closes a connection with code 1008, a violation of the policy (RFC 6455 §7.4.1).
pub(super) const POLICY_VIOLATION: [u8; 4] = [0x88, 2, 0x03, 0xf0];

/// Counts the bytes of a stream of frames.
#[derive(Default)]
pub(super) struct Frames {
    /// The bytes of an incomplete header.
    header: Vec<u8>,
    /// The bytes of the payload that have not come yet.
    payload: u64,
}

impl Frames {
    /// Returns whether no frame is incomplete.
    pub(super) fn is_between(&self) -> bool {
        self.header.is_empty() && self.payload == 0
    }

    /// Reads all bytes. Returns how many these were.
    pub(super) fn read_all(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = self.read(rest);
            rest = rest.get(count..).unwrap_or_default();
        }
        bytes.len()
    }

    /// Reads the bytes up to the end of the incomplete frame. Returns how many these were.
    pub(super) fn finish(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = self.read(rest);
            rest = rest.get(count..).unwrap_or_default();
            if self.is_between() {
                break;
            }
        }
        bytes.len() - rest.len()
    }

    /// Reads the bytes up to the end of a frame or of a header. Returns how many these were.
    fn read(&mut self, bytes: &[u8]) -> usize {
        if self.payload > 0 {
            let count = usize::try_from(self.payload).map_or(bytes.len(), |payload| payload.min(bytes.len()));
            self.payload -= count as u64;
            return count;
        }
        for (index, byte) in bytes.iter().enumerate() {
            self.header.push(*byte);
            if let Some(payload) = payload_len(&self.header) {
                self.header.clear();
                self.payload = payload;
                return index + 1;
            }
        }
        bytes.len()
    }
}

/// Returns the length of the payload, if the header is complete.
fn payload_len(header: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = header else { return None };
    let mask_bytes = if second & 0x80 == 0 { 0 } else { 4 };
    let (extended, len) = match second & 0x7f {
        126 => (2, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (8, u64::from_be_bytes(*rest.first_chunk()?)),
        short => (0, u64::from(short)),
    };
    (rest.len() == extended + mask_bytes).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the offsets between frames, if the stream arrives in pieces of that size.
    fn boundaries(stream: &[u8], piece: usize) -> Vec<usize> {
        let (mut frames, mut offset, mut found) = (Frames::default(), 0, Vec::new());
        for piece in stream.chunks(piece) {
            let mut rest = piece;
            while !rest.is_empty() {
                let count = frames.finish(rest);
                offset += count;
                rest = &rest[count..];
                if frames.is_between() {
                    found.push(offset);
                }
            }
        }
        let mut again = Frames::default();
        assert_eq!((again.read_all(stream), again.is_between()), (stream.len(), true));
        found
    }

    #[test]
    fn frames_of_each_length_end_where_they_end() {
        let empty = vec![0x89, 0];
        let short = [&[0x81, 3][..], b"abc"].concat();
        let masked = [&[0x82, 0x81, 1, 2, 3, 4][..], b"x"].concat();
        let medium = [&[0x82, 126, 1, 0][..], &[7; 256]].concat();
        let long = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &vec![7; 65536]].concat();
        let masked_medium = [&[0x82, 0xfe, 0, 200, 1, 2, 3, 4][..], &[7; 200]].concat();
        let frames = [empty, short, masked, medium, long, masked_medium, POLICY_VIOLATION.to_vec()];
        let ends: Vec<usize> = frames
            .iter()
            .scan(0, |end, frame| {
                *end += frame.len();
                Some(*end)
            })
            .collect();
        let stream = frames.concat();
        for piece in [1, 2, 3, 7, 1000, stream.len()] {
            assert_eq!(boundaries(&stream, piece), ends, "{piece}");
        }
    }
}
