//! Our own pages: paths and links
//!
//! Each public origin serves them below `/oauth2/`. In a link, the parameter `rd` is the page to return to.

use url::form_urlencoded;

use super::origin::Origin;
use super::own_path;
use super::return_to::ReturnTo;

/// A page that the gateway serves on each public origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPage {
    /// Begins a sign-in at the provider.
    Start,
    /// Receives the provider's authentication response.
    Callback,
    /// Shows a sign-in button.
    SignIn,
    /// Asks the user to confirm the sign-out, and signs out.
    SignOut,
    /// Shows users their own sessions, and ends others of them.
    Sessions,
    /// Receives the browser after the provider's sign-out.
    SignedOut,
    /// Refreshes the tokens of a session.
    Refresh,
    /// Returns the signed-in user, for scripts.
    Userinfo,
    /// Receives the provider's logout tokens.
    BackchannelLogout,
}

/// A query parameter that changes what a page does, and the value that it is sent with.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: &'static str,
}

/// Lets the user choose another account on [`OwnPage::Start`].
pub const ANOTHER_ACCOUNT: Parameter = Parameter { name: "account", value: "another" };
/// Lets the provider show pages in a sign-in on [`OwnPage::Start`], even if it is configured not to.
pub const INTERACTIVE: Parameter = Parameter { name: "interactive", value: "1" };
/// Lets the provider authenticate the user on [`OwnPage::Start`], unless it did so a short time ago.
pub const RECENTLY: Parameter = Parameter { name: "authenticated", value: "recently" };
/// Makes [`OwnPage::Sessions`] say if a sign-in with [`RECENTLY`] had no effect.
pub const SIGNED_IN_AGAIN: Parameter = Parameter { name: "signed_in", value: "again" };
/// Begins a sign-in on [`OwnPage::Start`] although a sign-in has just finished.
pub const RETRY: Parameter = Parameter { name: "retry", value: "1" };
/// Makes [`OwnPage::SignIn`] say that a form was not sent.
pub const FORM_NOT_SENT: Parameter = Parameter { name: "form", value: "not_sent" };

impl OwnPage {
    /// Returns the path, the same on every origin.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Start => "/oauth2/start",
            Self::Callback => "/oauth2/callback",
            Self::SignIn => "/oauth2/sign_in",
            Self::SignOut => "/oauth2/sign_out",
            Self::Sessions => own_path::SESSIONS,
            Self::SignedOut => "/oauth2/signed_out",
            Self::Refresh => "/oauth2/refresh",
            Self::Userinfo => "/oauth2/userinfo",
            Self::BackchannelLogout => "/oauth2/backchannel-logout",
        }
    }

    /// Returns the absolute URL on an origin.
    ///
    /// The URLs of the callback and of the page after sign-out must be registered at the provider exactly as
    /// returned.
    pub fn url(self, origin: &Origin) -> String {
        format!("{}{}", origin.as_str(), self.path())
    }

    /// Returns the path with a parameter.
    pub fn path_with(self, Parameter { name, value }: Parameter) -> String {
        format!("{}?{name}={value}", self.path())
    }

    /// Returns the absolute URL with the page to return to.
    pub fn with_return(self, origin: &Origin, return_to: &ReturnTo) -> String {
        with_return(format!("{}?", self.url(origin)), return_to)
    }

    /// Returns the absolute URL with a parameter and the page to return to.
    pub fn with_parameter(self, origin: &Origin, parameter: Parameter, return_to: &ReturnTo) -> String {
        let Parameter { name, value } = parameter;
        with_return(format!("{}?{name}={value}&", self.url(origin)), return_to)
    }
}

fn with_return(mut url: String, return_to: &ReturnTo) -> String {
    url.push_str("rd=");
    url.extend(form_urlencoded::byte_serialize(return_to.as_str().as_bytes()));
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::own_path::{PREFIX, is_own_path};

    #[test]
    fn every_page_is_below_the_prefix() {
        for page in [
            OwnPage::Start,
            OwnPage::Callback,
            OwnPage::SignIn,
            OwnPage::SignOut,
            OwnPage::Sessions,
            OwnPage::SignedOut,
            OwnPage::Refresh,
            OwnPage::Userinfo,
            OwnPage::BackchannelLogout,
        ] {
            assert!(page.path().starts_with(PREFIX) && is_own_path(page.path()), "{page:?}");
        }
    }

    #[test]
    fn link_escapes_the_return_url() {
        let origin = Origin::parse("https://app.test").unwrap();
        let home = ReturnTo::home(&origin);
        let link = OwnPage::Refresh.with_return(&origin, &home);
        assert_eq!(link, "https://app.test/oauth2/refresh?rd=https%3A%2F%2Fapp.test%2F");
        let link = OwnPage::Start.with_parameter(&origin, RETRY, &home);
        assert_eq!(link, "https://app.test/oauth2/start?retry=1&rd=https%3A%2F%2Fapp.test%2F");
    }
}
