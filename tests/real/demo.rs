//! The demo, which is the first command on the first page of the documentation

use crate::harness::{Chromium, Program, Scratch, foregate};

#[tokio::test(flavor = "multi_thread")]
async fn demo_shows_the_identity_and_signs_the_user_out() {
    let scratch = Scratch::new();
    let mut demo = Program::start("demo", foregate().args(["demo", "--port", "0"]), &scratch);
    let address = demo.wait_for_line("it printed its address", demo_url).await;
    let browser = Chromium::start(None, &scratch).await;

    browser.open(&address).await;
    browser.sign_in("testuser").await;
    let page = browser.text("body").await;
    browser.take_screenshots("demo").await;
    for shown in ["X-Forwarded-User", "testuser", "X-Forwarded-Group", "dev", "testuser@example.com"] {
        assert!(
            page.to_lowercase().contains(&shown.to_lowercase()),
            "the page does not contain {shown}:\n{page}"
        );
    }

    browser.click("#sign-out").await;
    browser.text("form #sign-out").await;
    browser.click("form #sign-out").await;
    browser.wait_until_gone("form #sign-out").await;
    let cookies = browser.cookies().await;
    assert!(!cookies.iter().any(|cookie| cookie.name().contains("foregate")), "still signed in: {cookies:?}");
}

/// Returns the URL `http://127.0.0.1:PORT/` of a line that contains it.
fn demo_url(line: &str) -> Option<String> {
    let (port, _) = line.split_once("http://127.0.0.1:")?.1.split_once('/')?;
    port.parse::<u16>().is_ok().then(|| format!("http://127.0.0.1:{port}/"))
}
