//! Verdict on a request: it passes, or the client gets a reply
//!
//! The match is exhaustive, so a new variant of [`Decision`] does not compile until it has a reply.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::dialect::definition::{Profile, Removals};
use super::error_page::Requester;
use super::head_budget::{OmittedField, fits, omit_largest};
use super::reply::Reply;
use crate::access::decision::{Challenge, Decision, Grant};
use crate::access::origin::Origin;
use crate::flow::check::Checked;

/// The result of a check.
pub enum Verdict<'o> {
    /// It passes.
    Allowed(Allowed<'o>),
    /// It does not pass, and the client gets this reply.
    Refused(Reply),
}

/// Whether a proxy that can copy `Content-Length` of a reply onto the client's request is made to remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyGuard {
    /// It is.
    On,
    /// It is not (`check.dangerously_keep_content_length`).
    Off,
}

/// A request that passes.
pub struct Allowed<'o> {
    /// The right to pass.
    pub grant: Grant,
    /// The public origin of the request.
    pub origin: &'o Origin,
    /// `Set-Cookie` values that the browser has not presented yet.
    pub pending_cookies: Option<Arc<[HeaderValue]>>,
}

impl<'o> Verdict<'o> {
    /// Returns the verdict for a decision.
    pub fn of(checked: Checked, origin: &'o Origin, requester: impl FnOnce() -> Requester) -> Self {
        let Checked { decision, reload, pending_cookies } = checked;
        Self::Refused(match decision {
            Decision::Allow(grant) => return Self::Allowed(Allowed { grant, origin, pending_cookies }),
            Decision::Challenge(Challenge::SignIn(url)) => Reply::redirect(StatusCode::FOUND, &url),
            Decision::Challenge(Challenge::FormNotSent(url)) => Reply::redirect(StatusCode::SEE_OTHER, &url),
            Decision::Challenge(Challenge::Unauthenticated) => Reply::unauthenticated(reload, requester()),
            Decision::Deny(denial) => Reply::denied(&denial, requester()).reloading(reload),
            Decision::Fail(outage) => Reply::unavailable(outage, requester()),
        })
    }
}

impl Allowed<'_> {
    /// Returns the reply to a proxy of this profile, whose client sent these fields.
    ///
    /// What does not fit into the proxy's buffer is omitted (`edge/head_budget`).
    pub fn into_reply(
        self,
        profile: &Profile,
        client: &HeaderMap,
        body_guard: BodyGuard,
    ) -> (Reply, Vec<OmittedField>) {
        let mut reply = Reply::allowed(&self.grant);
        if matches!(profile.removals, Removals::Reply | Removals::ReplyThatIsCopied) {
            reply.remove_headers = self.grant.removals(client);
            reply.remove_aliases = self.grant.aliases();
        }
        if profile.removals == Removals::ReplyThatIsCopied {
            reply.remove_headers.push(header::SET_COOKIE);
            if body_guard == BodyGuard::On {
                reply.remove_headers.push(header::CONTENT_LENGTH);
            }
        }
        let max = profile.max_head_bytes.map(|max| max.saturating_sub(reply.removal_bytes()));
        let omitted = omit_largest(&mut reply.headers, max);
        match self.pending_cookies {
            Some(cookies) if profile.delivers_cookies && fits(&reply.headers, &cookies, max) => {
                (reply.with_cookies(&*cookies), omitted)
            }
            _ => (reply, omitted),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http::{HeaderName, Method};

    use super::*;
    use crate::access::credential::{Credential, SessionCredential};
    use crate::access::decision::{Rules, SignInBy, decide};
    use crate::access::headers::{IdentityHeaderNames, OwnedHeaders};
    use crate::access::identity::IdentityRef;
    use crate::access::origin::Origins;
    use crate::access::policy::{DEFAULT, Policies, Policy};
    use crate::access::public_paths::PublicPaths;
    use crate::access::query_conditions::NO_CONDITIONS;
    use crate::access::request::AccessRequest;
    use crate::access::target::Target;
    use crate::access::token::TokenText;
    use crate::edge::dialect::definition::Sender;

    const PROFILE: Profile = Profile::forward_auth(Sender::Proxy { own_user_agent: None, header_remedy: "" });

    /// Returns the reply to a proxy of that profile for a request of alice, with one pending cookie.
    fn reply(profile: Profile) -> Reply {
        let [user, group, email, id_token] = ["user", "group", "email", "token"].map(HeaderName::from_static);
        let origin = Origin::parse("https://app.test").unwrap();
        let rules = Rules {
            owned: OwnedHeaders::new(IdentityHeaderNames { user, group, email, id_token }, true),
            policies: Policies::new(BTreeMap::from([(DEFAULT.to_owned(), Policy::default())])),
            public_paths: PublicPaths::default(),
            headlamp: None,
            origins: Origins::new(vec![origin.clone()]),
            sign_in: SignInBy::Start,
            allow_cross_origin_writes: false,
        };
        let client = HeaderMap::from_iter([(
            HeaderName::from_static("impersonate-user"),
            HeaderValue::from_static("evil"),
        )]);
        let target = Target::parse(b"/").unwrap();
        let user = IdentityRef { subject: "1", user: "alice", email: "", groups: "" };
        let session = SessionCredential { user, id_token: TokenText::Whole(""), policies: None };
        let request = AccessRequest {
            origin: &origin,
            target,
            method: &Method::GET,
            headers: &client,
            policy: DEFAULT,
            conditions: &NO_CONDITIONS,
            foreign_fields_are_removed: true,
            client_is_hidden: false,
            credential: Credential::Session(session),
        };
        let Decision::Allow(grant) = decide(&rules, &request, Vec::new()) else { panic!("alice may pass") };
        let cookies: Arc<[HeaderValue]> = Arc::from([HeaderValue::from_static("a=b; Secure")]);
        let allowed = Allowed { grant, origin: &origin, pending_cookies: Some(cookies) };
        allowed.into_reply(&profile, &client, BodyGuard::On).0
    }

    fn has_cookie(profile: Profile) -> bool {
        reply(profile).headers.contains_key(header::SET_COOKIE)
    }

    #[test]
    fn pending_cookie_is_omitted_if_the_proxy_does_not_deliver_it() {
        assert!(has_cookie(PROFILE));
        assert!(!has_cookie(Profile { delivers_cookies: false, ..PROFILE }));
    }

    #[test]
    fn pending_cookie_is_omitted_if_the_head_would_be_too_large() {
        let fits = |max| has_cookie(Profile { max_head_bytes: Some(max), ..PROFILE });
        let smallest = (0..1000).find(|max| fits(*max)).unwrap();
        let without = reply(Profile { max_head_bytes: Some(smallest - 1), ..PROFILE });
        assert_eq!(without.headers["user"], "alice");
        assert!(!without.headers.contains_key(header::SET_COOKIE));
    }

    #[test]
    fn reply_names_removals_if_the_proxy_needs_them() {
        assert!(reply(PROFILE).remove_headers.is_empty());
        let named = reply(Profile { removals: Removals::ReplyThatIsCopied, ..PROFILE });
        let expected = ["cookie", "authorization", "impersonate-user", "set-cookie", "content-length"];
        assert_eq!(named.remove_headers, expected);
        assert!(named.remove_aliases.unwrap().to_str().unwrap().contains("impersonate_user"));
        assert_eq!(
            (named.status.as_u16(), &named.headers["user"]),
            (200, &HeaderValue::from_static("alice"))
        );
    }
}
