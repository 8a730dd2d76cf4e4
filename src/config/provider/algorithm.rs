//! Which signatures may an ID token carry?

use crate::config::reader::Reader;
use crate::config::report::{Reported, Wrong};
use crate::provider::Algorithm;

fn parse(text: &str) -> Result<Algorithm, Wrong> {
    Algorithm::parse(text).ok_or_else(|| {
        let upper = text.to_ascii_uppercase();
        Wrong::new(if upper == "NONE" {
            "an ID token without a signature could be written by anybody"
        } else if upper.starts_with("HS") {
            "its key is the client secret, so whoever knows that could sign in as anybody"
        } else {
            "it is not a signature algorithm that we verify"
        })
    })
}

pub(super) fn read(reader: &mut Reader) -> Result<Vec<Algorithm>, Reported> {
    let key = "provider.signing_algorithms";
    let algorithms = reader.each(key, parse)?;
    if algorithms.is_empty() {
        return Err(reader.wrong(key, Wrong::new("it is empty, so that no ID token would be accepted")));
    }
    Ok(algorithms)
}
