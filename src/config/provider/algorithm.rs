//! Accepted signature algorithms of ID tokens

use crate::config::reader::Reader;
use crate::config::report::{Reported, Wrong};
use crate::provider::Algorithm;

fn parse_algorithm(text: &str) -> Result<Algorithm, Wrong> {
    Algorithm::parse(text).ok_or_else(|| {
        let upper = text.to_ascii_uppercase();
        Wrong::new(if upper == "NONE" {
            "an attacker could forge an ID token without a signature"
        } else if upper.starts_with("HS") {
            "its key is the client secret, so an attacker who knows the secret could sign in as any user"
        } else {
            "it is not a supported signature algorithm"
        })
    })
}

pub(super) fn read(reader: &mut Reader) -> Result<Vec<Algorithm>, Reported> {
    let key = "provider.signing_algorithms";
    let algorithms = reader.read_list(key, parse_algorithm)?;
    if algorithms.is_empty() {
        return Err(reader.report_wrong(key, Wrong::new("it is empty, so no ID token would be accepted")));
    }
    Ok(algorithms)
}
