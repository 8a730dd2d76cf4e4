//! Rules for the tests of flows

use http::{HeaderName, Method};

use crate::access::claims::{ClaimPath, ClaimRules};
use crate::access::decision::{Rules, SignInBy};
use crate::access::headers::{IdentityHeaderNames, OwnedHeaders};
use crate::access::origin::{Origin, Origins};
use crate::access::policy::{Policies, Policy};
use crate::access::public_paths::{PublicPath, PublicPaths, PublicRule};
use crate::flow::snapshot::Snapshot;

pub(crate) fn origin() -> Origin {
    Origin::parse("https://app.test").unwrap()
}

pub(crate) fn origins() -> Origins {
    Origins::new(vec![origin()])
}

/// Returns rules with these policies by name, each of which permits some groups, or every user if it names none.
///
/// Paths below `/assets/` are public, and `/poll` is a background path.
pub(crate) fn snapshot<const N: usize>(policies: [(&str, &[&str]); N]) -> Snapshot {
    let name = HeaderName::from_static;
    let names = IdentityHeaderNames {
        user: name("x-forwarded-user"),
        group: name("x-forwarded-group"),
        email: name("x-forwarded-email"),
        id_token: name("x-forwarded-id-token"),
    };
    let policy = |groups: &[&str]| {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Policy::new(groups, vec![], vec![])
    };
    let policies = policies.map(|(name, groups)| (name.to_owned(), policy(groups)));
    let path = |text| ClaimPath::parse(text).unwrap();
    Snapshot {
        rules: Rules {
            owned: OwnedHeaders::new(names, true),
            policies: Policies::new(policies.into()),
            public_paths: public("/assets/"),
            headlamp: None,
            origins: origins(),
            sign_in: SignInBy::Start,
            allow_cross_origin_writes: false,
        },
        claims: ClaimRules {
            user: path("preferred_username"),
            email: path("email"),
            groups: vec![path("groups")],
            strip_group_slash: false,
            comma_separated_groups: false,
            accept_unverified_email: false,
            userinfo: false,
        },
        background_paths: public("/poll"),
    }
}

fn public(path: &str) -> PublicPaths {
    let paths = vec![PublicPath::parse(path).unwrap()];
    PublicPaths::new(vec![PublicRule { methods: vec![Method::GET], hosts: vec![], paths }])
}
