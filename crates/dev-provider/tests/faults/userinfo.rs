//! Faults of the userinfo response

use crate::claims::fixture;
use crate::harness::{part, text};
use crate::headers::{public_point, verifies};

#[tokio::test]
async fn each_userinfo_fault_affects_one_response() {
    let fixture = fixture().await;
    let tokens = fixture.tokens().await;
    let access_token = text(&tokens, "access_token");
    let healthy = fixture.userinfo(access_token).await.json();
    let faulty = async |name: &str| {
        fixture.provider.arm(name.parse().unwrap());
        let reply = fixture.userinfo(access_token).await;
        assert_eq!(fixture.userinfo(access_token).await.json(), healthy, "{name}");
        reply
    };
    let changed = faulty("userinfo-sub-changed").await.json();
    assert_eq!(text(&changed, "sub"), format!("{}invalid", text(&healthy, "sub")));
    assert_eq!(faulty("userinfo-sub-missing").await.json().get("sub"), None);
    assert_eq!(faulty("userinfo-only-sub").await.json().as_object().unwrap().len(), 1);
    let refused = faulty("userinfo-refused").await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").unwrap().contains("invalid_token"));
    let signed = faulty("userinfo-signed").await;
    assert_eq!(signed.header("content-type"), Some("application/jwt"));
    let claims = part(&signed.body, 1);
    assert_eq!(claims.get("aud").unwrap(), "foregate");
    assert_eq!(claims.get("iss").unwrap(), fixture.provider.issuer());
    assert_eq!(claims.get("sub"), healthy.get("sub"));
    assert!(verifies(&public_point(&fixture).await, &signed.body));
}
