//! Do we refuse what the `OpenID` Foundation's tests of relying parties want refused, and accept what they want
//! accepted? The tests carry the suite's cases in their names: C and H from the Basic, Hybrid and Config plans, D from
//! Discovery, X from FAPI 2.0.

mod corpus;
mod discovery;
mod faults;
mod id_token;
mod response;

use dev_provider::Fault;

use crate::harness::{Browser, Gateway, Page, Provider, provider};

/// A provider and a gateway that have met.
struct Scene {
    provider: Provider,
    gateway: Gateway,
}

/// A sign-in that is at its end.
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

    /// Signs in while the provider commits these faults.
    async fn sign_in(&self, faults: &[&str]) -> End {
        let mut browser = Browser::new();
        let form = browser.open(&self.gateway.url("/oauth2/start?rd=/deep")).await;
        let armed: Vec<Fault> = faults.iter().map(|name| name.parse().unwrap()).collect();
        self.provider.arm_all(&armed);
        let page = browser.sign_in(&form, "testuser", "testuser").await;
        self.provider.release_all();
        End { browser, page }
    }

    /// How many sign-ins have ended, well or not.
    async fn ended(&self) -> u64 {
        let metrics = self.gateway.ops("/metrics").await.body;
        let outcomes =
            metrics.lines().filter_map(|line| line.strip_prefix("foregate_logins_total{outcome=\""));
        let ended = outcomes.filter(|line| !line.starts_with("started"));
        ended.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// No session, no cookie, a page that says no, one event, and no further call.
    async fn refuses(&self, faults: &[&str]) {
        let (ended, before) = (self.ended().await, self.provider.observed());
        let End { browser, page } = self.sign_in(faults).await;
        assert!((400..500).contains(&page.status), "{faults:?}: {} {}", page.status, page.body);
        let id = page.body.split_once("id=\"request-id\">").unwrap_or_else(|| panic!("{faults:?}")).1;
        assert!(!id.starts_with('<'), "{faults:?}: the page names no request");
        assert_eq!(browser.cookie_names(), ["dev_provider_sso"], "{faults:?}: no cookie of ours is left");
        assert_eq!(self.ended().await, ended + 1, "{faults:?}: one event");
        let after = self.provider.observed();
        assert_eq!(after.userinfo, before.userinfo, "{faults:?}: no further call");
        assert!(after.token <= before.token + 1, "{faults:?}: the code is sent once");
        assert_eq!(after.elsewhere, 0, "{faults:?}: nobody goes where a token points");
        assert!(after.jwks <= before.jwks + 1, "{faults:?}: keys are looked for once at most");
        assert_eq!(self.gateway.ask_as(&browser, "/").await.status, 302, "{faults:?}: nobody is signed in");
    }

    /// A session with which the check passes.
    async fn accepts(&self, faults: &[&str]) -> crate::harness::Asked {
        let End { browser, page } = self.sign_in(faults).await;
        assert!(page.url.path() == "/deep", "{faults:?}: {} {}", page.status, page.body);
        let asked = self.gateway.ask_as(&browser, "/").await;
        assert_eq!(asked.status, 200, "{faults:?}");
        asked
    }
}

/// Refused with the usual settings.
async fn refused(fault: &str) {
    Scene::new(&[]).await.refuses(&[fault]).await;
}

/// Accepted with the usual settings.
async fn accepted(fault: &str) -> crate::harness::Asked {
    Scene::new(&[]).await.accepts(&[fault]).await
}
