use super::*;
use crate::access::policy::Policy;

fn text(value: &str) -> Claim {
    Claim::Text(value.to_owned())
}

fn list(values: &[&str]) -> Claim {
    Claim::List(values.iter().map(|value| text(value)).collect())
}

fn rules(groups: &[&str]) -> ClaimRules {
    ClaimRules {
        user: ClaimPath::parse("preferred_username").unwrap(),
        email: ClaimPath::parse("email").unwrap(),
        groups: groups.iter().map(|path| ClaimPath::parse(path).unwrap()).collect(),
        strip_group_slash: false,
        accept_unverified_email: false,
    }
}

fn alice(more: &[(&str, Claim)]) -> Claims {
    let mut claims = Claims::from([("preferred_username".to_owned(), text("alice"))]);
    claims.extend(more.iter().map(|(name, claim)| ((*name).to_owned(), claim.clone())));
    claims
}

#[test]
fn groups_are_read_from_each_path_and_a_string_is_a_list_of_one() {
    let realm = Claims::from([("roles".to_owned(), list(&["admin"]))]);
    let claims = alice(&[("groups", text("dev")), ("realm_access", Claim::Object(realm))]);
    let (identity, omitted) =
        rules(&["groups", "/realm_access/roles", "absent.path"]).identity("1", &claims).unwrap();
    assert_eq!(identity.as_ref().groups, "dev,admin");
    assert_eq!(omitted, []);
}

#[test]
fn group_that_a_header_cannot_carry_is_omitted_and_reported() {
    let claims = alice(&[("groups", list(&["dev", "a,system:masters"]))]);
    let (identity, omitted) = rules(&["groups"]).identity("1", &claims).unwrap();
    assert_eq!(identity.as_ref().groups, "dev");
    assert_eq!(omitted[0].why, InvalidHeaderText::Separator.into());
}

#[test]
fn leading_slash_of_a_group_is_removed_only_if_configured() {
    let claims = alice(&[("groups", list(&["/dev", "ops", "/a/b", "//c", "/"]))]);
    let with_slash = rules(&["groups"]);
    let (identity, omitted) = with_slash.identity("1", &claims).unwrap();
    assert_eq!((identity.as_ref().groups, omitted.len()), ("/dev,ops,/a/b,//c,/", 0));
    let without = ClaimRules { strip_group_slash: true, ..with_slash };
    let (identity, omitted) = without.identity("1", &claims).unwrap();
    assert_eq!((identity.as_ref().groups, omitted.len()), ("dev,ops,a/b,/c", 1));
}

#[test]
fn groups_that_the_provider_omits_are_unknown() {
    let names = |name: &str| Claim::Object(Claims::from([(name.to_owned(), text("src1"))]));
    let unknown = |paths: &[&str], more: &[(&str, Claim)]| rules(paths).groups_are_unknown(&alice(more));
    assert!(unknown(&["groups"], &[("_claim_names", names("groups"))]));
    assert!(unknown(&["realm.roles"], &[("_claim_names", names("realm"))]));
    assert!(unknown(&["roles", "groups"], &[("roles", list(&[])), ("hasgroups", Claim::Flag(true))]));
    assert!(unknown(&["groups"], &[("hasgroups", text("true"))]));
    assert!(!unknown(&["groups"], &[]), "no groups are no unknown groups");
    assert!(!unknown(&["groups"], &[("hasgroups", Claim::Flag(false))]));
    assert!(!unknown(&["groups"], &[("_claim_names", names("address"))]));
    assert!(!unknown(&["roles"], &[("_claim_names", names("groups")), ("hasgroups", Claim::Flag(true))]));
    assert!(!unknown(&["groups"], &[("_claim_names", names("groups")), ("groups", list(&["dev"]))]));
}

/// The rules that read every field from this path.
fn all_from(path: &str) -> ClaimRules {
    let path = || ClaimPath::parse(path).unwrap();
    ClaimRules { user: path(), email: path(), groups: vec![path()], ..rules(&[]) }
}

const ADDRESS: &str = "boss@example.com";

type Claimed = (&'static str, Claim);

/// Claims that accompany `email`, and whether `email` then counts.
fn accompanied() -> [(&'static str, Vec<Claimed>, bool); 7] {
    [
        ("nothing", vec![], false),
        ("false", vec![("email_verified", Claim::Flag(false))], false),
        ("text false", vec![("email_verified", text("false"))], false),
        ("a number", vec![("email_verified", Claim::Other)], false),
        ("another's flag", vec![("phone_number_verified", Claim::Flag(true))], false),
        ("true", vec![("email_verified", Claim::Flag(true))], true),
        ("text true", vec![("email_verified", text("true"))], true),
    ]
}

#[test]
fn unverified_email_is_rejected_as_user_name() {
    for (what, more, counts) in accompanied() {
        let claims = alice(&[&[("email", text(ADDRESS))], &more[..]].concat());
        for email in ["email", "upn"] {
            let rules = ClaimRules {
                user: ClaimPath::parse("email").unwrap(),
                email: ClaimPath::parse(email).unwrap(),
                ..rules(&[])
            };
            let identity = rules.identity("1", &claims).map(|(identity, _)| identity);
            let user = identity.as_ref().map(|identity| identity.as_ref().user);
            let expected =
                if counts { Ok(ADDRESS) } else { Err(&ClaimError::UnverifiedUser(Unverified::Email)) };
            assert_eq!(user, expected, "{what}, claims.email = {email}");
        }
    }
    let accepted = ClaimRules { accept_unverified_email: true, ..all_from("email") };
    let claims = alice(&[("email", text(ADDRESS))]);
    assert_eq!(accepted.identity("1", &claims).unwrap().0.as_ref().user, ADDRESS);
    let why = all_from("email").identity("1", &claims).unwrap_err().to_string();
    assert!(why.contains("email_verified") && why.contains("claims.accept_unverified_email = true"), "{why}");
}

#[test]
fn unverified_email_is_no_address_and_meets_no_policy() {
    let policy = Policy::new(vec![], vec![ADDRESS.to_owned()], vec!["example.com".to_owned()]);
    for (what, more, counts) in accompanied() {
        let claims = alice(&[&[("email", text(ADDRESS))], &more[..]].concat());
        let (identity, _) = rules(&[]).identity("1", &claims).unwrap();
        assert_eq!(identity.as_ref().email, if counts { ADDRESS } else { "" }, "{what}");
        assert_eq!(policy.permits(identity.as_ref()).is_ok(), counts, "{what}");
    }
}

#[test]
fn unverified_email_is_no_group() {
    let policy = Policy::new(vec![ADDRESS.to_owned()], vec![], vec![]);
    for (what, more, counts) in accompanied() {
        let claims = alice(&[&[("email", text(ADDRESS)), ("groups", list(&["dev"]))], &more[..]].concat());
        let (identity, omitted) = rules(&["email", "groups"]).identity("1", &claims).unwrap();
        assert_eq!(identity.as_ref().groups, if counts { "boss@example.com,dev" } else { "dev" }, "{what}");
        assert_eq!(policy.permits(identity.as_ref()).is_ok(), counts, "{what}");
        let why = omitted.first().map(|one| one.why);
        assert_eq!(why, (!counts).then_some(Unverified::Email.into()), "{what}");
    }
}

#[test]
fn unverified_phone_number_is_neither_user_name_nor_group() {
    let phone = |more: &[(&str, Claim)]| alice(&[&[("phone_number", text("+1 555 0100"))], more].concat());
    let verified = ("phone_number_verified", Claim::Flag(true));
    let user = ClaimRules { user: ClaimPath::parse("phone_number").unwrap(), ..rules(&["phone_number"]) };
    for more in [&[][..], &[("email_verified", Claim::Flag(true))]] {
        let refused = user.identity("1", &phone(more)).unwrap_err();
        assert_eq!(refused, ClaimError::UnverifiedUser(Unverified::PhoneNumber));
        let (identity, omitted) = rules(&["phone_number"]).identity("1", &phone(more)).unwrap();
        assert_eq!((identity.as_ref().groups, omitted.len()), ("", 1));
    }
    let addresses = ClaimRules { accept_unverified_email: true, ..user.clone() };
    assert!(addresses.identity("1", &phone(&[])).is_err(), "the setting is about addresses");
    let (identity, _) = user.identity("1", &phone(&[verified])).unwrap();
    assert_eq!((identity.as_ref().user, identity.as_ref().groups), ("+1 555 0100", "+1 555 0100"));
}

#[test]
fn address_in_a_nested_claim_needs_the_setting() {
    let traits = Claims::from([("email".to_owned(), list(&[ADDRESS])), ("Mail".to_owned(), text(ADDRESS))]);
    let claims = alice(&[("traits", Claim::Object(traits)), ("email_verified", Claim::Flag(true))]);
    let user = ClaimRules { user: ClaimPath::parse("traits.Mail").unwrap(), ..rules(&["/traits/email"]) };
    let refused = user.identity("1", &claims).unwrap_err();
    assert_eq!(refused, ClaimError::UnverifiedUser(Unverified::OtherEmail));
    let (identity, omitted) = rules(&["/traits/email"]).identity("1", &claims).unwrap();
    assert_eq!((identity.as_ref().groups, omitted.len()), ("", 1));
    let accepted = ClaimRules { accept_unverified_email: true, ..user };
    let (identity, _) = accepted.identity("1", &claims).unwrap();
    assert_eq!((identity.as_ref().user, identity.as_ref().groups), (ADDRESS, ADDRESS));
    let pointer = ClaimRules { user: ClaimPath::parse("/email").unwrap(), ..rules(&[]) };
    let refused = pointer.identity("1", &alice(&[("email", text(ADDRESS))])).unwrap_err();
    assert_eq!(refused, ClaimError::UnverifiedUser(Unverified::Email), "another spelling of the same path");
}

#[test]
fn email_verified_verifies_no_other_claim() {
    let claims = alice(&[("upn", text("ceo@example.com")), ("email_verified", Claim::Flag(true))]);
    let by_upn = ClaimRules { email: ClaimPath::parse("upn").unwrap(), ..rules(&["upn"]) };
    let (identity, omitted) = by_upn.identity("1", &claims).unwrap();
    assert_eq!((identity.as_ref().email, identity.as_ref().groups, omitted.len()), ("", "", 1));
    let refused = all_from("upn").identity("1", &claims).unwrap_err();
    assert_eq!(refused, ClaimError::UnverifiedUser(Unverified::OtherEmail));
    let accepted = ClaimRules { accept_unverified_email: true, ..all_from("upn") };
    let (identity, _) = accepted.identity("1", &claims).unwrap();
    assert_eq!((identity.as_ref().user, identity.as_ref().email), ("ceo@example.com", "ceo@example.com"));
}

#[test]
fn absent_user_claim_is_named_by_its_path() {
    for path in ["upn", "realm_access.name", "/a.b/c~1d~0e"] {
        let absent = ClaimRules { user: ClaimPath::parse(path).unwrap(), ..rules(&[]) };
        let error = absent.identity("1", &alice(&[])).unwrap_err();
        assert!(error.to_string().contains(&format!("`{path}` (claims.user)")), "{error}");
    }
}

#[test]
fn absent_user_claim_and_malformed_claim_path_are_rejected() {
    assert!(matches!(rules(&[]).identity("1", &Claims::new()), Err(ClaimError::NoUser(_))));
    assert_eq!(ClaimPath::parse("a..b"), Err(NotAPath));
    assert_eq!(ClaimPath::parse(""), Err(NotAPath));
}
