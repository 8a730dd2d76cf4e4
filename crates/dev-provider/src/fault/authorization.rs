//! Faults of the authorization response (RFC 6749 §4.1.2, RFC 9207)

use super::faults;

type Act = fn(&mut Vec<(String, String)>);

faults! {
    /// A faulty authorization response. It affects the redirect to the client.
    AuthorizationFault: Act;
    IssChanged, "authorization-iss-changed", "X15", "`iss` has a `1` at its end", |p| append(p, "iss", "1");
    IssMissing, "authorization-iss-missing", "X16", "`iss` is left out", |p| remove(p, "iss");
    IssDuplicated, "authorization-iss-duplicated", "row 36", "`iss` is sent twice", |p| twice(p, "iss");
    StateChanged, "authorization-state-changed", "X17",
        "`state` has a `1` at its end",
        |p| append(p, "state", "1");
    StateMissing, "authorization-state-missing", "X18", "`state` is left out", |p| remove(p, "state");
    StateDuplicated, "authorization-state-duplicated", "row 36", "`state` is sent twice", |p| twice(p, "state");
    CodeMissing, "authorization-code-missing", "refuse", "`code` is left out", |p| remove(p, "code");
    CodeEmpty, "authorization-code-empty", "refuse",
        "`code` is empty",
        |p| { remove(p, "code"); add(p, "code", ""); };
    CodeDuplicated, "authorization-code-duplicated", "row 36", "`code` is sent twice", |p| twice(p, "code");
    ErrorOdd, "authorization-error-odd", "no markup, no log injection",
        "`error` and `error_description` with markup and control characters replace `code`",
        |p| {
            remove(p, "code");
            add(p, "error", "<b>odd</b>\r\n");
            add(p, "error_description", "<script>alert(1)</script>\u{1b}[31m\r\nforged=1");
        };
    ErrorAndCode, "authorization-error-and-code", "refuse",
        "`error=access_denied` comes together with `code`",
        |p| add(p, "error", "access_denied");
    ErrorDuplicated, "authorization-error-duplicated", "row 36",
        "`error` is sent twice instead of `code`",
        |p| { remove(p, "code"); add(p, "error", "access_denied"); twice(p, "error"); };
    SessionState, "authorization-session-state", "accept",
        "`session_state` is sent as well",
        |p| add(p, "session_state", "state-of-the-session");
    SessionStateDuplicated, "authorization-session-state-duplicated", "row 36",
        "`session_state` is sent twice",
        |p| { add(p, "session_state", "state-of-the-session"); twice(p, "session_state"); };
    AccessDenied, "authorization-error-access-denied", "show an error page",
        "`error=access_denied` replaces `code`",
        |p| fail(p, "access_denied", "the user denied the request");
    InvalidScope, "authorization-error-invalid-scope", "name the set-up",
        "`error=invalid_scope` replaces `code`",
        |p| fail(p, "invalid_scope", "the client may not request the scope nonsense");
    UnauthorizedClient, "authorization-error-unauthorized-client", "name the set-up",
        "`error=unauthorized_client` replaces `code`",
        |p| fail(p, "unauthorized_client", "the client may not use this response type");
    InvalidClient, "authorization-error-invalid-client", "name the set-up",
        "`error=invalid_client` replaces `code`",
        |p| fail(p, "invalid_client", "the client is disabled");
    InvalidRequest, "authorization-error-invalid-request", "name the set-up",
        "`error=invalid_request` replaces `code`",
        |p| fail(p, "invalid_request", "the parameter code_challenge_method is not allowed");
    LoginRequired, "authorization-error-login-required", "show an error page",
        "`error=login_required` replaces `code`",
        |p| fail(p, "login_required", "no user is signed in");
    ConsentRequired, "authorization-error-consent-required", "show an error page",
        "`error=consent_required` replaces `code`",
        |p| fail(p, "consent_required", "the user must consent");
    ServerError, "authorization-error-server-error", "try again",
        "`error=server_error` replaces `code`",
        |p| fail(p, "server_error", "the provider could not process the request");
    TemporarilyUnavailable, "authorization-error-temporarily-unavailable", "try again",
        "`error=temporarily_unavailable` replaces `code`",
        |p| fail(p, "temporarily_unavailable", "the provider is restarting");
    AuthenticationExpired, "authorization-error-authentication-expired", "try again",
        "`error=temporarily_unavailable` with the description `authentication_expired` of Keycloak replaces `code`",
        |p| fail(p, "temporarily_unavailable", "authentication_expired");
    AccessDeniedNoState, "authorization-access-denied-no-state", "name the error",
        "`error=access_denied` replaces `code`, and `state` is left out",
        |p| { fail(p, "access_denied", "the user denied the request"); remove(p, "state"); };
}

impl AuthorizationFault {
    pub(crate) fn apply(self, pairs: &mut Vec<(String, String)>) {
        self.action()(pairs);
    }
}

fn add(pairs: &mut Vec<(String, String)>, name: &str, value: &str) {
    pairs.push((name.to_owned(), value.to_owned()));
}

fn fail(pairs: &mut Vec<(String, String)>, error: &str, description: &str) {
    remove(pairs, "code");
    add(pairs, "error", error);
    add(pairs, "error_description", description);
}

fn remove(pairs: &mut Vec<(String, String)>, name: &str) {
    pairs.retain(|(given, _)| given != name);
}

fn append(pairs: &mut [(String, String)], name: &str, end: &str) {
    for (_, value) in pairs.iter_mut().filter(|(given, _)| given == name) {
        value.push_str(end);
    }
}

fn twice(pairs: &mut Vec<(String, String)>, name: &str) {
    let again: Vec<_> = pairs.iter().filter(|(given, _)| given == name).cloned().collect();
    pairs.extend(again);
}
