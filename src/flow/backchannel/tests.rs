use super::*;

#[test]
fn outage_is_not_reported_as_an_unacceptable_token() {
    let outage = BackchannelError::from(LogoutTokenError::ProviderUnavailable("x".to_owned()));
    assert!(matches!(outage, BackchannelError::ProviderUnavailable(_)));
    let unacceptable = BackchannelError::from(LogoutTokenError::NotAcceptable("x".to_owned()));
    assert!(matches!(unacceptable, BackchannelError::NotAcceptable(_)));
}
