//! Faults of the claims about the user in an ID token

use serde_json::{Map, Value, json};

use super::claim::{Act, Claims};
use super::facts::Facts;
use super::faults;

/// The claims that describe the token and the sign-in.
const PROTOCOL_CLAIMS: [&str; 11] =
    ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "azp", "auth_time", "nonce", "at_hash"];

/// The start of a picture that is part of the claim itself (RFC 2397).
const PICTURE: &str = "data:image/png;base64,";

faults! {
    /// An unusual claim about the user.
    IdentityFault: Act;
    EmailMissing, "email-missing", "C18",
        "`email` and `email_verified` are left out",
        |c, _| { c.remove("email"); c.remove("email_verified"); };
    EmailUnverified, "email-unverified", "no access by e-mail",
        "`email_verified` is false",
        |c, _| c.set("email_verified", json!(false));
    EmailVerifiedText, "email-verified-text", "accept as true",
        "`email_verified` is the string `true`",
        |c, _| c.set("email_verified", json!("true"));
    EmailVerifiedMissing, "email-verified-missing", "not verified",
        "`email_verified` is left out",
        |c, _| c.remove("email_verified");
    EmailControl, "email-control", "no header injection",
        "`email` contains CR, LF and a header line",
        |c, _| c.append("email", "\r\nx-injected: 1");
    NameControl, "name-control", "no header injection",
        "`name` and `preferred_username` contain CR, LF and a header line",
        |c, _| {
            c.append("name", "\r\nx-injected: 1");
            c.append("preferred_username", "\r\nx-injected: 1");
        };
    GroupsMissing, "groups-missing", "C18", "`groups` is left out", |c, _| c.remove("groups");
    GroupsText, "groups-text", "one group",
        "`groups` is the string `dev`",
        |c, _| c.set("groups", json!("dev"));
    GroupsNumbers, "groups-numbers", "no crash",
        "`groups` is a list of numbers, null and an object",
        |c, _| c.set("groups", json!([1, null, { "name": "dev" }]));
    GroupsHundred, "groups-hundred", "accept",
        "`groups` is a list of a hundred groups: `group-000` to `group-099`",
        |c, _| c.set("groups", hundred_groups());
    GroupsComma, "groups-comma", "not two groups",
        "`groups` contains `dev,admin`",
        |c, _| c.set("groups", json!(["dev,admin", "ops"]));
    GroupsControl, "groups-control", "no header injection",
        "`groups` contains CR, LF and a header line",
        |c, _| c.set("groups", json!(["dev\r\nx-injected: 1", "ops"]));
    GroupsNul, "groups-nul", "no header injection",
        "`groups` contains a NUL",
        |c, _| c.set("groups", json!(["dev\u{0}", "ops"]));
    GroupsPaths, "groups-paths", "accept",
        "`groups` contains paths: `/dev/backend` and `/ops`",
        |c, _| c.set("groups", json!(["/dev/backend", "/ops"]));
    GroupsOverage, "groups-overage", "C21",
        "`_claim_names` refers to another host for `groups`, and `groups` is left out",
        |c, f| set_groups_overage(c, f);
    ClaimsAggregated, "claims-aggregated", "C21",
        "`_claim_names` and `_claim_sources` contain a JWT with `department`",
        |c, _| set_aggregated_claim(c);
    ClaimsDistributed, "claims-distributed", "C21",
        "`_claim_names` and `_claim_sources` refer to another host for `department`",
        |c, f| set_distributed_claim(c, f, "department");
    RealmRoles, "realm-roles", "accept",
        "`realm_access.roles` is `dev`, `offline_access`",
        |c, _| c.set("realm_access", json!({ "roles": ["dev", "offline_access"] }));
    ClientRoles, "client-roles", "accept",
        "`resource_access` contains `viewer` for this client and `manage-account` for another",
        |c, f| client_roles(c, f);
    UsernameMissing, "preferred-username-missing", "another claim names the user",
        "`preferred_username` is left out",
        |c, _| c.remove("preferred_username");
    OnlySub, "only-sub", "another claim names the user",
        "of the claims about the user, only `sub` is present",
        |c, _| c.0.retain(|name, _| PROTOCOL_CLAIMS.contains(&name.as_str()));
    GroupsTextComma, "groups-text-comma", "one group",
        "`groups` is the string `dev,ops`",
        |c, _| c.set("groups", json!("dev,ops"));
    GroupsOnlyNumbers, "groups-only-numbers", "no crash",
        "`groups` is a list of the numbers 7 and 8",
        |c, _| c.set("groups", json!([7, 8]));
    GroupsObjects, "groups-objects", "no crash",
        "`groups` is a list of objects with the member `name`",
        |c, _| c.set("groups", json!([{ "name": "dev" }, { "name": "ops" }]));
    GroupsObjectsTwoTexts, "groups-objects-two-texts", "no crash",
        "`groups` is a list of objects with the members `value` and `display`, as in SCIM",
        |c, _| c.set("groups", json!([{ "value": "g-1", "display": "dev" }, { "value": "g-2", "display": "ops" }]));
    GroupsMapObjects, "groups-map-objects", "no crash",
        "`groups` is an object whose members `dev` and `ops` are objects",
        |c, _| c.set("groups", roles_of_organisations());
    GroupsMapBooleans, "groups-map-booleans", "no crash",
        "`groups` is an object whose members `dev` and `ops` are true and `admin` is false",
        |c, _| c.set("groups", json!({ "dev": true, "ops": true, "admin": false }));
    RolesZitadel, "roles-zitadel", "accept",
        "`urn:zitadel:iam:org:project:roles` is as `groups` in `groups-map-objects`",
        |c, _| c.set("urn:zitadel:iam:org:project:roles", roles_of_organisations());
    RolesNamespaced, "roles-namespaced", "accept",
        "`https://example.com/roles` is a list of `dev` and `ops`",
        |c, _| c.set("https://example.com/roles", json!(["dev", "ops"]));
    PictureLong, "picture-long", "accept",
        "`picture` is a string of 20,000 characters",
        |c, _| c.set("picture", json!(format!("{PICTURE}{}", "A".repeat(20_000 - PICTURE.len()))));
    GroupsHasgroups, "groups-hasgroups", "C21",
        "`hasgroups` is true and `groups` is left out, as in Entra ID",
        |c, _| { c.remove("groups"); c.set("hasgroups", json!(true)); };
}

impl IdentityFault {
    pub(crate) fn apply(self, claims: &mut Map<String, Value>, facts: &Facts<'_>) {
        self.action()(&mut Claims(claims), facts);
    }
}

/// Returns the roles of a project, each with the organisations that granted it.
fn roles_of_organisations() -> Value {
    json!({ "dev": { "1001": "example.com" }, "ops": { "1001": "example.com" } })
}

fn hundred_groups() -> Value {
    json!((0..100).map(|number| format!("group-{number:03}")).collect::<Vec<_>>())
}

fn set_groups_overage(claims: &mut Claims<'_>, facts: &Facts<'_>) {
    claims.remove("groups");
    set_distributed_claim(claims, facts, "groups");
}

/// The endpoint of the claim source counts requests.
fn set_distributed_claim(claims: &mut Claims<'_>, facts: &Facts<'_>, name: &str) {
    claims.set("_claim_names", json!({ name: "src1" }));
    let endpoint = format!("{}/claims", facts.elsewhere);
    claims.set("_claim_sources", json!({ "src1": { "endpoint": endpoint } }));
}

fn set_aggregated_claim(claims: &mut Claims<'_>) {
    claims.set("_claim_names", json!({ "department": "src1" }));
    // {"alg":"none"}.{"department":"everything"}. A client must not accept its content.
    let jwt = "eyJhbGciOiJub25lIn0.eyJkZXBhcnRtZW50IjoiZXZlcnl0aGluZyJ9.";
    claims.set("_claim_sources", json!({ "src1": { "JWT": jwt } }));
}

fn client_roles(claims: &mut Claims<'_>, facts: &Facts<'_>) {
    let roles =
        json!({ facts.client_id: { "roles": ["viewer"] }, "account": { "roles": ["manage-account"] } });
    claims.set("resource_access", roles);
}
