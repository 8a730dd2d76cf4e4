//! The user of the benchmarks and the allocation test: 30 groups, and tokens like Keycloak's

use base64_simd::URL_SAFE_NO_PAD;
use foregate::access::identity::Identity;
use foregate::flow::ports::{Authentication, Clock, IssuerIndex, NewSession, Sessions, TokenSet, UnixTime};
use foregate::secret::Secret;
use foregate::server::SystemClock;
use http::HeaderMap;

use super::{Features, origin, request};

/// Signs a user in. Returns the check request of the browser. Each number is another user.
pub(crate) async fn sign_in(sessions: &dyn Sessions, features: &Features, number: usize) -> HeaderMap {
    let subject = format!("0b1e6c1e-7a55-4a0e-9d0a-{number:012x}");
    let groups: Vec<String> = (0..30).map(|index| format!("team-project-{index:03}")).collect();
    let mut identity = Identity::new(&subject, "testuser").unwrap();
    identity.set_email("testuser@example.com").unwrap();
    for group in &groups {
        identity.add_group(group).unwrap();
    }
    let now = SystemClock.now();
    let session = NewSession {
        issuer: IssuerIndex::FIRST,
        identity: &identity,
        tokens: &tokens(&subject, &groups, features, now),
        policies: features.policies.verdicts(identity.as_ref()),
        sid: &subject,
        address: None,
    };
    let cookies = sessions.begin(session, &HeaderMap::new(), &origin(), now).await;
    request(&cookies.unwrap())
}

fn tokens(subject: &str, groups: &[String], features: &Features, now: UnixTime) -> TokenSet {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
    let refresh = format!("{}.{}.{}", part(&[1; 84]), part(&[2; 420]), part(&[3; 64]));
    let expires_at = now.plus(features.token_life);
    TokenSet {
        id_token: Secret::new(id_token(subject, groups)),
        refresh_token: Some(Secret::new(refresh)),
        expires_at,
        requested_at: now,
        id_token_issued_at: now,
        authentication: Authentication::default(),
        id_token_expires_at: expires_at,
        refresh_expires_at: None,
    }
}

/// Returns a JWT like Keycloak's: a header, claims with 30 groups and an RS256 signature.
fn id_token(subject: &str, groups: &[String]) -> String {
    let claims = format!(
        r#"{{"exp":1,"iat":1,"auth_time":1,"jti":"{subject}","iss":"https://keycloak.example.com/realms/main","aud":"foregate","sub":"{subject}","typ":"ID","azp":"foregate","sid":"{subject}","at_hash":"abcdefghijklmnopqrstuv","email_verified":true,"name":"Test User","groups":{groups:?},"preferred_username":"testuser","email":"testuser@example.com"}}"#
    );
    let head = r#"{"alg":"RS256","typ":"JWT","kid":"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"}"#;
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
    format!("{}.{}.{}", part(head.as_bytes()), part(claims.as_bytes()), part(&[7; 256]))
}
