//! ID tokens and logout tokens with the requested faults
//!
//! Without faults, the token is genuine.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::algorithm::SigningAlgorithm;
use crate::der::ecdsa_signature;
use crate::fault::Fault;
use crate::fault::facts::Facts;
use crate::fault::header::{HeaderDraft, Signer};
use crate::fault::signature::Act;
use crate::key::SigningKey;

/// Returns the compact serialisation. It is built from raw parts, so that faults can write any bytes.
pub(crate) fn sign_with_faults(
    faults: &[Fault],
    facts: &Facts<'_>,
    mut claims: Map<String, Value>,
) -> Result<String, Unspecified> {
    for fault in faults {
        match fault {
            Fault::Claim(fault) => fault.apply(&mut claims, facts),
            Fault::Identity(fault) => fault.apply(&mut claims, facts),
            _ => (),
        }
    }
    let payload = build_payload(faults, claims);
    let head = build_header(faults, facts);
    let message = format!("{}.{}", b64(header_json(&head)), b64(payload));
    let mut signature = sign(&head.signer, facts, message.as_bytes())?;
    for_signature(faults, |act| {
        if let Act::Bytes(change) = act {
            change(&mut signature);
        }
    });
    let mut token = format!("{message}.{}", b64(signature));
    for_signature(faults, |act| {
        if let Act::Whole(change) = act {
            token = change(&token);
        }
    });
    Ok(token)
}

/// Returns whether a fault needs an unpublished key.
pub(crate) fn needs_unpublished_key(faults: &[Fault]) -> bool {
    faults.iter().any(|fault| match fault {
        Fault::Header(fault) => fault.needs_unpublished_key(),
        Fault::Signature(fault) => matches!(fault.act(), Act::UnpublishedKey),
        _ => false,
    })
}

fn for_signature(faults: &[Fault], mut apply: impl FnMut(Act)) {
    for fault in faults {
        if let Fault::Signature(fault) = fault {
            apply(fault.act());
        }
    }
}

fn build_payload(faults: &[Fault], claims: Map<String, Value>) -> Vec<u8> {
    let mut payload = Value::Object(claims).to_string().into_bytes();
    for fault in faults {
        if let Fault::Payload(fault) = fault {
            payload = fault.apply(&String::from_utf8_lossy(&payload));
        }
    }
    payload
}

fn build_header(faults: &[Fault], facts: &Facts<'_>) -> HeaderDraft {
    let mut members = Map::new();
    for (name, value) in [("alg", facts.key.algorithm().name()), ("typ", facts.typ), ("kid", facts.key.kid())]
    {
        members.insert(name.to_owned(), json!(value));
    }
    let mut head = HeaderDraft { members, before: "", signer: Signer::Own };
    for_signature(faults, |act| {
        if matches!(act, Act::UnpublishedKey) {
            head.signer = Signer::Unpublished;
        }
    });
    for fault in faults {
        if let Fault::Header(fault) = fault {
            fault.apply(&mut head, facts);
        }
    }
    head
}

fn header_json(head: &HeaderDraft) -> String {
    let json = Value::Object(head.members.clone()).to_string();
    format!("{{{}{}", head.before, json.strip_prefix('{').unwrap_or(&json))
}

fn sign(signer: &Signer, facts: &Facts<'_>, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
    match signer {
        Signer::Own => facts.key.sign(message),
        Signer::Unpublished => facts.unpublished_key.ok_or(Unspecified)?.sign(message),
        Signer::Hmac(secret) => Ok(authenticate(hmac::HMAC_SHA256, secret, message)),
        Signer::HmacSha512(secret) => Ok(authenticate(hmac::HMAC_SHA512, secret, message)),
        Signer::Rsa(other) => facts.key.sign_as(*other, message).or_else(|_| facts.key.sign(message)),
        Signer::Absent => Ok(Vec::new()),
        Signer::Zeros => Ok(vec![0; 64]),
        Signer::EcdsaDer if facts.key.algorithm() == SigningAlgorithm::Es256 => {
            facts.key.sign(message).map(|raw| ecdsa_signature(&raw))
        }
        Signer::EcdsaDer => {
            let any = SigningKey::generate(SigningAlgorithm::Es256)?;
            any.sign(message).map(|raw| ecdsa_signature(&raw))
        }
    }
}

fn authenticate(algorithm: hmac::Algorithm, secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, secret), message).as_ref().to_vec()
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}
