//! Open redirects
//!
//! `tests/data/return-urls.tsv` has the whole list. These cases happened to other software.

use url::form_urlencoded;

use super::Scene;

/// Signs in with each `rd`, and expects the start page at the end.
async fn expect_start_page(hostile: &[&str]) {
    let mut scene = Scene::new("alice", &[]).await;
    for rd in hostile {
        scene.browser.expire_sign_in_marker();
        let encoded: String = form_urlencoded::byte_serialize(rd.as_bytes()).collect();
        scene.browser.open(&scene.gateway.url(&format!("/oauth2/start?rd={encoded}"))).await;
        assert_eq!(scene.browser.visited.last().unwrap().as_str(), scene.gateway.url("/"), "{rd:?}");
    }
}

#[tokio::test]
async fn cve_2020_5233_backslash_in_return_url_ends_on_start_page() {
    expect_start_page(&["/\\evil.test", "\\evil.test", "/\\/evil.test", "\\\\evil.test"]).await;
}

#[tokio::test]
async fn cve_2020_11053_cve_2020_4037_white_space_ends_on_start_page() {
    expect_start_page(&[
        "/\t/evil.test",
        "/\n/evil.test",
        "/\r\n/evil.test",
        "/\t\\evil.test",
        "/ /evil.test",
    ])
    .await;
}

#[tokio::test]
async fn cve_2021_21291_similar_host_ends_on_start_page() {
    expect_start_page(&["http://127.0.0.1.evil.test/", "http://x127.0.0.1/", "http://127.0.0.1@evil.test/"])
        .await;
}

/// Browsers correct such URLs, and may go to another origin.
#[tokio::test]
async fn cve_2021_32786_ghsa_h924_8g65_j9wg_malformed_url_ends_on_start_page() {
    expect_start_page(&[
        "http:\\\\evil.test",
        "//evil.test",
        "///evil.test",
        "http:/evil.test",
        "@evil.test",
    ])
    .await;
}

#[tokio::test]
async fn cve_2026_81509_cve_2026_83589_cve_2021_39191_other_origin_is_refused() {
    expect_start_page(&[
        "https://evil.test/",
        "http://evil.test",
        "javascript:alert(1)",
        "data:,x",
        "/\\\tevil.test",
    ])
    .await;
}

#[tokio::test]
async fn cve_2017_1000070_state_carries_no_return_url() {
    let mut scene = Scene::new("alice", &[]).await;
    scene.browser.expire_sign_in_marker();
    scene.browser.open(&scene.gateway.url("/oauth2/start?rd=/deep")).await;
    let state = scene.provider.authorization_requests().pop().unwrap()["state"].clone();
    assert!(state.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')), "{state}");
    assert_eq!(state.len(), 43, "256 random bits and nothing else");
}

#[tokio::test]
async fn go_2022_0783_ghsa_fv82_r8qv_ch4v_no_redirect_carries_a_token() {
    let scene = Scene::new("alice", &[]).await;
    let token = scene.ask(&[]).await.header("x-forwarded-id-token").unwrap().to_owned();
    for url in &scene.browser.visited {
        assert!(!url.as_str().contains(&token) && !url.as_str().contains("eyJ"), "{url}");
    }
}
