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

/// Returns the accepted algorithms, or `None` if the provider's announcement decides.
pub(super) fn read(reader: &mut Reader) -> Result<Option<Vec<Algorithm>>, Reported> {
    let key = "provider.signing_algorithms";
    if !reader.is_set(key) {
        return Ok(None);
    }
    let algorithms = reader.read_list(key, parse_algorithm)?;
    if algorithms.is_empty() {
        let wrong = Wrong::new("it is empty, so no ID token would be accepted");
        return Err(reader.report_wrong(key, wrong));
    }
    Ok(Some(algorithms))
}
