//! Cases of the `OpenID` Foundation's conformance tests for relying parties
//!
//! Each case must be accepted or refused as the suite requires. The test names contain the case numbers of the suite.
//! C and H are from the Basic, Hybrid and Config plans, D is from Discovery, X is from FAPI 2.0.

mod corpus;
mod discovery;
mod faults;
mod id_token;
mod response;

use dev_provider::Fault;

use crate::harness::{Browser, Gateway, Page, Provider, provider};

/// A provider, and a gateway that has loaded its metadata.
struct Scene {
    provider: Provider,
    gateway: Gateway,
}

/// The browser and the last page after a sign-in.
struct End {
    browser: Browser,
    page: Page,
}

impl Scene {
    async fn new(more: &[(&str, &str)]) -> Self {
        let provider = provider().await;
        let gateway = Gateway::with(&provider, more).await;
        Self { provider, gateway }
    }

    /// Signs in while the provider has these faults.
    async fn sign_in(&self, faults: &[&str]) -> End {
        let mut browser = Browser::new();
        let form = browser.open(&self.gateway.url("/oauth2/start?rd=/deep")).await;
        let armed: Vec<Fault> = faults.iter().map(|name| name.parse().unwrap()).collect();
        self.provider.arm_all(&armed);
        let page = browser.sign_in(&form, "testuser", "testuser").await;
        self.provider.release_all();
        End { browser, page }
    }

    /// Returns the number of sign-ins that have ended, with or without success.
    async fn ended(&self) -> u64 {
        let metrics = self.gateway.ops("/metrics").await.body;
        let outcomes =
            metrics.lines().filter_map(|line| line.strip_prefix("foregate_logins_total{outcome=\""));
        let ended = outcomes.filter(|line| !line.starts_with("started"));
        ended.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Signs in with these faults. Expects an error page, one event, no session, no cookie and no further call.
    async fn expect_refusal(&self, faults: &[&str]) {
        let (ended, before) = (self.ended().await, self.provider.observed());
        let End { browser, page } = self.sign_in(faults).await;
        assert!((400..500).contains(&page.status), "{faults:?}: {} {}", page.status, page.body);
        let id = page.body.split_once("id=\"request-id\">").unwrap_or_else(|| panic!("{faults:?}")).1;
        assert!(!id.starts_with('<'), "{faults:?}: the page shows no request ID");
        assert_eq!(browser.cookie_names(), ["dev_provider_sso"], "{faults:?}: no cookie of ours is left");
        assert_eq!(self.ended().await, ended + 1, "{faults:?}: one event");
        let after = self.provider.observed();
        assert_eq!(after.userinfo, before.userinfo, "{faults:?}: no further call");
        assert!(after.token <= before.token + 1, "{faults:?}: the code is sent once");
        assert_eq!(after.elsewhere, 0, "{faults:?}: no request goes to a URL in a token");
        assert!(after.jwks <= before.jwks + 1, "{faults:?}: the keys are requested at most once");
        assert_eq!(self.gateway.ask_as(&browser, "/").await.status, 302, "{faults:?}: no user is signed in");
    }

    /// Signs in with these faults. Expects a session with which the check passes, and returns the answer of the check.
    async fn expect_acceptance(&self, faults: &[&str]) -> crate::harness::HttpReply {
        let End { browser, page } = self.sign_in(faults).await;
        assert!(page.url.path() == "/deep", "{faults:?}: {} {}", page.status, page.body);
        let reply = self.gateway.ask_as(&browser, "/").await;
        assert_eq!(reply.status, 200, "{faults:?}");
        reply
    }
}

/// Expects a refusal with the usual settings.
async fn expect_refusal(fault: &str) {
    Scene::new(&[]).await.expect_refusal(&[fault]).await;
}

/// Expects a session with the usual settings.
async fn expect_acceptance(fault: &str) -> crate::harness::HttpReply {
    Scene::new(&[]).await.expect_acceptance(&[fault]).await
}
