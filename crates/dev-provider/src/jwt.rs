//! How do claims become a compact JWS and come back?

use aws_lc_rs::error::Unspecified;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::key::SigningKey;

/// What a token is for, told by its `typ` so that one kind is never taken for another (RFC 8725 §3.11).
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Id,
    Access,
}

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Self::Id => "JWT",
            Self::Access => "at+jwt",
        }
    }
}

pub(crate) fn sign(key: &SigningKey, kind: Kind, claims: Map<String, Value>) -> Result<String, Unspecified> {
    let header = json!({ "alg": "RS256", "typ": kind.typ(), "kid": key.kid() });
    let message = format!("{}.{}", part(&header), part(&Value::Object(claims)));
    let signature = key.sign(message.as_bytes())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode_to_string(signature)))
}

/// The claims of a token of this kind signed here; whether it has expired is the caller's question.
pub(crate) fn read(key: &SigningKey, kind: Kind, token: &str) -> Option<Map<String, Value>> {
    let (message, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).ok()?;
    if !key.verifies(message.as_bytes(), &signature) {
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
    use crate::key::SigningKey;
    use serde_json::Map;

    #[test]
    fn a_token_is_read_only_as_its_own_kind_and_by_its_own_key() {
        let key = SigningKey::generate().unwrap();
        let token = sign(&key, Kind::Id, Map::new()).unwrap();
        assert!(read(&key, Kind::Id, &token).is_some());
        assert!(read(&key, Kind::Access, &token).is_none());
        assert!(read(&SigningKey::generate().unwrap(), Kind::Id, &token).is_none());
        assert!(read(&key, Kind::Id, "a.b.c").is_none());
    }
}
