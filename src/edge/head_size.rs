//! Size limits of the head of a request, for every listener

/// The limit of header fields. A repeated field counts each time.
pub const MAX_FIELDS: usize = 100;
/// The limit of all names, values and the request target together, in bytes.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;
