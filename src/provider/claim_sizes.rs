//! Sizes of the claims of an ID token
//!
//! The token is already verified. The claims are read from its own payload, because those of userinfo are not in it.

use base64_simd::URL_SAFE_NO_PAD;

use super::json_object::UniqueJsonObject;
use crate::flow::ports::ClaimSize;

const MAX_CLAIMS: usize = 3;

/// Returns at most three claims, the largest first. Returns none if the token has no payload that is a JSON object.
pub(super) fn largest_claims(id_token: &str) -> Vec<ClaimSize> {
    let payload = id_token.split('.').nth(1).and_then(|text| URL_SAFE_NO_PAD.decode_to_vec(text).ok());
    let Some(claims) = payload.and_then(|payload| UniqueJsonObject::read(&payload)) else {
        return Vec::new();
    };
    let size =
        |(name, value): (String, serde_json::Value)| ClaimSize { name, bytes: value.to_string().len() };
    let mut sizes: Vec<ClaimSize> = claims.0.into_iter().map(size).collect();
    sizes.sort_by_key(|claim| std::cmp::Reverse(claim.bytes));
    sizes.truncate(MAX_CLAIMS);
    sizes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn three_largest_claims_are_listed_by_size() {
        let picture = format!("data:image/png;base64,{}", "A".repeat(20_000));
        let claims = json!({"sub": "1", "picture": picture, "groups": ["dev", "ops"], "name": "A", "exp": 1_800_000_000});
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode_to_string(claims.to_string()));
        let found: Vec<_> =
            largest_claims(&token).into_iter().map(|claim| (claim.name, claim.bytes)).collect();
        let expected = [("picture", picture.len() + 2), ("groups", r#"["dev","ops"]"#.len()), ("exp", 10)];
        assert_eq!(found, expected.map(|(name, bytes)| (name.to_owned(), bytes)));
    }

    #[test]
    fn text_that_is_no_token_has_no_claims() {
        for text in ["", "opaque", "a.b.c", "e30.e30.c2ln", "e30.W10.c2ln"] {
            assert_eq!(largest_claims(text), [], "{text}");
        }
    }
}
