//! Faults: their names, effects and endpoints

pub(crate) mod authorization;
pub(crate) mod claim;
pub(crate) mod discovery;
pub(crate) mod facts;
pub(crate) mod header;
pub(crate) mod identity;
pub(crate) mod jwks;
pub(crate) mod logout;
pub(crate) mod payload;
pub(crate) mod signature;
mod table;
pub(crate) mod token;
pub(crate) mod transport;
pub(crate) mod userinfo;

use std::borrow::Cow;
use std::str::FromStr;

pub use authorization::AuthorizationFault;
pub use claim::ClaimFault;
pub use discovery::DiscoveryFault;
pub use header::HeaderFault;
pub use identity::IdentityFault;
pub use jwks::JwksFault;
pub use logout::LogoutFault;
pub use payload::PayloadFault;
pub use signature::SignatureFault;
use table::Row;
pub(crate) use table::faults;
pub use token::TokenFault;
pub use transport::TransportFault;
pub use userinfo::UserinfoFault;

/// An error that the provider makes on demand. A fault changes only what its effect describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A claim of the protocol in the ID token.
    Claim(ClaimFault),
    /// A claim about the user in the ID token.
    Identity(IdentityFault),
    /// The bytes of the claims of the ID token.
    Payload(PayloadFault),
    /// The header of the ID token, and the key that signs it.
    Header(HeaderFault),
    /// The signature of the ID token, and its segments.
    Signature(SignatureFault),
    /// The response of the token endpoint.
    Token(TokenFault),
    /// The list of keys.
    Jwks(JwksFault),
    /// The metadata.
    Discovery(DiscoveryFault),
    /// The parameters of the authorization response.
    Authorization(AuthorizationFault),
    /// The response of userinfo.
    Userinfo(UserinfoFault),
    /// The transport of a response. The authorization endpoint has no such faults.
    Transport(Endpoint, TransportFault),
}

/// The endpoint that a fault affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The token endpoint, and the ID token that it returns.
    Token,
    /// The keys.
    Jwks,
    /// The metadata.
    Discovery,
    /// The authorization endpoint and the sign-in form, when they redirect the browser to the client.
    Authorization,
    /// Userinfo.
    Userinfo,
}

/// The endpoints that a client requests directly.
const ASKED: [Endpoint; 4] = [Endpoint::Discovery, Endpoint::Jwks, Endpoint::Token, Endpoint::Userinfo];

impl Endpoint {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Jwks => "jwks",
            Self::Discovery => "discovery",
            Self::Authorization => "authorization",
            Self::Userinfo => "userinfo",
        }
    }
}

/// The error for a name that no fault has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault is named {0:?}")]
pub struct UnknownFault(String);

impl Fault {
    /// Returns all faults, in the order of the tables in the crate's README.
    pub fn all() -> Vec<Self> {
        let claims = ClaimFault::ALL.iter().copied().map(Self::Claim);
        let identity = IdentityFault::ALL.iter().copied().map(Self::Identity);
        let payload = PayloadFault::ALL.iter().copied().map(Self::Payload);
        let headers = HeaderFault::ALL.iter().copied().map(Self::Header);
        let signatures = SignatureFault::ALL.iter().copied().map(Self::Signature);
        let token = TokenFault::ALL.iter().copied().map(Self::Token);
        let jwks = JwksFault::ALL.iter().copied().map(Self::Jwks);
        let discovery = DiscoveryFault::ALL.iter().copied().map(Self::Discovery);
        let authorization = AuthorizationFault::ALL.iter().copied().map(Self::Authorization);
        let userinfo = UserinfoFault::ALL.iter().copied().map(Self::Userinfo);
        let transport = ASKED.into_iter().flat_map(|endpoint| {
            TransportFault::ALL.iter().copied().map(move |fault| Self::Transport(endpoint, fault))
        });
        let id_token = claims.chain(identity).chain(payload).chain(headers).chain(signatures);
        let answers = token.chain(jwks).chain(discovery).chain(authorization).chain(userinfo);
        id_token.chain(answers).chain(transport).collect()
    }

    /// Returns the name, in kebab-case. A name never changes.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Transport(endpoint, fault) => {
                Cow::Owned(format!("{}-{}", endpoint.name(), fault.row().name))
            }
            other => Cow::Borrowed(other.row().name),
        }
    }

    /// Returns the exact change.
    pub fn effect(self) -> &'static str {
        self.row().effect
    }

    /// Returns the conformance cases of the fault, or the required behaviour of a client.
    pub fn cases(self) -> &'static str {
        self.row().cases
    }

    /// Returns the endpoint that the fault affects.
    pub fn endpoint(self) -> Endpoint {
        match self {
            Self::Claim(_)
            | Self::Identity(_)
            | Self::Payload(_)
            | Self::Header(_)
            | Self::Signature(_)
            | Self::Token(_) => Endpoint::Token,
            Self::Jwks(_) => Endpoint::Jwks,
            Self::Discovery(_) => Endpoint::Discovery,
            Self::Authorization(_) => Endpoint::Authorization,
            Self::Userinfo(_) => Endpoint::Userinfo,
            Self::Transport(endpoint, _) => endpoint,
        }
    }

    fn row(self) -> Row {
        match self {
            Self::Claim(fault) => fault.row(),
            Self::Identity(fault) => fault.row(),
            Self::Payload(fault) => fault.row(),
            Self::Header(fault) => fault.row(),
            Self::Signature(fault) => fault.row(),
            Self::Token(fault) => fault.row(),
            Self::Jwks(fault) => fault.row(),
            Self::Discovery(fault) => fault.row(),
            Self::Authorization(fault) => fault.row(),
            Self::Userinfo(fault) => fault.row(),
            Self::Transport(_, fault) => fault.row(),
        }
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        Self::all()
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;

    #[test]
    fn every_name_is_kebab_case_unique_and_parses_to_its_fault() {
        for fault in Fault::all() {
            let name = fault.name();
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            assert_eq!(name.parse(), Ok(fault), "{name}");
        }
        assert!("no-such-fault".parse::<Fault>().is_err());
    }
}
