//! The identity after a refresh

use super::*;
use crate::access::claims::{Claim, Claims};
use crate::flow::testing::claims_of;

/// Refreshes one session with an ID token of these claims, and returns the calls after the provider's answer.
async fn calls_with(claims: Claims) -> Vec<String> {
    let fakes = Fakes::new();
    fakes.provider.will_answer(|| {
        let mut new = refreshed();
        new.id_token.as_mut().unwrap().claims = claims;
        Ok(new)
    });
    calls_of_one_refresh(&fakes, SETTINGS).await.split_off(2)
}

/// The claims of a user without a name and groups, and more claims.
fn nameless<const N: usize>(more: [(&str, Claim); N]) -> Claims {
    let subject = ("sub".to_owned(), Claim::Text("1".to_owned()));
    more.into_iter().map(|(name, claim)| (name.to_owned(), claim)).chain([subject]).collect()
}

fn text(value: &str) -> Claim {
    Claim::Text(value.to_owned())
}

#[tokio::test]
async fn new_user_is_evaluated_against_the_policies() {
    let calls = calls_with(claims_of("alice", "ops")).await;
    assert_eq!(calls[0], "commit second alice in ops meets 0 at 0");
}

#[tokio::test]
async fn claim_invalid_in_a_header_is_omitted_and_recorded() {
    let calls = calls_with(claims_of("alice", "cn=dev,ou=ops")).await;
    let expected = ["audit left out groups of 1 at Refresh", "commit second alice in  meets 0 at 0"];
    assert_eq!(calls[..2], expected);
}

#[tokio::test]
async fn id_token_that_is_silent_on_the_user_changes_no_identity() {
    let calls = calls_with(nameless([("sid", text("s")), ("exp", Claim::Integer(1))])).await;
    assert_eq!(calls, ["commit second no user at 0", "audit renewed 1"]);
}

#[tokio::test]
async fn id_token_without_the_user_but_with_other_claims_ends_the_session() {
    let names = Claim::Object([("groups".to_owned(), text("src1"))].into());
    for claim in [
        ("groups", Claim::List(vec![])),
        ("groups", text("dev")),
        ("email", text("alice@example.com")),
        ("email_verified", Claim::Flag(false)),
        // A user can remove the claim of their name at some providers, to keep groups that the provider took away.
        ("name", text("Alice")),
        ("preferred_username", Claim::Null),
        ("preferred_username", Claim::List(vec![text("alice")])),
        ("hasgroups", Claim::Flag(true)),
        ("_claim_names", names),
    ] {
        let what = format!("{claim:?}");
        let calls = calls_with(nameless([claim])).await;
        assert_eq!(calls, ["release SessionEnded", "audit configuration 1"], "{what}");
    }
}

#[tokio::test]
async fn user_that_a_header_cannot_carry_ends_the_session() {
    let calls = calls_with(claims_of("alice ", "dev")).await;
    assert_eq!(calls, ["release SessionEnded", "audit provider_misbehaved 1"]);
}

#[tokio::test]
async fn absent_groups_of_a_named_user_are_no_groups() {
    let calls = calls_with(nameless([("preferred_username", text("alice"))])).await;
    assert_eq!(calls, ["commit second alice in  meets 0 at 0", "audit renewed 1"]);
}

#[tokio::test]
async fn unknown_groups_are_reported_and_no_old_group_is_kept() {
    let claims = nameless([("preferred_username", text("alice")), ("hasgroups", Claim::Flag(true))]);
    let calls = calls_with(claims).await;
    let expected = ["hint groups unknown 1", "commit second alice in  meets 0 at 0", "audit renewed 1"];
    assert_eq!(calls, expected);
}
