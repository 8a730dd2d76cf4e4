//! Tests of the rules of `jws` with ID tokens

use super::*;
use crate::provider::accepted::AlgorithmError;

#[test]
fn every_algorithm_accepts_its_signature_and_rejects_a_changed_one() {
    let (p256, p384, p521, ed25519) = (Signer::p256(), Signer::p384(), Signer::p521(), Signer::ed25519());
    for algorithm in Algorithm::ALL {
        let (key, alg) = match algorithm.as_str() {
            "ES256" => (&p256, "ES256"),
            "ES384" => (&p384, "ES384"),
            "ES512" => (&p521, "ES512"),
            "EdDSA" => (&ed25519, "EdDSA"),
            rsa_algorithm => (rsa(), rsa_algorithm),
        };
        let keys = keys(&[key.named("k")]);
        let token = key.token(&header(&json!({"alg": alg})), &claims(&json!({})));
        assert!(verify(&token, &keys, &expected()).is_ok(), "{alg}");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap();
        bytes[20] ^= 1;
        let flipped = format!("{signed}.{}", base64(bytes));
        let result = verify(&flipped, &keys, &expected()).map(|_| ());
        assert_eq!(result, Err(JwsError::WrongSignature.into()), "{alg}");
        let unsigned = verify(&format!("{signed}."), &keys, &expected()).map(|_| ());
        assert_eq!(unsigned, Err(JwsError::WrongSignature.into()), "{alg}");
    }
}

#[test]
fn a_changed_payload_is_refused() {
    let token = rsa().token(&header(&json!({})), &claims(&json!({})));
    let mut parts: Vec<&str> = token.split('.').collect();
    let other = base64(claims(&json!({"sub": "root"})));
    parts[1] = &other;
    let result = verify(&parts.join("."), &keys(&[rsa().named("k")]), &expected());
    refused(result.map(|_| ()), JwsError::WrongSignature);
}

#[test]
fn id_token_with_an_algorithm_not_accepted_is_rejected() {
    for alg in ["none", "None", "NONE"] {
        refused(with_header(&json!({"alg": alg})), JwsError::from(AlgorithmError::Unsigned));
    }
    let shared = AlgorithmError::SharedSecret("HS256".to_owned());
    refused(with_header(&json!({"alg": "HS256"})), JwsError::from(shared));
    for alg in ["rs256", "", "ES256K"] {
        let error = AlgorithmError::NotSupported { found: alg.to_owned() };
        refused(with_header(&json!({"alg": alg})), JwsError::from(error));
    }
    for alg in [json!(null), json!(["RS256"])] {
        refused(with_header(&json!({"alg": alg})), JwsError::from(AlgorithmError::Missing));
    }
    let token = rsa().token(&header(&json!({})), &claims(&json!({})));
    let accepted = Accepted::new(Some(&[Algorithm::Es256]), None);
    let result = jws::verify(&token, &keys(&[rsa().named("k")]), &accepted, TYPES);
    assert!(matches!(
        result,
        Err(JwsError::AlgorithmNotAccepted(AlgorithmError::NotConfigured { found: Algorithm::Rs256, .. }))
    ));
}

#[test]
fn a_token_without_signature_is_refused() {
    let head = base64(header(&json!({"alg": "none"})));
    let token = format!("{head}.{}.", base64(claims(&json!({}))));
    let result = verify(&token, &keys(&[rsa().named("k")]), &expected());
    refused(result.map(|_| ()), JwsError::from(AlgorithmError::Unsigned));
}

#[test]
fn an_algorithm_does_not_reinterpret_a_key() {
    refused(with_header(&json!({"alg": "ES256"})), JwsError::UnknownKey);
    let pinned = with(&rsa().named("k"), &json!({"alg": "RS256"}));
    let token = rsa().token(&header(&json!({"alg": "PS256"})), &claims(&json!({})));
    refused(verify(&token, &keys(&[pinned]), &expected()).map(|_| ()), JwsError::UnknownKey);
}

#[test]
fn key_in_the_token_header_is_not_used() {
    let mine = Signer::p256();
    let evil = "https://evil.example/jwks";
    let brought =
        json!({"alg": "ES256", "kid": null, "jwk": mine.jwk(), "jku": evil, "x5u": evil, "x5c": ["MIIB"]});
    let head = header(&brought);
    let token = mine.token(&head, &claims(&json!({})));
    let others = keys(&[Signer::p256().named("k"), Signer::p256().named("l")]);
    refused(verify(&token, &others, &expected()).map(|_| ()), JwsError::NoKeyVerifies);
}

#[test]
fn kid_selects_only_its_key() {
    refused(with_header(&json!({"kid": "other"})), JwsError::UnknownKey);
    refused(with_header(&json!({"kid": 7})), JwsError::BadHeader);
    let two = keys(&[Signer::p256().named("a"), rsa().named("b"), with(&rsa().jwk(), &json!({"kid": "c"}))]);
    let token = rsa().token(&header(&json!({"kid": "a"})), &claims(&json!({})));
    refused(verify(&token, &two, &expected()).map(|_| ()), JwsError::UnknownKey);
}

#[test]
fn token_without_kid_is_verified_with_every_matching_key() {
    let signer = Signer::p256();
    let token = signer.token(&header(&json!({"alg": "ES256", "kid": null})), &claims(&json!({})));
    let with_others = keys(&[rsa().named("a"), Signer::p256().named("b"), signer.named("c")]);
    assert!(verify(&token, &with_others, &expected()).is_ok());
    let mut many: Vec<Value> = (0..8).map(|_| Signer::p256().jwk()).collect();
    many.push(signer.jwk());
    let result = verify(&token, &keys(&many), &expected());
    refused(result.map(|_| ()), JwsError::NoKeyVerifies);
}

#[test]
fn token_with_a_critical_extension_is_rejected() {
    refused(with_header(&json!({"crit": ["exp"], "exp": 1})), JwsError::CriticalExtension);
    refused(with_header(&json!({"crit": []})), JwsError::CriticalExtension);
    let null = r#"{"alg":"RS256","kid":"k","crit":null}"#;
    assert_eq!(refusal(null, &claims(&json!({}))), JwsError::CriticalExtension.into());
}

#[test]
fn token_with_typ_of_another_kind_is_rejected() {
    for typ in ["logout+jwt", "at+jwt", "application/at+jwt", "JOSE", ""] {
        refused(with_header(&json!({"typ": typ})), JwsError::WrongType);
    }
    refused(with_header(&json!({"typ": ["JWT"]})), JwsError::WrongType);
    assert_eq!(with_header(&json!({"typ": "jwt"})), Ok(()));
    assert_eq!(with_header(&json!({"typ": null})), Ok(()));
}

#[test]
fn token_that_is_not_three_base64url_parts_is_rejected() {
    let token = rsa().token(&header(&json!({})), &claims(&json!({})));
    let parts: Vec<&str> = token.split('.').collect();
    let other = [
        String::new(),
        "a".to_owned(),
        parts[..2].join("."),
        format!("{token}."),
        format!("{token}.{}", parts[2]),
        format!("{token}="),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{token}!"),
    ];
    for token in other {
        let result = verify(&token, &keys(&[rsa().named("k")]), &expected()).map(|_| ());
        assert_eq!(result, Err(JwsError::NotCompact.into()), "{token}");
    }
}

#[test]
fn token_header_that_is_no_object_is_rejected() {
    for head in ["[]", "", "null", "\"RS256\"", r#"{"alg":"RS256","alg":"RS256","kid":"k"}"#] {
        assert_eq!(refusal(head, &claims(&json!({}))), JwsError::BadHeader.into(), "{head}");
    }
}

#[test]
fn a_token_of_more_than_64_kib_is_refused() {
    let filler = |size: usize| json!({"filler": "x".repeat(size)});
    assert_eq!(with_claims(&filler(40_000)), Ok(()));
    refused(with_claims(&filler(70_000)), JwsError::TooLong);
}
