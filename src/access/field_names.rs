//! Header field names: aliases, forwarded fields and list-valued fields
//!
//! 1. Two names are aliases if they differ only in case and in bytes that are neither letters nor digits. CGI and its
//!    successors read all these bytes as one, so `X_Forwarded_User` becomes `X-Forwarded-User`.
//! 2. The lines of a list-valued field are joined and split at commas (RFC 9110 §5.6.1). Empty members are ignored.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The client's method.
pub const X_FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
/// The client's scheme.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The client's host.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// The client's path and query.
pub const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
/// The address of the client, and those of the proxies that forwarded the request.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The five fields by which a proxy describes the client's request.
pub static FORWARDED: [HeaderName; 5] =
    [X_FORWARDED_METHOD, X_FORWARDED_PROTO, X_FORWARDED_HOST, X_FORWARDED_URI, X_FORWARDED_FOR];

/// Returns the index of a name in [`FORWARDED`].
///
/// A match on short texts compiles to a few integer comparisons.
pub fn forwarded_index(name: &str) -> Option<usize> {
    let (prefix, rest) = name.as_bytes().split_first_chunk::<12>()?;
    if prefix != b"x-forwarded-" {
        return None;
    }
    match rest {
        b"method" => Some(0),
        b"proto" => Some(1),
        b"host" => Some(2),
        b"uri" => Some(3),
        b"for" => Some(4),
        _ => None,
    }
}

/// A set of field names and prefixes of field names, which matches their aliases too.
#[derive(Clone, Debug, Default)]
pub struct NameSet {
    names: Vec<String>,
    prefixes: Vec<String>,
    /// One bit for each length of a name.
    lengths: u64,
    /// One bit for each first byte of a name or prefix: few other names share both bits.
    initials: u64,
    /// One bit for each first byte of a prefix.
    prefix_initials: u64,
}

impl NameSet {
    /// Adds a name.
    pub fn insert(&mut self, name: &str) {
        self.lengths |= length_bit(name);
        self.initials |= initial_bits(name);
        self.names.push(name.to_ascii_lowercase());
    }

    /// Adds every name that begins with `prefix`.
    pub fn insert_prefix(&mut self, prefix: &str) {
        self.initials |= initial_bits(prefix);
        self.prefix_initials |= initial_bits(prefix);
        self.prefixes.push(prefix.to_ascii_lowercase());
    }

    /// Returns whether a name is in the set, in any spelling.
    pub fn matches(&self, name: impl AsRef<[u8]>) -> bool {
        let name = name.as_ref();
        self.prefixes.iter().any(|prefix| has_prefix(name, prefix))
            || self.names.iter().any(|known| is_same_name(name, known))
    }

    /// Returns whether a name in lower case is an alias of one in the set, rather than one of them itself.
    ///
    /// A check calls this for each field, so the bits are compared first.
    pub fn has_alias(&self, name: &str) -> bool {
        let initial = name.bytes().next().map_or(0, byte_bit);
        if self.initials & initial == 0 {
            return false;
        }
        let is_candidate = self.lengths & length_bit(name) != 0 || self.prefix_initials & initial != 0;
        is_candidate && !is_plain(name) && self.matches(name)
    }
}

/// Returns whether two names are the same after folding.
pub fn is_same_name(name: impl AsRef<[u8]>, other: &str) -> bool {
    name.as_ref().len() == other.len() && has_prefix(name, other)
}

/// Returns whether a name begins with `prefix` after folding.
pub fn has_prefix(name: impl AsRef<[u8]>, prefix: &str) -> bool {
    let name = name.as_ref();
    name.len() >= prefix.len()
        && name.iter().zip(prefix.as_bytes()).all(|(byte, wanted)| fold(*byte) == fold(*wanted))
}

/// Returns whether a name in lower case consists of letters, digits and `-`: its aliases fold into this spelling.
///
/// A check calls this for most fields that a proxy adds. It compares eight bytes at once, and the last eight again
/// instead of a remainder.
pub fn is_plain(name: &str) -> bool {
    let name = name.as_bytes();
    match name.last_chunk::<8>() {
        Some(last) => {
            is_plain_chunk(last)
                & name.as_chunks::<8>().0.iter().fold(true, |plain, chunk| plain & is_plain_chunk(chunk))
        }
        None => name.iter().all(|byte| is_plain_byte(*byte)),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "by value, the compiler compares the bytes one by one")]
fn is_plain_chunk(chunk: &[u8; 8]) -> bool {
    chunk.iter().fold(true, |plain, byte| plain & is_plain_byte(*byte))
}

fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

/// Removes each field whose name `is_unwanted` accepts.
pub fn remove_fields(headers: &mut HeaderMap, is_unwanted: impl Fn(&str) -> bool) {
    let found: Vec<HeaderName> = headers.keys().filter(|name| is_unwanted(name.as_str())).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

/// Returns the value of a field that came exactly once.
pub fn only_value<'h>(headers: &'h HeaderMap, field: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(field).into_iter();
    values.next().filter(|_| values.next().is_none())
}

/// Returns whether a list-valued field has the member, in any case.
pub fn has_member(headers: &HeaderMap, field: &HeaderName, member: &str) -> bool {
    members(headers, field).any(|found| found.eq_ignore_ascii_case(member.as_bytes()))
}

/// Returns whether a list-valued field has the member, in any case and with any parameters.
pub fn has_bare_member(headers: &HeaderMap, field: &HeaderName, member: &str) -> bool {
    members(headers, field).any(|found| before(found, b';').eq_ignore_ascii_case(member.as_bytes()))
}

/// Returns the members of a list-valued field.
pub fn members<'h>(headers: &'h HeaderMap, field: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(field).into_iter().flat_map(members_of)
}

/// Returns the members of one line of a list-valued field.
pub fn members_of(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// Returns the part of a member before a delimiter: `;` separates parameters, `=` the argument of a directive.
pub fn before(member: &[u8], delimiter: u8) -> &[u8] {
    member.split(|byte| *byte == delimiter).next().unwrap_or_default().trim_ascii()
}

/// Returns each spelling of a name with `-`, `_`, `.` or `~` in place of each `-`, except the name itself, or `None` if
/// they are longer than `max_bytes` together.
///
/// Any other byte that is neither a letter nor a digit makes an alias too. They are too many for a list, so the settings
/// of the proxy must remove them.
pub fn alias_spellings(name: &str, max_bytes: usize) -> Option<Vec<String>> {
    let mut spellings = vec![String::new()];
    for part in name.split_inclusive('-') {
        let word = part.strip_suffix('-');
        let ends: &[&str] = if word.is_some() { &["-", "_", ".", "~"] } else { &[""] };
        if spellings.len() * ends.len() * name.len() > max_bytes {
            return None;
        }
        let extend = |start: &String| {
            ends.iter().map(|end| format!("{start}{}{end}", word.unwrap_or(part))).collect::<Vec<_>>()
        };
        spellings = spellings.iter().flat_map(extend).collect();
    }
    spellings.retain(|spelling| spelling != name);
    Some(spellings)
}

fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

/// Returns the possible first bytes of a name's aliases: a letter or digit stays the same, else any byte is possible.
fn initial_bits(name: &str) -> u64 {
    let first = name.bytes().next().map(|byte| byte.to_ascii_lowercase());
    first.filter(u8::is_ascii_alphanumeric).map_or(u64::MAX, byte_bit)
}

fn byte_bit(byte: u8) -> u64 {
    1 << (byte & 63)
}

fn fold(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte.to_ascii_lowercase(),
        b'a'..=b'z' | b'0'..=b'9' => byte,
        _ => b'-',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[&'static [u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("list", HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    const LIST: HeaderName = HeaderName::from_static("list");

    #[test]
    fn alias_spellings_are_all_but_the_name_itself() {
        assert_eq!(alias_spellings("a-b", 100).unwrap(), ["a_b", "a.b", "a~b"]);
        assert_eq!(alias_spellings("cookie", 100).unwrap(), Vec::<String>::new());
        let spellings = alias_spellings("x-forwarded-user", 1024).unwrap();
        assert_eq!(spellings.len(), 15);
        assert!(spellings.iter().all(|spelling| is_same_name(spelling, "x-forwarded-user")));
        assert_eq!(alias_spellings("a-b-c-d-e-f-g-h", 1024), None);
    }

    #[test]
    fn forwarded_index_agrees_with_the_list() {
        let found: Vec<_> = FORWARDED.iter().map(|name| forwarded_index(name.as_str())).collect();
        assert_eq!(found, [Some(0), Some(1), Some(2), Some(3), Some(4)]);
    }

    #[test]
    fn set_matches_every_spelling_and_reports_only_aliases_as_alias() {
        let mut set = NameSet::default();
        set.insert("X-User");
        set.insert("-odd");
        set.insert_prefix("Ours-");
        for (name, matches, is_alias) in [
            ("x-user", true, false),
            ("x_user", true, true),
            ("x.user", true, true),
            ("x-users", false, false),
            ("x_users", false, false),
            ("xauser", false, false),
            ("ours-x", true, false),
            ("ours_x", true, true),
            ("ours-x_y", true, true),
            ("ours", false, false),
            ("_odd", true, true),
            ("", false, false),
        ] {
            assert_eq!((set.matches(name), set.has_alias(name)), (matches, is_alias), "{name}");
        }
    }

    #[test]
    fn list_members_are_read_from_all_lines_without_empty_ones() {
        let headers = map(&[b"a, B;q=1 ,,", b"", b"\xff\t, c"]);
        assert_eq!(members(&headers, &LIST).collect::<Vec<_>>(), [&b"a"[..], b"B;q=1", b"\xff", b"c"]);
        assert!(has_member(&headers, &LIST, "C") && !has_member(&headers, &LIST, "b"));
        assert!(has_bare_member(&headers, &LIST, "b") && !has_bare_member(&headers, &LIST, "q=1"));
    }

    #[test]
    fn only_value_is_none_for_a_repeated_field() {
        assert!(only_value(&map(&[b"a"]), &LIST).is_some_and(|value| value == "a"));
        assert_eq!(only_value(&map(&[b"a", b"a"]), &LIST), None);
        assert_eq!(only_value(&map(&[]), &LIST), None);
    }
}
