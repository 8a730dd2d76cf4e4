//! Members of a refresh response that are missing, unused, or of a wrong type

use super::scene::{DUE, DUE_TO_EXPIRED, counter, poll, short_lived, signed_in_browser};
use crate::harness::{Browser, Gateway, Provider, until};

/// Faults of members that a refresh does not use, or can do without.
const HARMLESS: [&str; 14] = [
    "token-scope-list",
    "token-scope-missing",
    "token-extra-members",
    "token-expires-in-missing",
    "token-expires-in-text",
    "token-expires-in-null",
    "token-expires-in-fraction",
    "token-expires-in-negative",
    "token-expires-in-huge",
    "token-refresh-expires-in-missing",
    "token-refresh-expires-in-zero",
    "token-refresh-token-null",
    "token-refresh-token-empty",
    "token-id-token-null",
];

/// Signs in, refreshes with a fault, and waits for the outcome. A poll passes before and after the refresh.
async fn refresh_with(
    fault: &str,
    (provider, gateway): (&Provider, &Gateway),
    (outcome, count): (&str, u64),
) -> Browser {
    let browser = signed_in_browser(gateway).await;
    provider.arm_at_refresh(&[fault.parse().unwrap()]);
    provider.clock.advance(DUE);
    assert_eq!(poll(gateway, &browser).await.status, 200, "{fault}");
    let name = format!("foregate_refreshes_total{{outcome=\"{outcome}\"}}");
    until(&format!("{fault}: {outcome}"), async || counter(gateway, &name).await == count).await;
    assert_eq!(poll(gateway, &browser).await.status, 200, "{fault}");
    browser
}

#[tokio::test]
async fn unusual_member_that_is_not_needed_does_not_end_the_session() {
    let provider = short_lived().await;
    let gateway = Gateway::start(&provider).await;
    for (count, fault) in (1..).zip(HARMLESS) {
        let browser = refresh_with(fault, (&provider, &gateway), ("renewed", count)).await;
        provider.clock.advance(DUE_TO_EXPIRED);
        assert_eq!(poll(&gateway, &browser).await.status, 200, "{fault}: with the new tokens");
    }
    assert_eq!(provider.observed().reuse_violations, 0);
}

/// The provider has redeemed the refresh token, and the gateway does not know the new tokens.
#[tokio::test]
async fn token_of_a_wrong_type_leaves_the_session_until_its_tokens_expire() {
    let provider = short_lived().await;
    let gateway = Gateway::start(&provider).await;
    let faults = ["token-access-token-number", "token-refresh-token-number", "token-id-token-number"];
    for (count, fault) in (1..).zip(faults) {
        refresh_with(fault, (&provider, &gateway), ("outcome_unknown", count)).await;
    }
    assert_eq!(provider.observed().reuse_violations, 0, "no token is sent again");
}
