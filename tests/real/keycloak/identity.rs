//! Identity headers and the ID token that the application receives

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{open, open_with, shown_request, submit_login};
use crate::harness::user;

fn decode_base64(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode_to_vec(part).unwrap()
}

/// Verifies an RS256 token with the published keys and returns its claims.
fn verify_token(token: &str, keys: &Value) -> Value {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode_base64(header)).unwrap();
    assert_eq!(header["alg"], "RS256");
    let key = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == header["kid"])
        .expect("the key is published");
    let part = |member: &str| decode_base64(key[member].as_str().unwrap());
    let key = RsaPublicKeyComponents { n: part("n"), e: part("e") };
    key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decode_base64(signature))
        .expect("the signature is valid");
    serde_json::from_slice(&decode_base64(payload)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn application_gets_the_exact_identity_and_a_token_of_keycloak() {
    let setup = open().await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/whoami")).await;
    submit_login(&browser, "testuser", "testuser").await;
    let received = shown_request(&browser).await;

    assert_eq!(received.value("x-forwarded-user"), "testuser");
    assert_eq!(received.value("x-forwarded-email"), "testuser@example.test");
    assert_eq!(received.value("x-forwarded-group"), "/dev,/ops");
    let token = received.value("x-forwarded-id-token");
    assert_eq!(received.value("authorization"), format!("Bearer {token}"));
    let claims = verify_token(token, &setup.provider().published_keys().await);
    assert_eq!(claims["iss"], setup.provider().issuer());
    assert_eq!(claims["aud"], "foregate");
    assert_eq!(claims["preferred_username"], "testuser");
    assert_eq!(claims["groups"], json!(["/dev", "/ops"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_hundred_groups_reach_the_application() {
    let names: Vec<String> = (0..100).map(|number| format!("team-project-{number:03}")).collect();
    let mut paths: Vec<String> = names.iter().map(|name| format!("/{name}")).collect();
    paths.push("/dev".to_owned());
    let change = |realm: &mut Value| {
        let mut groups: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        groups.push(json!({ "name": "dev" }));
        realm["groups"] = groups.into();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        realm["users"] = json!([user("many", &paths)]);
    };
    let setup = open_with(change, "").await;
    let browser = setup.chromium().await;

    browser.open(&setup.url("/whoami")).await;
    submit_login(&browser, "many", "many").await;
    let received = shown_request(&browser).await;

    let mut arrived: Vec<&str> = received.value("x-forwarded-group").split(',').collect();
    arrived.sort_unstable();
    paths.sort_unstable();
    assert_eq!(arrived, paths);
    let claims =
        verify_token(received.value("x-forwarded-id-token"), &setup.provider().published_keys().await);
    assert_eq!(claims["groups"].as_array().unwrap().len(), 101);
    let cookies = browser.cookies().await;
    let parts = cookies.iter().filter(|cookie| cookie.name().starts_with("__Host-foregate")).count();
    assert!(parts > 1, "the session has {parts} cookie, so the test does not cover several parts");
}

#[tokio::test(flavor = "multi_thread")]
async fn group_names_arrive_unchanged_and_a_name_with_a_comma_is_omitted() {
    let change = |realm: &mut Value| {
        let names = ["dev", "sales & marketing", "größe", "x,admin"];
        realm["groups"] = names.iter().map(|name| json!({ "name": name })).collect();
        realm["users"] = json!([user("alice", &["/dev", "/sales & marketing", "/größe", "/x,admin"])]);
    };
    let setup = open_with(change, "").await;

    let client = setup.signed_in_client("alice").await;
    client.get("/whoami", &[]).await;
    let userinfo = client.get("/oauth2/userinfo", &[]).await;

    // A comma would split one group into two, and the second could be the name of another group.
    let expected = "/dev,/größe,/sales & marketing";
    assert_eq!(setup.requests_to("/whoami")[0].value("x-forwarded-group"), expected);
    let userinfo: Value = serde_json::from_str(&userinfo.body).unwrap();
    assert_eq!(userinfo["groups"], json!(expected.split(',').collect::<Vec<_>>()));
}

#[tokio::test(flavor = "multi_thread")]
async fn unverified_email_does_not_reach_the_application() {
    let change = |realm: &mut Value| realm["users"][0]["emailVerified"] = false.into();
    let setup = open_with(change, "").await;

    let client = setup.signed_in_client("testuser").await;
    client.get("/whoami", &[]).await;

    let received = setup.requests_to("/whoami").remove(0);
    assert_eq!(received.value("x-forwarded-user"), "testuser");
    assert_eq!(received.values("x-forwarded-email").concat(), "");
}
