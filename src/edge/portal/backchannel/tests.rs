use super::*;
use crate::flow::ports::{LogoutEffect, Whom};

fn of_type(media_type: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, media_type.parse().unwrap())])
}

#[test]
fn logout_token_is_read_and_other_parameters_are_ignored() {
    let charset = "Application/X-WWW-form-urlencoded ; charset=UTF-8";
    for (media_type, body) in [
        (FORM, "logout_token=a.b.c"),
        (charset, "logout_token=a.b.c"),
        (FORM, "x=1&logout_token=a%2Eb.c&x=2&logout=1"),
    ] {
        assert_eq!(
            read_logout_token(&of_type(media_type), body.as_bytes()),
            Ok("a.b.c".to_owned()),
            "{body}"
        );
    }
}

#[test]
fn form_without_exactly_one_logout_token_is_rejected() {
    for (headers, body) in [
        (of_type(FORM), "logout_token=a&logout_token=a"),
        (of_type(FORM), "logout_token=a&logout%5Ftoken=b"),
        (of_type(FORM), "logout_token="),
        (of_type(FORM), "logout_token"),
        (of_type(FORM), "Logout_token=a"),
        (of_type(FORM), ""),
        (of_type("application/json"), "logout_token=a"),
        (of_type("application/logout+jwt"), "logout_token=a"),
        (HeaderMap::new(), "logout_token=a"),
    ] {
        assert!(read_logout_token(&headers, body.as_bytes()).is_err(), "{headers:?} {body}");
    }
}

#[test]
fn each_logout_outcome_has_its_status_and_no_details() {
    let text = || "for the log only".to_owned();
    let logout = |effect| Ok(ProviderLogout { whom: Whom::Subject("1".to_owned()), effect });
    for (ended, status, body) in [
        (logout(LogoutEffect::Ended), 200, ""),
        (logout(LogoutEffect::MustRefresh), 200, ""),
        (Err(BackchannelError::Malformed("x")), 400, r#"{"error":"invalid_request"}"#),
        (Err(BackchannelError::NotAcceptable(text())), 400, r#"{"error":"invalid_request"}"#),
        (Err(BackchannelError::ProviderUnavailable(text())), 503, r#"{"error":"temporarily_unavailable"}"#),
    ] {
        let response = reply_to_provider(&ended);
        assert_eq!(response.status, status, "{ended:?}");
        assert_eq!(response.headers.contains_key(header::RETRY_AFTER), status == 503, "{ended:?}");
        let sent = response.body;
        assert_eq!(sent, body.as_bytes(), "{ended:?}");
    }
}
