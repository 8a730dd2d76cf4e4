//! How does an ID token or a logout token come out with the faults that were asked for, and genuine without any?

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::algorithm::SigningAlgorithm;
use crate::der::ecdsa_signature;
use crate::fault::Fault;
use crate::fault::facts::Facts;
use crate::fault::header::{Head, Signer};
use crate::fault::signature::Act;
use crate::key::SigningKey;

/// The compact serialisation, by way of raw parts so that anything at all can be written.
pub(crate) fn token(
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
    let payload = payload(faults, claims);
    let head = head(faults, facts);
    let message = format!("{}.{}", b64(header(&head)), b64(payload));
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

/// Whether a key that was never published has to be there.
pub(crate) fn wants_stranger(faults: &[Fault]) -> bool {
    faults.iter().any(|fault| match fault {
        Fault::Header(fault) => fault.wants_stranger(),
        Fault::Signature(fault) => matches!(fault.act(), Act::Stranger),
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

fn payload(faults: &[Fault], claims: Map<String, Value>) -> Vec<u8> {
    let mut payload = Value::Object(claims).to_string().into_bytes();
    for fault in faults {
        if let Fault::Payload(fault) = fault {
            payload = fault.apply(&String::from_utf8_lossy(&payload));
        }
    }
    payload
}

fn head(faults: &[Fault], facts: &Facts<'_>) -> Head {
    let mut members = Map::new();
    for (name, value) in [("alg", facts.key.algorithm().name()), ("typ", facts.typ), ("kid", facts.key.kid())]
    {
        members.insert(name.to_owned(), json!(value));
    }
    let mut head = Head { members, before: "", signer: Signer::Own };
    for_signature(faults, |act| {
        if matches!(act, Act::Stranger) {
            head.signer = Signer::Stranger;
        }
    });
    for fault in faults {
        if let Fault::Header(fault) = fault {
            fault.apply(&mut head, facts);
        }
    }
    head
}

fn header(head: &Head) -> String {
    let json = Value::Object(head.members.clone()).to_string();
    format!("{{{}{}", head.before, json.strip_prefix('{').unwrap_or(&json))
}

fn sign(signer: &Signer, facts: &Facts<'_>, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
    match signer {
        Signer::Own => facts.key.sign(message),
        Signer::Stranger => facts.stranger.ok_or(Unspecified)?.sign(message),
        Signer::Hmac(secret) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            Ok(hmac::sign(&key, message).as_ref().to_vec())
        }
        Signer::Sha384 { pss } => facts.key.sign_sha384(*pss, message).or_else(|_| facts.key.sign(message)),
        Signer::Nobody => Ok(Vec::new()),
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

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}
