//! The credential of a request: on whose behalf it is decided

use super::identity::IdentityRef;
use super::policy::PolicyVerdicts;
use super::token::TokenText;

/// What a request has proved about its user.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// Nothing: there is no session, or none that can be used.
    None,
    /// A session.
    Session(SessionCredential<'a>),
}

/// A session, as far as a decision and the application need it.
#[derive(Clone, Copy)]
pub struct SessionCredential<'a> {
    /// Who signed in.
    pub user: IdentityRef<'a>,
    /// The ID token as the provider signed it.
    pub id_token: TokenText<'a>,
    /// The policies that the user met when the session was sealed.
    pub policies: Option<PolicyVerdicts>,
}
