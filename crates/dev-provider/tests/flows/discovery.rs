//! Metadata, published keys and the claims of tokens

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::{Fixture, part, text};

#[tokio::test]
async fn every_endpoint_is_below_the_issuer() {
    let fixture = Fixture::new().await;
    let metadata = fixture.get("/.well-known/openid-configuration", &[]).await.json();
    let issuer = fixture.provider.issuer();
    assert_eq!(issuer, format!("http://{}", fixture.provider.address()));
    assert_eq!(text(&metadata, "issuer"), issuer);
    for name in
        ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint"]
    {
        assert!(text(&metadata, name).starts_with(&format!("{issuer}/")), "{name}");
    }
    assert_eq!(metadata.get("code_challenge_methods_supported"), Some(&json!(["S256"])));
    assert_eq!(metadata.get("authorization_response_iss_parameter_supported"), Some(&json!(true)));
    assert_eq!(fixture.provider.observed().discovery, 1);
}

#[tokio::test]
async fn the_id_token_is_signed_by_the_published_key() {
    let fixture = Fixture::new().await;
    let tokens = fixture.tokens().await;
    let keys = fixture.get("/jwks", &[]).await.json();
    let key = keys.pointer("/keys/0").unwrap();
    assert_eq!((text(key, "use"), text(key, "alg"), text(key, "kty")), ("sig", "RS256", "RSA"));
    for name in ["id_token", "access_token"] {
        let token = text(&tokens, name);
        assert_eq!(part(token, 0).get("kid").unwrap(), text(key, "kid"));
        let (message, signature) = token.rsplit_once('.').unwrap();
        let number = |name: &str| URL_SAFE_NO_PAD.decode_to_vec(text(key, name)).unwrap();
        assert_eq!(number("n").len(), 256);
        let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap();
        let public = RsaPublicKeyComponents { n: number("n"), e: number("e") };
        public.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature).unwrap();
    }
}

#[tokio::test]
async fn id_token_has_the_claims_that_core_requires() {
    let fixture = Fixture::new().await;
    let tokens = fixture.tokens().await;
    let claims = Value::Object(part(text(&tokens, "id_token"), 1));
    for name in ["exp", "iat", "auth_time"] {
        assert!(claims.get(name).unwrap().is_u64(), "{name}");
    }
    let hash = digest(&SHA256, text(&tokens, "access_token").as_bytes());
    let half = URL_SAFE_NO_PAD.encode_to_string(hash.as_ref().split_at(16).0);
    let expected =
        [("aud", "foregate"), ("azp", "foregate"), ("nonce", "the-nonce"), ("at_hash", half.as_str())];
    for (name, value) in expected {
        assert_eq!(text(&claims, name), value);
    }
    assert_eq!(text(&claims, "iss"), fixture.provider.issuer());
    assert_eq!(text(&claims, "email"), "testuser@example.com");
    assert_eq!(claims.get("groups"), Some(&json!(["dev", "ops"])));
    assert_eq!((text(&tokens, "token_type"), text(&tokens, "scope")), ("Bearer", "openid profile email"));
}

#[tokio::test]
async fn a_user_without_groups_has_no_groups_claim() {
    let fixture = Fixture::new().await;
    let page = fixture.authorize(&[]).await;
    let code = fixture.submit(&page, "bob", "bob").await.sent_back("code").unwrap();
    let tokens = fixture.redeem(&code).await.json();
    let claims = part(text(&tokens, "id_token"), 1);
    assert_eq!(claims.get("groups"), None);
    assert_eq!(claims.get("email_verified"), Some(&json!(false)));
}

#[tokio::test]
async fn userinfo_accepts_access_tokens_only() {
    let fixture = Fixture::new().await;
    let tokens = fixture.tokens().await;
    let userinfo = fixture.userinfo(text(&tokens, "access_token")).await;
    assert_eq!(text(&userinfo.json(), "preferred_username"), "testuser");
    for wrong in [text(&tokens, "id_token"), "garbage", ""] {
        let refused = fixture.userinfo(wrong).await;
        assert_eq!(refused.status, 401);
        assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
    assert_eq!(fixture.get("/userinfo", &[]).await.status, 401);
}
