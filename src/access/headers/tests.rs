use super::*;
use proptest::prelude::*;

fn owned(authorization: bool) -> OwnedHeaders {
    let names = IdentityHeaderNames {
        user: HeaderName::from_static("x-forwarded-user"),
        group: HeaderName::from_static("x-forwarded-group"),
        email: HeaderName::from_static("x-forwarded-email"),
        id_token: HeaderName::from_static("x-forwarded-id-token"),
    };
    OwnedHeaders::new(names, authorization)
}

fn map(fields: &[(&str, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

fn edits(authorization: bool, email: &str, token: &str, cookie: &'static str) -> Vec<(String, String)> {
    let user = IdentityRef { subject: "1", user: "alice", email, groups: "dev,größe" };
    let edits = owned(authorization).edits(user, TokenText::Whole(token), cookie.as_bytes().to_vec());
    let text = |value: HeaderValue| String::from_utf8(value.as_bytes().to_vec()).unwrap();
    edits.fields().map(|(name, value)| (name.to_string(), text(value))).collect()
}

#[test]
fn alias_of_an_owned_header_is_rejected() {
    for name in [
        "X_Forwarded_User",
        "x.forwarded.user",
        "X~Forwarded~User",
        "X-Forwarded_Group",
        "x-forwarded-id_token",
        "Impersonate_User",
        "impersonate.group",
        "Impersonate-Extra_Foo",
        "Impersonate-Extra-Scopes%2fx",
        "X_Forwarded_Uri",
    ] {
        assert_eq!(owned(false).guard(&map(&[(name, "x")])), Err(Alias(name.to_ascii_lowercase())), "{name}");
    }
}

#[test]
fn owned_name_in_connection_is_rejected() {
    for value in ["X-Forwarded-User", "close, cookie", "keep-alive,impersonate-user", "x_forwarded_email"] {
        assert!(owned(false).guard(&map(&[("connection", value)])).is_err(), "{value}");
    }
    assert_eq!(owned(false).guard(&map(&[("connection", "keep-alive, upgrade")])), Ok(()));
    let mut not_ascii = map(&[("connection", "close")]);
    not_ascii.append("connection", HeaderValue::from_bytes(b"cookie, \xff").unwrap());
    assert_eq!(owned(false).guard(&not_ascii), Err(Alias("Connection: cookie".to_owned())));
}

#[test]
fn ordinary_headers_pass_the_guard() {
    let fields = map(&[
        ("x-forwarded-user", "evil"),
        ("impersonate-user", "evil"),
        ("cookie", "a=b"),
        ("authorization", "x"),
        ("some_app_header", "x"),
        ("x-forwarded-users", "x"),
        ("x-forwarded-for", "10.0.0.1"),
        ("accept", "*/*"),
    ]);
    assert_eq!(owned(true).guard(&fields), Ok(()));
}

#[test]
fn strip_removes_owned_fields_and_no_others() {
    let mut fields = map(&[
        ("x-forwarded-user", "evil"),
        ("x-forwarded-user", "twice"),
        ("x-forwarded-id-token", "x"),
        ("cookie", "a=b"),
        ("impersonate-user", "evil"),
        ("impersonate-extra-foo", "x"),
        ("authorization", "app's own"),
        ("accept", "*/*"),
    ]);
    let mut kept = fields.clone();
    owned(false).strip(&mut kept);
    assert_eq!(kept, map(&[("authorization", "app's own"), ("accept", "*/*")]));
    owned(true).strip(&mut fields);
    assert_eq!(fields, map(&[("accept", "*/*")]));
}

#[test]
fn identity_headers_are_always_set_and_others_only_with_a_value() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        edits(true, "alice@example.com", "h.p.s", "theme=dark"),
        [
            pair("cookie", "theme=dark"),
            pair("x-forwarded-user", "alice"),
            pair("x-forwarded-group", "dev,größe"),
            pair("x-forwarded-email", "alice@example.com"),
            pair("x-forwarded-id-token", "h.p.s"),
            pair("authorization", "Bearer h.p.s"),
        ]
    );
    assert_eq!(
        edits(false, "", "", ""),
        [
            pair("x-forwarded-user", "alice"),
            pair("x-forwarded-group", "dev,größe"),
            pair("x-forwarded-email", ""),
            pair("x-forwarded-id-token", ""),
        ]
    );
}

#[test]
fn debug_output_contains_no_secret() {
    let user = IdentityRef { subject: "1", user: "alice", email: "", groups: "" };
    let edits = owned(true).edits(user, TokenText::Whole("h.p.s"), b"theme=dark".to_vec());
    let printed = format!("{:?} {edits:?}", edits.fields().collect::<HeaderMap>());
    assert!(printed.contains("alice"), "{printed}");
    assert!(!printed.contains("h.p.s") && !printed.contains("dark"), "{printed}");
}

#[test]
fn removals_name_unset_and_sent_fields_and_no_set_field() {
    let mut strip_names = StrippedHeaders::default();
    for name in ["X-Remote-*", "X-Forwarded-User"] {
        strip_names.add(name).unwrap();
    }
    let user = IdentityRef { subject: "1", user: "alice", email: "", groups: "" };
    let client = map(&[
        ("x-forwarded-user", "evil"),
        ("impersonate-extra-foo", "evil"),
        ("x_remote_user", "evil"),
        ("accept", "*/*"),
    ]);
    let removals = |token, cookie: &str| {
        let owned = owned(true).with_stripped(strip_names.clone());
        let edits = owned.edits(user, TokenText::Whole(token), cookie.as_bytes().to_vec());
        edits.removals(&client).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(removals("h.p.s", "a=b"), ["impersonate-extra-foo", "x_remote_user"]);
    assert_eq!(removals("", ""), ["cookie", "authorization", "impersonate-extra-foo", "x_remote_user"]);
}

proptest! {
    /// For any fields of a client, removing and setting has the same result as stripping and setting.
    #[test]
    fn removals_then_fields_equal_strip_then_fields(
        sent in prop::collection::vec("(x-forwarded-(user|group|email|id-token|uri)|cookie|authorization|impersonate-[a-z]{1,3}|x-remote-[a-z]|accept)", 0..12),
        token in "(|h\\.p\\.s)",
        authorization in any::<bool>(),
    ) {
        let mut strip_names = StrippedHeaders::default();
        strip_names.add("X-Remote-*").unwrap();
        let owned = owned(authorization).with_stripped(strip_names);
        let user = IdentityRef { subject: "1", user: "alice", email: "", groups: "dev" };
        let edits = owned.edits(user, TokenText::Whole(&token), Vec::new());
        let mut removed = HeaderMap::new();
        for name in &sent {
            removed.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("evil"));
        }
        let mut stripped = removed.clone();
        owned.strip(&mut stripped);
        for name in edits.removals(&removed) {
            removed.remove(name);
        }
        for (name, value) in edits.fields() {
            removed.insert(name.clone(), value.clone());
            stripped.insert(name, value);
        }
        prop_assert_eq!(removed, stripped);
    }
}

#[test]
fn aliases_of_a_name_with_too_many_spellings_do_not_hide_the_others() {
    let names = IdentityHeaderNames {
        user: "x-my-company-auth-user-name-of-today".parse().unwrap(),
        group: "x-group".parse().unwrap(),
        email: "email".parse().unwrap(),
        id_token: "token".parse().unwrap(),
    };
    let user = IdentityRef { subject: "1", user: "alice", email: "", groups: "" };
    let edits = OwnedHeaders::new(names, false).edits(user, TokenText::Whole("h.p.s"), Vec::new());
    let aliases = edits.aliases().unwrap();
    let aliases: Vec<&str> = aliases.to_str().unwrap().split(',').collect();
    for name in ["x_group", "impersonate-user", "impersonate_uid"] {
        assert!(aliases.contains(&name), "{name}: {aliases:?}");
    }
    assert!(!aliases.iter().any(|alias| alias.contains("company")), "{aliases:?}");
}
