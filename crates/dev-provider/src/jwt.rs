//! Signing and verification of compact JWS

use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::key::SigningKey;

/// The purpose of a token. Its `typ` names the kind, so that one kind is never accepted as another (RFC 8725 §3.11).
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Id,
    Access,
    Userinfo,
}

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Self::Id | Self::Userinfo => "JWT",
            Self::Access => "at+jwt",
        }
    }
}

pub(crate) fn sign(key: &SigningKey, kind: Kind, claims: Map<String, Value>) -> Result<String, Unspecified> {
    let header = json!({ "alg": key.algorithm().name(), "typ": kind.typ(), "kid": key.kid() });
    let message = format!("{}.{}", part(&header), part(&Value::Object(claims)));
    let signature = key.sign(message.as_bytes())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode_to_string(signature)))
}

/// Returns the claims of a token of this kind that one of these keys signed. The caller checks the expiry.
pub(crate) fn read(keys: &[Arc<SigningKey>], kind: Kind, token: &str) -> Option<Map<String, Value>> {
    let (message, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).ok()?;
    if !keys.iter().any(|key| key.verifies(message.as_bytes(), &signature)) {
        return None;
    }
    let (header, claims) = message.split_once('.')?;
    let is_kind = unpart(header)?.get("typ")?.as_str()? == kind.typ();
    if is_kind { unpart(claims) } else { None }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode_to_string(value.to_string())
}

fn unpart(encoded: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(encoded).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{Kind, read, sign};
    use crate::algorithm::SigningAlgorithm;
    use crate::key::SigningKey;
    use serde_json::Map;
    use std::sync::Arc;

    fn key(algorithm: SigningAlgorithm) -> Arc<SigningKey> {
        Arc::new(SigningKey::generate(algorithm).unwrap())
    }

    #[test]
    fn token_verifies_only_as_its_kind_and_with_its_key() {
        use SigningAlgorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
        for algorithm in [Rs256, Ps256, Es256, Es384, EdDsa] {
            let keys = [key(algorithm)];
            let token = sign(&keys[0], Kind::Id, Map::new()).unwrap();
            assert!(read(&keys, Kind::Id, &token).is_some(), "{algorithm:?}");
            assert!(read(&keys, Kind::Access, &token).is_none(), "{algorithm:?}");
            assert!(read(&[key(algorithm)], Kind::Id, &token).is_none(), "{algorithm:?}");
            assert!(read(&keys, Kind::Id, "a.b.c").is_none());
        }
    }
}
