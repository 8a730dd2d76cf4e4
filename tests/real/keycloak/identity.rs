//! Does the application learn exactly who it is, and can it check that for itself?

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{open, open_with, shown, type_in};
use crate::harness::user;

fn decoded(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode_to_vec(part).unwrap()
}

/// The claims of an RS256 token that one of the published keys signed.
fn verified(token: &str, keys: &Value) -> Value {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decoded(header)).unwrap();
    assert_eq!(header["alg"], "RS256");
    let key =
        keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).expect("the key");
    let part = |member: &str| decoded(key[member].as_str().unwrap());
    let key = RsaPublicKeyComponents { n: part("n"), e: part("e") };
    key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decoded(signature))
        .expect("a signature of Keycloak's");
    serde_json::from_slice(&decoded(payload)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_gets_the_exact_identity_and_a_token_that_keycloak_signed() {
    let stage = open().await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/whoami")).await;
    type_in(&browser, "testuser", "testuser").await;
    let seen = shown(&browser).await;

    assert_eq!(seen.one("x-forwarded-user"), "testuser");
    assert_eq!(seen.one("x-forwarded-email"), "testuser@example.test");
    assert_eq!(seen.one("x-forwarded-group"), "/dev,/ops");
    let token = seen.one("x-forwarded-id-token");
    assert_eq!(seen.one("authorization"), format!("Bearer {token}"));
    let claims = verified(token, &stage.provider().published_keys().await);
    assert_eq!(claims["iss"], stage.provider().issuer());
    assert_eq!(claims["aud"], "foregate");
    assert_eq!(claims["preferred_username"], "testuser");
    assert_eq!(claims["groups"], json!(["/dev", "/ops"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_hundred_groups_arrives_with_all_of_them() {
    let names: Vec<String> = (0..100).map(|number| format!("team-project-{number:03}")).collect();
    let mut paths: Vec<String> = names.iter().map(|name| format!("/{name}")).collect();
    paths.push("/dev".to_owned());
    let crowd = |realm: &mut Value| {
        let mut groups: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        groups.push(json!({ "name": "dev" }));
        realm["groups"] = groups.into();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        realm["users"] = json!([user("many", &paths)]);
    };
    let stage = open_with(crowd, "").await;
    let browser = stage.chromium().await;

    browser.open(&stage.url("/whoami")).await;
    type_in(&browser, "many", "many").await;
    let seen = shown(&browser).await;

    let mut arrived: Vec<&str> = seen.one("x-forwarded-group").split(',').collect();
    arrived.sort_unstable();
    paths.sort_unstable();
    assert_eq!(arrived, paths);
    let claims = verified(seen.one("x-forwarded-id-token"), &stage.provider().published_keys().await);
    assert_eq!(claims["groups"].as_array().unwrap().len(), 101);
    let cookies = browser.cookies().await;
    let parts = cookies.iter().filter(|cookie| cookie.name().starts_with("__Host-foregate")).count();
    assert!(parts > 1, "the session fits {parts} cookie, so this shows nothing about parts");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_groups_arrive_as_they_are_written_and_one_with_a_comma_not_at_all() {
    let change = |realm: &mut Value| {
        let names = ["dev", "sales & marketing", "größe", "x,admin"];
        realm["groups"] = names.iter().map(|name| json!({ "name": name })).collect();
        realm["users"] = json!([user("alice", &["/dev", "/sales & marketing", "/größe", "/x,admin"])]);
    };
    let stage = open_with(change, "").await;

    let caller = stage.caller("alice").await;
    caller.get("/whoami", &[]).await;
    let told = caller.get("/oauth2/userinfo", &[]).await;

    // A comma would make two groups of one, and the second could be anybody's.
    let expected = "/dev,/größe,/sales & marketing";
    assert_eq!(stage.arrived("/whoami")[0].one("x-forwarded-group"), expected);
    let told: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(told["groups"], json!(expected.split(',').collect::<Vec<_>>()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_verified_does_not_arrive() {
    let change = |realm: &mut Value| realm["users"][0]["emailVerified"] = false.into();
    let stage = open_with(change, "").await;

    let caller = stage.caller("testuser").await;
    caller.get("/whoami", &[]).await;

    let seen = stage.arrived("/whoami").remove(0);
    assert_eq!(seen.one("x-forwarded-user"), "testuser");
    assert_eq!(seen.all("x-forwarded-email").concat(), "");
}
