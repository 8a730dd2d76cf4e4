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
        comma_separated_groups: false,
        accept_unverified_email: false,
        userinfo: false,
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
    assert!(omitted.is_empty());
}

#[test]
fn group_that_a_header_cannot_carry_is_omitted_and_reported() {
    let claims = alice(&[("groups", list(&["dev", "a,system:masters"]))]);
    let (identity, omitted) = rules(&["groups"]).identity("1", &claims).unwrap();
    assert_eq!(identity.as_ref().groups, "dev");
    assert_eq!(omitted.listed[0].why, InvalidHeaderText::Separator.into());
}

#[test]
fn leading_slash_of_a_group_is_removed_only_if_configured() {
    let claims = alice(&[("groups", list(&["/dev", "ops", "/a/b", "//c", "/"]))]);
    let with_slash = rules(&["groups"]);
    let (identity, omitted) = with_slash.identity("1", &claims).unwrap();
    assert_eq!((identity.as_ref().groups, omitted.listed.len()), ("/dev,ops,/a/b,//c,/", 0));
    let without = ClaimRules { strip_group_slash: true, ..with_slash };
    let (identity, omitted) = without.identity("1", &claims).unwrap();
    assert_eq!((identity.as_ref().groups, omitted.listed.len()), ("dev,ops,a/b,/c", 1));
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
        let why = omitted.listed.first().map(|one| one.why);
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
        assert_eq!((identity.as_ref().groups, omitted.listed.len()), ("", 1));
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
    assert_eq!((identity.as_ref().groups, omitted.listed.len()), ("", 1));
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
    assert_eq!((identity.as_ref().email, identity.as_ref().groups, omitted.listed.len()), ("", "", 1));
    let refused = all_from("upn").identity("1", &claims).unwrap_err();
    assert_eq!(refused, ClaimError::UnverifiedUser(Unverified::OtherEmail));
    let accepted = ClaimRules { accept_unverified_email: true, ..all_from("upn") };
    let (identity, _) = accepted.identity("1", &claims).unwrap();
    assert_eq!((identity.as_ref().user, identity.as_ref().email), ("ceo@example.com", "ceo@example.com"));
}

#[test]
fn absent_user_claim_is_named_by_its_path() {
    for path in ["upn", "realm_access.name", "/a.b/c~1d~0e", "https://example.com/name"] {
        let absent = ClaimRules { user: ClaimPath::parse(path).unwrap(), ..rules(&[]) };
        let error = absent.identity("1", &alice(&[])).unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("claims.user is {path}, but the ID token")),
            "{error}"
        );
    }
}

/// Returns why claims do not name a user.
fn no_user(rules: &ClaimRules, claims: &Claims) -> String {
    let Err(ClaimError::NoUser(why)) = rules.identity("1", claims) else { panic!("{claims:?}") };
    why
}

/// The claims of the user 1, without `preferred_username`.
fn nameless(more: &[(&str, Claim)]) -> Claims {
    let known = [("sub", text("1")), ("iss", text("i")), ("exp", Claim::Integer(9))];
    [&known, more].concat().into_iter().map(|(name, claim)| (name.to_owned(), claim)).collect()
}

#[test]
fn absent_user_claim_is_explained_with_names_and_remedies_that_work() {
    let secret = text("value");
    let claims = nameless(&[("name", secret.clone()), ("email", text(ADDRESS)), ("a\nb", secret)]);
    let why = no_user(&rules(&[]), &claims);
    let remedy = "set claims.user to one that users cannot change, such as sub";
    let userinfo =
        "; or set provider.userinfo = true, because the provider may send preferred_username there";
    let absent = "claims.user is preferred_username, but the ID token has no text there; it has";
    assert_eq!(why, format!("{absent} ab, email, name, sub; {remedy}{userinfo}"));
    let why = no_user(&rules(&[]), &nameless(&[]));
    let userinfo_first = "it has sub; set provider.userinfo = true, because the claims may be there; or set claims.user = \"sub\"";
    assert!(why.ends_with(userinfo_first), "{why}");
    let with_userinfo = ClaimRules { userinfo: true, ..rules(&[]) };
    let why = no_user(&with_userinfo, &nameless(&[]));
    assert!(why.contains("neither the ID token nor userinfo has text there; they have sub; "), "{why}");
    assert!(!why.contains("provider.userinfo"), "{why}");
    assert!(why.ends_with(remedy), "{why}");
}

#[test]
fn email_is_suggested_as_user_name_only_if_it_counts() {
    let verified = ("email_verified", Claim::Flag(true));
    let accepting = ClaimRules { accept_unverified_email: true, ..rules(&[]) };
    for (rules, more, suggested) in [
        (&rules(&[]), vec![("email", text(ADDRESS)), verified.clone()], " or email, which is verified"),
        (&rules(&[]), vec![("email", text(ADDRESS))], ""),
        (&rules(&[]), vec![verified.clone()], ""),
        (&rules(&[]), vec![("email", text("a\nb")), verified.clone()], ""),
        (&rules(&[]), vec![("email", list(&[ADDRESS])), verified], ""),
        (&accepting, vec![("email", text(ADDRESS))], " or email"),
    ] {
        let why = no_user(rules, &nameless(&more));
        assert!(why.contains(&format!("such as sub{suggested}; or set")), "{why}");
    }
}

#[test]
fn user_claim_of_another_type_is_explained_by_its_type() {
    for (value, type_name) in [
        (list(&["alice"]), "a list"),
        (Claim::Object(Claims::new()), "an object"),
        (Claim::Flag(true), "true or false"),
        (Claim::Other, "a number that is no integer"),
    ] {
        let why = no_user(&rules(&[]), &nameless(&[("preferred_username", value)]));
        assert!(why.contains(&format!("but this claim is {type_name}, not a text; there are")), "{why}");
        assert!(!why.contains("provider.userinfo"), "userinfo replaces no claim: {why}");
    }
    let why = no_user(&rules(&[]), &nameless(&[("preferred_username", Claim::Null)]));
    assert!(why.contains("no text there") && !why.contains("provider.userinfo"), "{why}");
}

#[test]
fn explanation_lists_few_names_and_fits_into_a_log_field() {
    let named = |length: usize, count: usize| -> Claims {
        (0..count).map(|index| (format!("{index:0length$}"), Claim::Null)).collect()
    };
    let why = no_user(&rules(&[]), &named(2, 30));
    assert!(why.contains("18, 19 and 10 more; set"), "{why}");
    for length in [40, 500] {
        let why = no_user(&rules(&[]), &named(length, 30));
        assert!(why.chars().count() <= 512 && why.contains(" more; set claims.user"), "{why}");
    }
    let why = no_user(&rules(&[]), &Claims::new());
    assert!(why.contains("it has no other claims;"), "{why}");
}

#[test]
fn integer_is_a_user_name_and_a_group() {
    let claims = Claims::from([
        ("preferred_username".to_owned(), Claim::Integer(1234)),
        ("groups".to_owned(), Claim::Integer(-7)),
        ("email".to_owned(), Claim::Integer(1)),
        ("email_verified".to_owned(), Claim::Flag(true)),
    ]);
    let (identity, omitted) = rules(&["groups"]).identity("1", &claims).unwrap();
    let identity = identity.as_ref();
    assert_eq!((identity.user, identity.groups, identity.email), ("1234", "-7", ""));
    assert_eq!(omitted.to_string(), "email: it is an integer");
}

#[test]
fn namespace_of_a_name_evades_no_rule_of_verification() {
    for (claim, expected) in [
        ("https://example.com/email", Unverified::OtherEmail),
        ("https://example.com/Mail/", Unverified::OtherEmail),
        ("urn:example:emailAddress", Unverified::OtherEmail),
        ("https://example.com/claims#email", Unverified::OtherEmail),
        ("https://example.com/phone_number", Unverified::PhoneNumber),
        ("urn:example:phone_number", Unverified::PhoneNumber),
    ] {
        let verified = ["email_verified", "phone_number_verified"].map(|name| (name, Claim::Flag(true)));
        let claims = alice(&[&verified[..], &[(claim, text(ADDRESS))]].concat());
        let user = ClaimRules { user: ClaimPath::parse(claim).unwrap(), ..rules(&[claim]) };
        assert_eq!(user.identity("1", &claims).unwrap_err(), ClaimError::UnverifiedUser(expected), "{claim}");
        let (identity, omitted) = rules(&[claim]).identity("1", &claims).unwrap();
        assert_eq!((identity.as_ref().groups, omitted.listed[0].why), ("", expected.into()), "{claim}");
    }
}

#[test]
fn spelling_of_a_path_evades_no_rule_of_verification() {
    let literal = alice(&[("a.b", text(ADDRESS))]);
    let nested = alice(&[("a", Claim::Object(Claims::from([("b".to_owned(), text(ADDRESS))])))]);
    for (claims, email, user) in [
        (&literal, "a.b", "/a.b"),
        (&literal, "/a.b", "a.b"),
        (&nested, "a.b", "/a/b"),
        (&nested, "/a/b", "a.b"),
    ] {
        let [email, user] = [email, user].map(|path| ClaimPath::parse(path).unwrap());
        let rules = ClaimRules { user, email, ..rules(&[]) };
        let refused = rules.identity("1", claims).unwrap_err();
        assert_eq!(refused, ClaimError::UnverifiedUser(Unverified::OtherEmail), "{rules:?}");
    }
}

#[test]
fn omissions_are_one_line_with_places_and_reasons() {
    let unverified = text(ADDRESS);
    let nested = Claim::List(vec![text("a"), list(&["b"]), text("c,d"), text("e,f"), Claim::Flag(true)]);
    let claims = alice(&[("email", unverified), ("groups", nested)]);
    let (_, omitted) = rules(&["groups"]).identity("1", &claims).unwrap();
    let line = omitted.to_string();
    let email = format!("email: {}", Unverified::Email);
    let comma = "groups[2] (c,d), groups[3] (e,f): a header cannot carry it: it holds a comma, which separates groups";
    assert_eq!(
        line,
        format!("{email}; groups[1]: it is a list inside a list; {comma}; groups[4]: it is true or false")
    );
    let many = alice(&[("groups", Claim::List(vec![Claim::Other; 13]))]);
    let (_, omitted) = rules(&["groups"]).identity("1", &many).unwrap();
    let line = omitted.to_string();
    assert!(line.ends_with("groups[9]: it is a number that is no integer; and 3 more"), "{line}");
}

#[test]
fn refresh_is_silent_on_the_user_only_without_any_of_the_claims() {
    let rules =
        ClaimRules { email: ClaimPath::parse("a.mail").unwrap(), ..rules(&["groups", "realm.roles"]) };
    assert!(rules.are_silent_on_user(&nameless(&[("sid", text("s")), ("ver", text("1"))])));
    assert!(!ClaimRules { userinfo: true, ..rules.clone() }.are_silent_on_user(&nameless(&[])));
    let configured = ["preferred_username", "a", "a.mail", "groups", "realm", "realm.roles"];
    for name in configured.iter().chain(&USER_CLAIMS) {
        for value in [Claim::Null, list(&[]), Claim::Object(Claims::new())] {
            assert!(!rules.are_silent_on_user(&nameless(&[(name, value)])), "{name}");
        }
    }
    let names = |name: &str| Claim::Object(Claims::from([(name.to_owned(), text("src1"))]));
    for unknown in [("hasgroups", Claim::Flag(true)), ("_claim_names", names("realm"))] {
        assert!(
            !rules.are_silent_on_user(&nameless(&[unknown])),
            "groups that are unknown are no old groups"
        );
    }
}
