use super::*;

fn user<'a>(email: &'a str, groups: &'a str) -> IdentityRef<'a> {
    IdentityRef { subject: "1", user: "alice", email, groups }
}

fn policy(groups: &[&str], emails: &[&str], domains: &[&str]) -> Policy {
    let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Policy::new(own(groups), own(emails), own(domains))
}

#[test]
fn group_must_be_equal_including_case() {
    let dev = policy(&["dev"], &[], &[]);
    assert_eq!(dev.permits(user("", "ops,dev")), Ok(()));
    for none in ["developers", "Dev", "ops"] {
        assert_eq!(dev.permits(user("", none)), Err(Refusal::Group), "{none}");
    }
    assert_eq!(dev.permits(user("", "")), Err(Refusal::NoGroup));
}

#[test]
fn allowed_address_or_domain_permits_and_subdomains_need_a_leading_dot() {
    let mail = policy(&[], &["Bob@else.test"], &["example.com", ".corp.test"]);
    for yes in ["bob@ELSE.test", "x@Example.com", "x@a.corp.test"] {
        assert_eq!(mail.permits(user(yes, "")), Ok(()), "{yes}");
    }
    for no in ["x@a.example.com", "x@corp.test", "x@evilcorp.test", "x@notexample.com", "x@.corp.test"] {
        assert_eq!(mail.permits(user(no, "")), Err(Refusal::Email), "{no}");
    }
    let refusal = mail.permits(user("", "")).unwrap_err();
    assert!(refusal.to_string().contains("claims.accept_unverified_email"), "{refusal}");
}

#[test]
fn policy_with_two_conditions_requires_both() {
    let both = policy(&["dev"], &[], &["example.com"]);
    assert_eq!(both.permits(user("x@example.com", "ops")), Err(Refusal::Group));
    assert_eq!(both.permits(user("x@else.test", "dev")), Err(Refusal::Email));
    assert_eq!(both.permits(user("x@example.com", "dev")), Ok(()));
}

#[test]
fn unknown_policy_is_an_error_and_default_policy_always_exists() {
    let policies = Policies::new(BTreeMap::new());
    assert_eq!(policies.permit("admin", user("", ""), None), Err(PolicyError::Unknown));
    assert_eq!(policies.permit(DEFAULT, user("", ""), None), Ok(()));
}

fn ops(groups: &[&str]) -> Policies {
    Policies::new([("ops".to_owned(), policy(groups, &[], &[]))].into())
}

#[test]
fn sealed_verdict_counts_only_for_its_own_set_of_policies() {
    let (narrow, wide) = (ops(&["ops"]), ops(&["ops", "dev"]));
    let dev = user("", "dev");
    let sealed = Some(wide.verdicts(dev));
    assert_eq!(wide.permit("ops", user("", "none"), sealed), Ok(()), "the verdict counts");
    assert_eq!(narrow.permit("ops", dev, sealed), Err(PolicyError::Refused(Refusal::Group)));
    assert_eq!(wide.permit("ops", dev, Some(narrow.verdicts(dev))), Ok(()));
    assert_eq!(wide.permit("admin", dev, sealed), Err(PolicyError::Unknown));
}
fn only_on_request(permits: bool) -> Policies {
    let conditions = vec![Condition::OnRequest { permits }];
    Policies::new([("hours".to_owned(), Policy { conditions })].into())
}

#[test]
fn condition_on_request_is_checked_although_sealed_verdict_permits() {
    for (permits, expected) in [(true, Ok(())), (false, Err(PolicyError::Refused(Refusal::Group)))] {
        let policies = only_on_request(permits);
        let forged = PolicyVerdicts { met: u64::MAX, ..policies.verdicts(user("", "")) };
        assert_eq!(policies.permit("hours", user("", ""), Some(forged)), expected);
    }
}

#[test]
fn verdict_of_a_condition_on_request_is_not_sealed() {
    let verdicts = only_on_request(true).verdicts(user("", ""));
    assert_eq!(verdicts.met, 0b01, "default alone, the first by name");
}

#[test]
fn condition_on_request_does_not_exclude_user_from_all_policies() {
    let mut conditions = policy(&["dev"], &[], &[]).conditions;
    conditions.push(Condition::OnRequest { permits: false });
    let hours = Policy { conditions };
    assert!(hours.may_permit(user("", "dev")));
    assert!(!hours.may_permit(user("", "ops")));
}

#[test]
fn verdicts_refuse_only_a_policy_that_the_user_does_not_meet() {
    let policies = ops(&["ops"]);
    let [with, without] = ["ops", "dev"].map(|groups| policies.verdicts(user("", groups)));
    assert!(policies.is_refused("ops", without) && !policies.is_refused("ops", with));
    assert!(!policies.is_refused("default", without));
    assert!(!ops(&["ops", "dev"]).is_refused("ops", without), "a policy that has changed since");
    let hours = only_on_request(false);
    assert!(!hours.is_refused("hours", hours.verdicts(user("", ""))), "depends on the request");
}

#[test]
fn policy_is_lost_only_by_the_refresh_that_took_it_away() {
    let policies = ops(&["ops"]);
    let [with, without] = ["ops", "dev"].map(|groups| policies.verdicts(user("", groups)));
    let lost = without.after(with);
    assert!(policies.was_lost("ops", lost) && !policies.was_lost("default", lost));
    assert_eq!(
        policies.permit("ops", user("", "dev"), Some(lost)),
        Err(PolicyError::Refused(Refusal::Group))
    );
    assert!(!policies.was_lost("ops", without.after(lost)), "the next refresh forgets it");
    assert!(!policies.was_lost("ops", with.after(without)) && !policies.was_lost("ops", without));
    let other = PolicyVerdicts { generation: 7, ..with };
    assert!(!policies.was_lost("ops", without.after(other)), "the operator changed the policies");
    assert!(!ops(&["admin"]).was_lost("ops", lost));
}
