//! Credential of a request

use super::identity::IdentityRef;
use super::policy::PolicyVerdicts;
use super::token::TokenText;

/// The proof of identity that a request carries.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// There is no usable session.
    None,
    /// A usable session.
    Session(SessionCredential<'a>),
}

/// The parts of a session that a decision or the application needs.
#[derive(Clone, Copy)]
pub struct SessionCredential<'a> {
    /// The user who signed in.
    pub user: IdentityRef<'a>,
    /// The ID token as the provider signed it.
    pub id_token: TokenText<'a>,
    /// The policies that the user met when the session was sealed.
    pub policies: Option<PolicyVerdicts>,
}
