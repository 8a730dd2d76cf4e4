//! Does the first command of the first page work for a newcomer?

use crate::harness::{Chromium, Program, Scratch, foregate};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_a_newcomer_their_identity_and_lets_them_go() {
    let scratch = Scratch::new();
    let mut demo = Program::start("demo", foregate().args(["demo", "--port", "0"]), &scratch);
    let address = demo.says("it prints its address", address).await;
    let browser = Chromium::start(None, &scratch).await;

    browser.open(&address).await;
    browser.sign_in("testuser").await;
    let page = browser.text("body").await;
    browser.picture("demo").await;
    for shown in ["X-Forwarded-User", "testuser", "X-Forwarded-Group", "dev", "testuser@example.com"] {
        assert!(page.to_lowercase().contains(&shown.to_lowercase()), "{shown} is not on the page:\n{page}");
    }

    browser.click("#sign-out").await;
    browser.text("form #sign-out").await;
    browser.click("form #sign-out").await;
    browser.gone("form #sign-out").await;
    let cookies = browser.cookies().await;
    assert!(!cookies.iter().any(|cookie| cookie.name().contains("foregate")), "still signed in: {cookies:?}");
}

/// `http://127.0.0.1:PORT/` out of the line that holds it.
fn address(line: &str) -> Option<String> {
    let (port, _) = line.split_once("http://127.0.0.1:")?.1.split_once('/')?;
    port.parse::<u16>().is_ok().then(|| format!("http://127.0.0.1:{port}/"))
}
