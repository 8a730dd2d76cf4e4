//! Routes of the check listener, two for each dialect
//!
//! 1. Only the path selects the dialect and the policy, because a client can send any header field.
//! 2. The path is compared byte for byte, before anything decodes or normalises it. Some proxies append the client's
//!    path, so a path that another program read differently could select another policy.
//! 3. The policy is named before the label. In a dialect that appends the client's path, everything behind the label is
//!    the client's.
//! 4. The reply to any other path lists the paths, because its reader is an operator who sets up a proxy.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};

use super::checker::{CallError, CheckCall, Checker};
use super::dialect::definition::Appends;
use super::dialect::{CHECK_DIALECTS, Dialect, HttpDialect};
use super::log_out::{may_forward_log_out, read_body};
use super::peer::Peer;
use super::reply::Reply;
use crate::access::policy::DEFAULT;
use crate::access::query_conditions::{OAUTH2_PROXY_PATH, QueryConditions};
use crate::flow::audit::Hint;

/// Returns `/check/<label>` and `/check/policy/<policy>/<label>` for each dialect. Any other path gets 404.
///
/// With `oauth2_proxy`, that dialect also answers at the path of oauth2-proxy ([`OAUTH2_PROXY_PATH`]).
pub fn routes(checker: Arc<Checker>, oauth2_proxy: Option<&'static HttpDialect>) -> Router {
    Router::new().fallback(answer).with_state(Routes { checker, oauth2_proxy })
}

#[derive(Clone)]
struct Routes {
    checker: Arc<Checker>,
    oauth2_proxy: Option<&'static HttpDialect>,
}

async fn answer(State(routes): State<Routes>, peer: Peer, request: Request<Body>) -> Response {
    let Routes { checker, oauth2_proxy } = routes;
    let (head, body) = request.into_parts();
    let may_sign_out = may_forward_log_out(&checker.check.snapshot.load().rules, &head.headers)
        && checker.trusted.answers(peer.ip(), peer.certified);
    let body = if may_sign_out { read_body(body).await } else { None };
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let route = match oauth2_proxy.zip(oauth2_proxy_query(target)) {
        Some((dialect, query)) => {
            Some(Route { dialect, policy: DEFAULT, rest: query, is_oauth2_proxy: true })
        }
        None => find_route(target),
    };
    let Some(Route { dialect, policy, rest, is_oauth2_proxy }) = route else {
        return reply_unknown(&checker, peer, head.uri.path());
    };
    let (conditions, appended) = match dialect.dialect.profile.appends {
        Appends::Target => (Ok(QueryConditions::default()), rest),
        Appends::Query => (Ok(QueryConditions::parse_known(query_of(rest))), ""),
        Appends::Nothing => (QueryConditions::parse(query_of(rest)).map_err(CallError::Query), ""),
    };
    let conditions = conditions.map(|conditions| conditions.of_oauth2_proxy(is_oauth2_proxy));
    let call =
        CheckCall { policy, head: &head, conditions: conditions.as_ref(), appended, body: body.as_deref() };
    checker.answer(dialect, peer, call).await
}

fn query_of(rest: &str) -> &str {
    rest.strip_prefix('?').unwrap_or_default()
}

/// Returns what follows the path of oauth2-proxy, if the target has that path.
fn oauth2_proxy_query(target: &str) -> Option<&str> {
    let rest = target.strip_prefix(OAUTH2_PROXY_PATH)?;
    (rest.is_empty() || rest.starts_with('?')).then_some(rest)
}

fn reply_unknown(checker: &Checker, peer: Peer, path: &str) -> Response {
    let paths = list_paths();
    checker.audit.hint(&Hint::UnknownCheck { peer: peer.ip(), path, paths: &paths });
    Reply::text(StatusCode::NOT_FOUND, format!("unknown path: a proxy must use {paths}\n")).into_response()
}

/// Lists the paths of all dialects, for an operator.
fn list_paths() -> String {
    let labels = CHECK_DIALECTS.map(|http| http.dialect.caller.label).join(", ");
    format!("/check/NAME, where NAME is one of {labels}")
}

struct Route<'t> {
    dialect: &'static HttpDialect,
    policy: &'t str,
    /// What follows the label.
    rest: &'t str,
    is_oauth2_proxy: bool,
}

/// Finds the route of a path and query as they were received.
fn find_route(target: &str) -> Option<Route<'_>> {
    let check = target.strip_prefix("/check/")?;
    let (policy, label) = match check.strip_prefix("policy/") {
        Some(named) => named.split_once('/')?,
        None => (DEFAULT, check),
    };
    CHECK_DIALECTS.into_iter().find_map(|dialect| {
        let Dialect { caller, profile, .. } = &dialect.dialect;
        let rest = label.strip_prefix(caller.label)?;
        let is_whole = rest.is_empty() || rest.starts_with('?');
        let is_route = is_whole || profile.appends == Appends::Target && rest.starts_with('/');
        is_route.then_some(Route { dialect, policy, rest, is_oauth2_proxy: false })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(target: &str) -> Option<(&'static str, &str, &str)> {
        find_route(target).map(|route| (route.dialect.dialect.caller.label, route.policy, route.rest))
    }

    #[test]
    fn path_selects_dialect_and_policy() {
        assert_eq!(route("/check/traefik"), Some(("traefik", "default", "")));
        assert_eq!(route("/check/traefik?a=b"), Some(("traefik", "default", "?a=b")));
        assert_eq!(route("/check/policy/staff/caddy"), Some(("caddy", "staff", "")));
    }

    #[test]
    fn appended_path_of_a_client_selects_no_other_policy() {
        for (target, appended) in [
            ("/check/envoy", ""),
            ("/check/envoy/", "/"),
            ("/check/envoy?q=1", "?q=1"),
            ("/check/envoy//a/../b;c=%2f?d=/../e", "//a/../b;c=%2f?d=/../e"),
            ("/check/envoy/../policy/public/envoy/x", "/../policy/public/envoy/x"),
            ("/check/envoy/policy/public/envoy/x", "/policy/public/envoy/x"),
            ("/check/envoy/..;/policy/public/envoy/x", "/..;/policy/public/envoy/x"),
            ("/check/envoy/%2e%2e/policy/public/envoy/x", "/%2e%2e/policy/public/envoy/x"),
            ("/check/envoy/..\\policy\\public\\envoy", "/..\\policy\\public\\envoy"),
        ] {
            assert_eq!(route(target), Some(("envoy", "default", appended)), "{target}");
        }
        assert_eq!(
            route("/check/policy/staff/envoy/../default/envoy"),
            Some(("envoy", "staff", "/../default/envoy"))
        );
        assert_eq!(route("/check/envoyx"), None);
    }

    #[test]
    fn path_that_is_not_a_check_has_no_route() {
        for target in [
            "",
            "/",
            "/check",
            "/check/",
            "/check/traefik/",
            "/check/traefikx",
            "/check/Traefik",
            "/check/%74raefik",
            "/check//traefik",
            "/check/policy/traefik",
            "/check/policy/a/b/traefik",
            "/x/../check/traefik",
        ] {
            assert_eq!(route(target), None, "{target}");
        }
    }
}
