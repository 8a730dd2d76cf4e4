//! What can be wrong with the bytes between the two dots of an ID token?

use super::faults;

/// From the JSON of the claims to what is sent instead.
type Act = fn(&str) -> Vec<u8>;

/// How deep the nesting goes: over any parser's limit, and 40 KB long.
const DEPTH: usize = 20_000;

const MEGABYTE: usize = 1024 * 1024;

faults! {
    /// Claims that are not one plain JSON object.
    PayloadFault: Act;
    SubDuplicated, "claims-sub-duplicated", "row 21",
        "the claims hold `sub` twice, last as `admin`",
        |json| with_last(json, r#""sub":"admin""#);
    ExpInfinite, "claims-exp-infinite", "row 21",
        "`exp` occurs once more as a number of 400 digits",
        |json| with_last(json, &format!(r#""exp":{}"#, "9".repeat(400)));
    ExpNan, "claims-exp-nan", "row 21",
        "`exp` occurs once more as `NaN`",
        |json| with_last(json, r#""exp":NaN"#);
    List, "claims-list", "refuse",
        "the claims are a list holding the object",
        |json| format!("[{json}]").into_bytes();
    Empty, "claims-empty", "refuse", "the claims are no bytes at all", |_| Vec::new();
    NotJson, "claims-not-json", "refuse", "the claims are the text `not json`", |_| b"not json".to_vec();
    NotUtf8, "claims-not-utf8", "refuse",
        "the claims hold a member whose value is no UTF-8",
        |json| not_utf8(json);
    Megabyte, "claims-megabyte", "row 19",
        "the claims hold a member of a megabyte",
        |json| with_last(json, &format!(r#""pad":"{}""#, "a".repeat(MEGABYTE)));
    Deep, "claims-deep", "row 21",
        "the claims hold 20000 lists, one in the other",
        |json| with_last(json, &format!(r#""deep":{}{}"#, "[".repeat(DEPTH), "]".repeat(DEPTH)));
}

impl PayloadFault {
    pub(crate) fn apply(self, json: &str) -> Vec<u8> {
        self.action()(json)
    }
}

/// The object with one more member at its end, repeated or not.
fn with_last(json: &str, member: &str) -> Vec<u8> {
    format!("{},{member}}}", json.strip_suffix('}').unwrap_or(json)).into_bytes()
}

fn not_utf8(json: &str) -> Vec<u8> {
    let marked = with_last(json, r#""odd":"?""#);
    let cut = marked.len().saturating_sub(3);
    marked.iter().enumerate().map(|(at, &byte)| if at == cut { 0xff } else { byte }).collect()
}
