//! Faults of the signature and of the segments of an ID token

use crate::claims::fixture;
use crate::harness::part;
use crate::headers::{public_point, split, token, verifies};

#[tokio::test]
async fn a_wrong_signature_does_not_verify_and_the_next_one_does() {
    let fixture = fixture().await;
    let key = public_point(&fixture).await;
    for (name, length) in [
        ("signature-corrupted", 64),
        ("signature-truncated", 32),
        ("signature-empty", 0),
        ("signature-by-stranger", 64),
    ] {
        let kid = part(&token(&fixture).await, 0).get("kid").cloned();
        fixture.provider.arm(name.parse().unwrap());
        let wrong = token(&fixture).await;
        assert_eq!(split(&wrong).1.len(), length, "{name}");
        assert!(!verifies(&key, &wrong), "{name}");
        assert_eq!(part(&wrong, 0).get("kid"), kid.as_ref(), "{name}");
        assert!(verifies(&key, &token(&fixture).await), "{name}");
    }
}

#[tokio::test]
async fn reshaped_token_contains_a_genuine_token() {
    let fixture = fixture().await;
    let key = public_point(&fixture).await;
    for (name, segments) in
        [("segments-padded", 3), ("segments-whitespace", 3), ("segments-four", 4), ("segments-five", 5)]
    {
        fixture.provider.arm(name.parse().unwrap());
        let odd = token(&fixture).await;
        let parts: Vec<&str> = odd.split('.').collect();
        assert_eq!(parts.len(), segments, "{name}");
        let plain =
            parts.iter().take(3).map(|part| part.trim().trim_end_matches('=')).collect::<Vec<_>>().join(".");
        assert!(odd != plain && verifies(&key, &plain), "{name}");
        assert_eq!(token(&fixture).await.split('.').count(), 3);
    }
}

#[tokio::test]
async fn two_segments_are_header_and_claims() {
    let fixture = fixture().await;
    fixture.provider.arm("segments-two".parse().unwrap());
    let short = token(&fixture).await;
    assert_eq!(short.split('.').count(), 2);
    assert_eq!(part(&short, 1).get("aud").unwrap(), "foregate");
}

#[tokio::test]
async fn trailing_bits_fault_sets_bits_that_a_lax_decoder_drops() {
    let fixture = fixture().await;
    fixture.provider.arm("segments-trailing-bits".parse().unwrap());
    let odd = token(&fixture).await;
    let segment = odd.rsplit('.').next().unwrap();
    assert!(base64_simd::URL_SAFE_NO_PAD.decode_to_vec(segment).is_err());
    let (start, last) = odd.split_at(odd.len() - 1);
    // 64 bytes leave four unused bits: a valid encoding ends with A, Q, g or w.
    assert!(["B", "R", "h", "x"].contains(&last), "{last}");
    let honest = last.replace('B', "A").replace('R', "Q").replace('h', "g").replace('x', "w");
    assert!(verifies(&public_point(&fixture).await, &format!("{start}{honest}")));
}
