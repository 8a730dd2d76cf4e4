//! Accepted signature algorithms
//!
//! 1. If the operator sets algorithms, exactly these are accepted.
//! 2. Otherwise every supported algorithm is accepted that the provider announces, and RS256 if it announces none.
//!    RS256 is the default of OpenID Connect (Core §3.1.3.7, rule 7).
//! 3. No setting and no announcement adds an algorithm with a shared secret, or `none`.

use thiserror::Error;

use super::algorithm::{Algorithm, Names};
use crate::access::quoted::quoted;

/// The accepted algorithms, and where they come from.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub(super) algorithms: Vec<Algorithm>,
    source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Configured,
    Announced,
    /// The provider announces no algorithm.
    Assumed,
}

/// Why the `alg` of a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum AlgorithmError {
    #[error("its header has no alg that is text")]
    Missing,
    #[error("its alg is none, so it is not signed")]
    Unsigned,
    #[error(
        "its alg is {0}, whose key is the client secret; at the provider, let this client's ID tokens be signed with a key \
         pair, for example with RS256"
    )]
    SharedSecret(String),
    #[error("its alg is {found}, which is not supported; supported are {}", Names(&Algorithm::ALL))]
    NotSupported { found: String },
    #[error(
        "its alg is {}, but provider.signing_algorithms allows only {}; if the provider is to sign with it, add {0}, or \
         remove the key to accept what the provider announces",
        found.as_str(), Names(configured)
    )]
    NotConfigured { found: Algorithm, configured: Vec<Algorithm> },
    #[error(
        "its alg is {}, but the provider announces {}; if the provider is to sign with it, set \
         provider.signing_algorithms = [\"{0}\"]",
        found.as_str(), Names(announced)
    )]
    NotAnnounced { found: Algorithm, announced: Vec<Algorithm> },
    #[error(
        "its alg is {}, but the provider announces no algorithm, so only RS256 is accepted; set \
         provider.signing_algorithms = [\"{0}\"]",
        found.as_str()
    )]
    NotAssumed { found: Algorithm },
}

impl AlgorithmError {
    /// Returns whether settings here or at the provider are the most likely cause, not an attack.
    pub(super) fn is_about_settings(&self) -> bool {
        !matches!(self, Self::Missing | Self::Unsigned)
    }

    /// Returns whether the provider may have announced the algorithm since its metadata was loaded.
    pub(super) fn may_need_new_metadata(&self) -> bool {
        matches!(self, Self::NotAnnounced { .. } | Self::NotAssumed { .. })
    }
}

impl Accepted {
    /// Returns the accepted algorithms for a setting, and for `id_token_signing_alg_values_supported`.
    pub(super) fn new(configured: Option<&[Algorithm]>, announced: Option<&[String]>) -> Self {
        match (configured, announced) {
            (Some(configured), _) => Self { algorithms: configured.to_owned(), source: Source::Configured },
            (None, Some(announced)) => {
                let is_announced =
                    |algorithm: &Algorithm| announced.iter().any(|name| name == algorithm.as_str());
                let algorithms = Algorithm::ALL.into_iter().filter(is_announced).collect();
                Self { algorithms, source: Source::Announced }
            }
            (None, None) => Self { algorithms: vec![Algorithm::Rs256], source: Source::Assumed },
        }
    }

    /// Returns the algorithm that an `alg` value names, if it is accepted.
    pub(super) fn find(&self, alg: Option<&str>) -> Result<Algorithm, AlgorithmError> {
        let name = alg.ok_or(AlgorithmError::Missing)?;
        let Some(found) = Algorithm::parse(name) else {
            return Err(match name {
                _ if name.eq_ignore_ascii_case("none") => AlgorithmError::Unsigned,
                "HS256" | "HS384" | "HS512" => AlgorithmError::SharedSecret(name.to_owned()),
                _ => AlgorithmError::NotSupported { found: quoted(name) },
            });
        };
        if self.algorithms.contains(&found) {
            return Ok(found);
        }
        let accepted = self.algorithms.clone();
        Err(match self.source {
            Source::Configured => AlgorithmError::NotConfigured { found, configured: accepted },
            Source::Announced => AlgorithmError::NotAnnounced { found, announced: accepted },
            Source::Assumed => AlgorithmError::NotAssumed { found },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn setting_is_never_widened() {
        let accepted = Accepted::new(Some(&[Algorithm::Es256]), Some(&announced(&["RS256", "ES256"])));
        assert_eq!(accepted.find(Some("ES256")), Ok(Algorithm::Es256));
        let error = accepted.find(Some("RS256")).unwrap_err().to_string();
        assert!(
            error.starts_with("its alg is RS256, but provider.signing_algorithms allows only ES256"),
            "{error}"
        );
        assert!(error.contains("add RS256"), "{error}");
    }

    #[test]
    fn default_is_what_the_provider_announces_or_rs256() {
        let names = announced(&["HS256", "none", "ES512", "PS384", "XY"]);
        assert_eq!(Accepted::new(None, Some(&names)).algorithms, [Algorithm::Ps384, Algorithm::Es512]);
        assert_eq!(Accepted::new(None, Some(&announced(&["HS512"]))).algorithms, []);
        let assumed = Accepted::new(None, None);
        assert_eq!(assumed.algorithms, [Algorithm::Rs256]);
        let error = assumed.find(Some("ES256")).unwrap_err().to_string();
        assert!(error.contains("set provider.signing_algorithms = [\"ES256\"]"), "{error}");
    }

    #[test]
    fn unsigned_token_and_shared_secret_are_refused_whatever_is_announced() {
        let all = announced(&["RS256", "HS256", "HS384", "HS512", "none", "ES256K"]);
        let accepted = Accepted::new(None, Some(&all));
        for name in ["HS256", "HS384", "HS512"] {
            let error = accepted.find(Some(name)).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("its alg is {name}, whose key is the client secret")),
                "{error}"
            );
        }
        for name in ["none", "NONE", "nOnE"] {
            assert_eq!(accepted.find(Some(name)), Err(AlgorithmError::Unsigned));
        }
        assert_eq!(accepted.find(None), Err(AlgorithmError::Missing));
        let error = accepted.find(Some("ES256K")).unwrap_err().to_string();
        assert!(
            error.contains("ES256K, which is not supported; supported are RS256, RS384, RS512, PS256"),
            "{error}"
        );
    }
}
