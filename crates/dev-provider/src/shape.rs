//! Shape of metadata, claims and token responses, in which real providers differ

/// The shape of the metadata, the claims and the token responses. A fault changes one response; the shape applies to
/// all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Whether the default issuer ends in a slash. [`Settings::issuer`](crate::Settings::issuer) sets any other.
    pub issuer_slash: bool,
    /// Members of the metadata that are left out. Without `authorization_response_iss_parameter_supported`, the
    /// authorization response has no `iss`.
    pub omitted_metadata: Vec<String>,
    /// The scopes that are granted on request, as in `scopes_supported`.
    pub scopes: Vec<String>,
    /// The response to a request for another scope.
    pub unknown_scopes: UnknownScopes,
    /// Claims that the ID token and userinfo leave out, claims of the protocol included.
    pub omitted_claims: Vec<String>,
    /// Whether the claims about the user depend on the granted scopes `profile`, `email` and `groups` (Core §5.4).
    pub claims_by_scope: bool,
    /// The place of the claims about the user.
    pub user_claims: UserClaims,
    /// The grants for which a refresh token is issued.
    pub refresh_tokens: RefreshTokenRule,
    /// The effect of a refresh on the refresh token.
    pub rotation: Rotation,
    /// Whether the response to a refresh has an ID token (Core §12.2 makes it optional).
    pub id_token_at_refresh: bool,
}

/// The response to a request for a scope that the provider does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownScopes {
    /// The scope is not granted (Core §3.1.2.1).
    #[default]
    Ignored,
    /// The browser returns to the client with `invalid_scope` (RFC 6749 §4.1.2.1).
    Refused,
    /// The provider shows an error page of its own.
    Page,
}

/// The place of the claims about the user, such as `email`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserClaims {
    /// The ID token and userinfo.
    #[default]
    Everywhere,
    /// Userinfo only. The ID token has `sub`.
    Userinfo,
}

/// The grants for which a refresh token is issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshTokenRule {
    /// Every grant.
    #[default]
    Always,
    /// Grants with the scope `offline_access` (Core §11).
    WithOfflineAccess,
    /// Grants whose authorization request has `access_type=offline`, as at Google.
    WithAccessTypeOffline,
    /// No grant.
    Never,
}

/// The effect of a refresh on the refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// A new token replaces the old one. The old one revokes the whole family (RFC 9700 §4.14.2).
    #[default]
    Strict,
    /// The response has a new token, and the old one stays valid.
    Lenient,
    /// The response has no refresh token, and the old one stays valid.
    Absent,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            issuer_slash: false,
            omitted_metadata: Vec::new(),
            scopes: ["openid", "profile", "email", "groups", "offline_access"].map(str::to_owned).into(),
            unknown_scopes: UnknownScopes::default(),
            omitted_claims: Vec::new(),
            claims_by_scope: false,
            user_claims: UserClaims::default(),
            refresh_tokens: RefreshTokenRule::default(),
            rotation: Rotation::default(),
            id_token_at_refresh: true,
        }
    }
}

impl Shape {
    /// Returns whether the ID token has `preferred_username` with the scope `profile`.
    pub fn has_user_name(&self) -> bool {
        self.user_claims == UserClaims::Everywhere
            && !self.omitted_claims.iter().any(|omitted| omitted == "preferred_username")
    }

    pub(crate) fn omits_metadata(&self, member: &str) -> bool {
        self.omitted_metadata.iter().any(|omitted| omitted == member)
    }

    pub(crate) fn knows_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|known| known == scope)
    }

    /// Returns whether a grant with these scopes gets a refresh token.
    pub(crate) fn issues_refresh_token(&self, granted: &str, access_type_offline: bool) -> bool {
        match self.refresh_tokens {
            RefreshTokenRule::Always => true,
            RefreshTokenRule::WithOfflineAccess => has_scope(granted, "offline_access"),
            RefreshTokenRule::WithAccessTypeOffline => access_type_offline,
            RefreshTokenRule::Never => false,
        }
    }

    /// Returns whether the granted scopes give access to the claims of this scope.
    pub(crate) fn discloses(&self, granted: &str, scope: &str) -> bool {
        !self.claims_by_scope || has_scope(granted, scope)
    }
}

fn has_scope(granted: &str, scope: &str) -> bool {
    granted.split(' ').any(|given| given == scope)
}
