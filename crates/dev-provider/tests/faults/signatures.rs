//! Is a wrong signature wrong, and a wrong shape the shape that was asked for?

use crate::claims::world;
use crate::harness::part;
use crate::headers::{public_point, split, token, verifies};

#[tokio::test]
async fn a_wrong_signature_does_not_verify_and_the_next_one_does() {
    let world = world().await;
    let key = public_point(&world).await;
    for (name, length) in [
        ("signature-corrupted", 64),
        ("signature-truncated", 32),
        ("signature-empty", 0),
        ("signature-by-stranger", 64),
    ] {
        let kid = part(&token(&world).await, 0).get("kid").cloned();
        world.provider.arm(name.parse().unwrap());
        let wrong = token(&world).await;
        assert_eq!(split(&wrong).1.len(), length, "{name}");
        assert!(!verifies(&key, &wrong), "{name}");
        assert_eq!(part(&wrong, 0).get("kid"), kid.as_ref(), "{name}");
        assert!(verifies(&key, &token(&world).await), "{name}");
    }
}

#[tokio::test]
async fn a_token_of_another_shape_is_a_genuine_one_beneath() {
    let world = world().await;
    let key = public_point(&world).await;
    for (name, segments) in
        [("segments-padded", 3), ("segments-whitespace", 3), ("segments-four", 4), ("segments-five", 5)]
    {
        world.provider.arm(name.parse().unwrap());
        let odd = token(&world).await;
        let parts: Vec<&str> = odd.split('.').collect();
        assert_eq!(parts.len(), segments, "{name}");
        let plain =
            parts.iter().take(3).map(|part| part.trim().trim_end_matches('=')).collect::<Vec<_>>().join(".");
        assert!(odd != plain && verifies(&key, &plain), "{name}");
        assert_eq!(token(&world).await.split('.').count(), 3);
    }
}

#[tokio::test]
async fn two_segments_are_header_and_claims() {
    let world = world().await;
    world.provider.arm("segments-two".parse().unwrap());
    let short = token(&world).await;
    assert_eq!(short.split('.').count(), 2);
    assert_eq!(part(&short, 1).get("aud").unwrap(), "foregate");
}

#[tokio::test]
async fn trailing_bits_are_set_where_a_lax_decoder_drops_them() {
    let world = world().await;
    world.provider.arm("segments-trailing-bits".parse().unwrap());
    let odd = token(&world).await;
    let segment = odd.rsplit('.').next().unwrap();
    assert!(base64_simd::URL_SAFE_NO_PAD.decode_to_vec(segment).is_err());
    let (start, last) = odd.split_at(odd.len() - 1);
    // 64 bytes leave four unused bits: A, Q, g and w are the only honest ends.
    assert!(["B", "R", "h", "x"].contains(&last), "{last}");
    let honest = last.replace('B', "A").replace('R', "Q").replace('h', "g").replace('x', "w");
    assert!(verifies(&public_point(&world).await, &format!("{start}{honest}")));
}
