use proptest::prelude::*;

use super::*;
use crate::access::claims::{ClaimPath, ClaimRules};

fn text(value: &str) -> Claim {
    Claim::Text(value.to_owned())
}

fn object<const N: usize>(members: [(&str, Claim); N]) -> Claim {
    Claim::Object(members.map(|(name, value)| (name.to_owned(), value)).into())
}

/// Returns the groups, and the places of what is omitted.
fn groups(claim: &Claim) -> (Vec<String>, Vec<String>) {
    let (mut named, mut omitted) = (vec![], vec![]);
    for (place, group) in claim.groups(true) {
        match group {
            Ok(group) => named.push(group.into_owned()),
            Err(why) => omitted.push(format!("{place} {why:?}")),
        }
    }
    (named, omitted)
}

fn assert_groups(claim: &Claim, named: &[&str], omitted: &[&str]) {
    let found = groups(claim);
    assert_eq!((&found.0[..], &found.1[..]), (&owned(named)[..], &owned(omitted)[..]), "{claim:?}");
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn text_with_commas_is_split_unless_it_is_a_distinguished_name() {
    assert_groups(&text("dev, ops ,,x y,"), &["dev", "ops", "x y"], &[]);
    assert_groups(&text(" dev"), &[" dev"], &[]);
    for name in ["cn=dev,ou=groups", "dev,cn=ops", "cn=dev"] {
        assert_groups(&text(name), &[name], &[]);
    }
    assert_groups(&Claim::List(vec![text("a,b")]), &["a,b"], &[]);
}

#[test]
fn text_with_commas_names_no_group_unless_the_operator_says_so() {
    let joined = text("x, admins");
    assert_eq!(joined.groups(false), [(Place::Whole, Err(BadShape::CommaText))]);
    assert_eq!(text("dev").groups(false), text("dev").groups(true));
    assert_eq!(text("cn=dev,ou=groups").groups(false), text("cn=dev,ou=groups").groups(true));
}

#[test]
fn integer_is_its_decimal_digits() {
    assert_groups(&Claim::Integer(1234), &["1234"], &[]);
    let list = Claim::List(vec![Claim::Integer(u64::MAX.into()), text("dev"), Claim::Integer(0)]);
    assert_groups(&list, &["18446744073709551615", "dev", "0"], &[]);
}

#[test]
fn object_in_a_list_counts_by_its_only_text_if_that_names_it() {
    let nested = object([("id", Claim::Flag(true))]);
    let list = Claim::List(vec![
        object([("name", text("dev"))]),
        object([("value", text("ops")), ("primary", Claim::Flag(true)), ("meta", nested)]),
        object([("id", Claim::Integer(7))]),
        object([("id", text("1")), ("name", text("dev"))]),
        object([("id", Claim::Integer(1)), ("display", text("dev"))]),
        object([("display", text("dev"))]),
        object([("name", Claim::List(vec![text("dev")]))]),
        object([]),
        object([("name", text("admins")), ("active", Claim::Flag(false))]),
        object([("name", text("admins")), ("disabled", Claim::Flag(true))]),
    ]);
    let ambiguous = [3, 4, 5, 6, 7, 8, 9].map(|index| format!("[{index}] AmbiguousObject"));
    assert_groups(&list, &["dev", "ops", "7"], &ambiguous.each_ref().map(String::as_str));
}

#[test]
fn name_in_an_object_counts_if_its_value_is_true_or_an_object() {
    let roles = object([
        ("admin", object([("orgid", text("example.com"))])),
        ("dev", Claim::Flag(true)),
        ("former", Claim::Flag(false)),
        ("name", text("dev")),
        ("number", Claim::Integer(1)),
        ("ops", Claim::List(vec![])),
        ("void", Claim::Null),
    ]);
    let omitted = [".name AmbiguousMember", ".number AmbiguousMember", ".ops AmbiguousMember"];
    assert_groups(&roles, &["admin", "dev"], &omitted);
    let hidden = object([(&*format!("a\n{}", "b".repeat(100)), Claim::Other)]);
    assert_groups(&hidden, &[], &[&format!(".a{} AmbiguousMember", "b".repeat(39))]);
}

#[test]
fn value_of_another_type_is_omitted_with_its_place() {
    let list =
        Claim::List(vec![Claim::List(vec![text("dev")]), Claim::Flag(true), Claim::Null, Claim::Other]);
    let omitted = [
        "[0] NestedList",
        "[1] WrongType(\"true or false\")",
        "[2] WrongType(\"null\")",
        "[3] WrongType(\"a number that is no integer\")",
    ];
    assert_groups(&list, &[], &omitted);
    assert_groups(&Claim::Flag(true), &[], &[" WrongType(\"true or false\")"]);
    assert_groups(&Claim::Null, &[], &[]);
}

fn any_claim() -> impl Strategy<Value = Claim> {
    let leaf = prop_oneof![
        "[a-c,= /@\\n]{0,6}".prop_map(Claim::Text),
        any::<i64>().prop_map(|number| Claim::Integer(number.into())),
        any::<bool>().prop_map(Claim::Flag),
        Just(Claim::Null),
        Just(Claim::Other),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = prop_oneof![Just("name".to_owned()), Just("id".to_owned()), "[a-c,]{1,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Claim::List),
            prop::collection::btree_map(name, inner, 0..4).prop_map(Claim::Object),
        ]
    })
}

/// Returns all texts and names in a value.
fn all_texts(claim: &Claim) -> Vec<String> {
    match claim {
        Claim::Text(text) => vec![text.clone()],
        Claim::Integer(number) => vec![number.to_string()],
        Claim::List(list) => list.iter().flat_map(all_texts).collect(),
        Claim::Object(members) => {
            members.iter().flat_map(|(name, value)| [vec![name.clone()], all_texts(value)].concat()).collect()
        }
        Claim::Flag(_) | Claim::Null | Claim::Other => vec![],
    }
}

proptest! {
    #[test]
    fn each_group_is_a_text_of_the_claim_and_the_line_is_short(claim in any_claim(), split in any::<bool>()) {
        let path = |text| ClaimPath::parse(text).unwrap();
        let rules = ClaimRules {
            user: path("sub"),
            email: path("email"),
            groups: vec![path("groups")],
            strip_group_slash: false,
            comma_separated_groups: split,
            accept_unverified_email: false,
            userinfo: false,
        };
        let texts = all_texts(&claim);
        let parts = texts.iter().flat_map(|text| text.split(',')).map(|part| part.trim().to_owned());
        let known = if split { [parts.collect(), texts.clone()].concat() } else { texts };
        let claims = Claims::from([("sub".to_owned(), text("1")), ("groups".to_owned(), claim)]);
        let (identity, omitted) = rules.identity("1", &claims).unwrap();
        for group in identity.as_ref().each_group() {
            prop_assert!(known.iter().any(|text| text == group), "{group} of {known:?}");
        }
        let line = omitted.to_string();
        prop_assert!(omitted.listed.len() <= 10 && line.chars().count() <= 2000, "{line}");
        prop_assert!(!line.contains('\n'), "{line:?}");
    }
}
