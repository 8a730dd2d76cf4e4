//! Return URLs that must not leave the gateway's origins (threat row 8)

use foregate::access::origin::{Origin, Origins};
use foregate::access::return_to::ReturnTo;
use url::{Url, form_urlencoded};

use crate::harness::{Browser, Gateway, provider};

struct Case {
    becomes: Option<String>,
    text: String,
    why: String,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("../data/return-urls.tsv").lines().filter(|line| !line.starts_with('#'));
    let cases = lines.map(|line| {
        let mut columns = line.split('\t');
        let becomes = columns.next().filter(|becomes| *becomes != "refuse").map(str::to_owned);
        let text = serde_json::from_str(columns.next().unwrap()).unwrap();
        Case { becomes, text, why: columns.next().unwrap().to_owned() }
    });
    cases.collect()
}

fn origin() -> Origin {
    Origin::parse("https://app.test").unwrap()
}

fn allowed() -> Origins {
    Origins::new(vec![origin(), Origin::parse("https://other.test:8443").unwrap()])
}

#[test]
fn each_case_becomes_the_listed_url_or_is_refused() {
    assert!(cases().len() >= 300, "{}", cases().len());
    let mut wrong = Vec::new();
    for Case { becomes, text, why } in cases() {
        let got = ReturnTo::parse(&text, &origin(), &allowed()).map(|found| found.as_str().to_owned());
        if got != becomes {
            wrong.push(format!("{text:?} ({why}): {got:?}, not {becomes:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A browser parses the accepted URL again, and so may the gateway. The URL must stay allowed and unchanged.
#[test]
fn accepted_url_is_unchanged_by_a_second_parse() {
    for Case { text, .. } in cases() {
        let Some(accepted) = ReturnTo::parse(&text, &origin(), &allowed()) else { continue };
        let url = Url::parse(accepted.as_str()).unwrap();
        assert!(allowed().allows_return_to(&url), "{text:?}");
        assert_eq!(url.as_str(), accepted.as_str(), "{text:?}");
        assert_eq!(ReturnTo::parse(accepted.as_str(), &origin(), &allowed()), Some(accepted), "{text:?}");
    }
}

#[tokio::test]
async fn every_case_stays_on_the_own_origin_in_page_start_and_callback() {
    let provider = provider().await;
    let gateway = Gateway::start(&provider).await;
    let home = Url::parse(&gateway.url("/")).unwrap();
    let mut browser = Browser::new();
    let form = browser.open(&gateway.url("/oauth2/start")).await;
    browser.sign_in(&form, "testuser", "testuser").await;
    for (number, Case { text, .. }) in cases().into_iter().enumerate() {
        let text = text.replace("https://app.test", &gateway.url(""));
        let rd: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let page = browser.go(&gateway.url(&format!("/oauth2/sign_in?rd={rd}"))).await;
        let link = page.body.split("href=\"").find(|rest| rest.starts_with("http"));
        let link = link.unwrap_or_else(|| panic!("{text:?}: {} {}", page.status, page.body));
        let link = link.split('"').next().unwrap();
        let link = Url::parse(&link.replace("&#38;", "&").replace("&amp;", "&")).unwrap();
        assert_eq!(link.origin(), home.origin(), "{text:?}");
        let target = link.query_pairs().find(|(name, _)| name == "rd").unwrap().1.into_owned();
        assert_eq!(Url::parse(&target).unwrap().origin(), home.origin(), "{text:?}");
        // Every tenth case is a whole sign-in through the provider.
        if number % 10 == 0 {
            browser.expire_sign_in_marker();
            browser.open(&gateway.url(&format!("/oauth2/start?rd={rd}"))).await;
            let last = browser.visited.last().unwrap();
            assert_eq!(last.origin(), home.origin(), "{text:?}");
            assert_eq!(last.as_str(), Url::parse(&target).unwrap().as_str(), "{text:?}");
        }
    }
}
