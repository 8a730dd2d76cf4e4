//! Faults of the bytes of an ID token's claims

use super::faults;

/// Converts the JSON of the claims to the bytes that replace it.
type Act = fn(&str) -> Vec<u8>;

/// The depth of the nesting: above the limit of any parser, and 40 KB long.
const NESTING_DEPTH: usize = 20_000;

const MEGABYTE: usize = 1024 * 1024;

faults! {
    /// Claims that are not a plain JSON object.
    PayloadFault: Act;
    SubDuplicated, "claims-sub-duplicated", "row 21",
        "the claims contain `sub` twice, last as `admin`",
        |json| with_last(json, r#""sub":"admin""#);
    ExpInfinite, "claims-exp-infinite", "row 21",
        "`exp` occurs once more as a number of 400 digits",
        |json| with_last(json, &format!(r#""exp":{}"#, "9".repeat(400)));
    ExpNan, "claims-exp-nan", "row 21",
        "`exp` occurs once more as `NaN`",
        |json| with_last(json, r#""exp":NaN"#);
    List, "claims-list", "refuse",
        "the claims are a list that contains the object",
        |json| format!("[{json}]").into_bytes();
    Empty, "claims-empty", "refuse", "the claims have no bytes", |_| Vec::new();
    NotJson, "claims-not-json", "refuse", "the claims are the text `not json`", |_| b"not json".to_vec();
    NotUtf8, "claims-not-utf8", "refuse",
        "the claims contain a member whose value is not UTF-8",
        |json| not_utf8(json);
    Megabyte, "claims-megabyte", "row 19",
        "the claims contain a member of a megabyte",
        |json| with_last(json, &format!(r#""pad":"{}""#, "a".repeat(MEGABYTE)));
    Deep, "claims-deep", "row 21",
        "the claims contain 20000 nested lists",
        |json| with_last(json, &format!(r#""deep":{}{}"#, "[".repeat(NESTING_DEPTH), "]".repeat(NESTING_DEPTH)));
}

impl PayloadFault {
    pub(crate) fn apply(self, json: &str) -> Vec<u8> {
        self.action()(json)
    }
}

/// Appends a member to the object, even if its name is already present.
fn with_last(json: &str, member: &str) -> Vec<u8> {
    format!("{},{member}}}", json.strip_suffix('}').unwrap_or(json)).into_bytes()
}

fn not_utf8(json: &str) -> Vec<u8> {
    let marked = with_last(json, r#""odd":"?""#);
    let cut = marked.len().saturating_sub(3);
    marked.iter().enumerate().map(|(at, &byte)| if at == cut { 0xff } else { byte }).collect()
}
