//! Faults of logout tokens (Back-Channel Logout §2.4)

use serde_json::{Map, Value, json};

use super::{ClaimFault, Fault, HeaderFault, SignatureFault, UnknownFault, faults};

/// The change that a fault makes: to the claims, or the change of an ID token fault.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Claims(fn(&mut Map<String, Value>)),
    Like(Fault),
}

/// The event that identifies a logout token.
pub(crate) const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

faults! {
    /// A faulty logout token.
    LogoutFault: Act;
    AlgNone, "logout-alg-none", "B02", "`alg` is `none` and the signature is empty", Act::Like(Fault::Header(HeaderFault::AlgNone));
    EventsMissing, "logout-events-missing", "B03",
        "`events` is left out",
        Act::Claims(|claims| { claims.remove("events"); });
    NoncePresent, "logout-nonce-present", "B04",
        "`nonce` is present",
        Act::Claims(|claims| { claims.insert("nonce".to_owned(), json!("n")); });
    AlgOther, "logout-alg-other", "B05",
        "`alg` is RS384, and an RSA key signs with RS384",
        Act::Like(Fault::Header(HeaderFault::AlgRs384));
    AudChanged, "logout-aud-changed", "B06",
        "`aud` has a `1` at its end",
        Act::Like(Fault::Claim(ClaimFault::AudChanged));
    EventOther, "logout-event-other", "B07",
        "`events` contains only `http://schemas.openid.net/event/foobar`",
        Act::Claims(|claims| {
            claims.insert("events".to_owned(), json!({"http://schemas.openid.net/event/foobar": {}}));
        });
    IssChanged, "logout-iss-changed", "B08",
        "`iss` has a `1` at its end",
        Act::Like(Fault::Claim(ClaimFault::IssChanged));
    IatMissing, "logout-iat-missing", "B09",
        "`iat` is left out",
        Act::Like(Fault::Claim(ClaimFault::IatMissing));
    JtiMissing, "logout-jti-missing", "B10",
        "`jti` is left out",
        Act::Claims(|claims| { claims.remove("jti"); });
    NobodyNamed, "logout-nobody-named", "B12",
        "`sub` and `sid` are left out",
        Act::Claims(|claims| claims.retain(|name, _| name != "sub" && name != "sid"));
    IatOld, "logout-iat-old", "B15",
        "`iat` is as in the ID token fault `iat-old`",
        Act::Like(Fault::Claim(ClaimFault::IatOld));
    ExpPast, "logout-exp-past", "B15",
        "`exp` is as in the ID token fault `exp-past`",
        Act::Like(Fault::Claim(ClaimFault::ExpPast));
    ExpMissing, "logout-exp-missing", "accept",
        "`exp` is left out, as in older versions of Keycloak",
        Act::Like(Fault::Claim(ClaimFault::ExpMissing));
    TypMissing, "logout-typ-missing", "accept",
        "`typ` is left out of the header",
        Act::Like(Fault::Header(HeaderFault::TypMissing));
    TypOther, "logout-typ-other", "B16",
        "`typ` in the header is `at+jwt`",
        Act::Like(Fault::Header(HeaderFault::TypAccess));
    Corrupted, "logout-signature-corrupted", "refuse",
        "the signature is as in the ID token fault `signature-corrupted`",
        Act::Like(Fault::Signature(SignatureFault::Corrupted));
    KidUnknown, "logout-kid-unknown", "B20",
        "`kid` is `unknown-key`",
        Act::Like(Fault::Header(HeaderFault::KidUnknown));
    Encrypted, "logout-encrypted", "B23",
        "the token has five segments, as an encrypted token",
        Act::Like(Fault::Signature(SignatureFault::Five));
}

impl LogoutFault {
    /// Returns all faults, in the order of the README.
    pub fn all() -> &'static [Self] {
        Self::ALL
    }

    /// Returns the name, in kebab-case.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the exact change.
    pub fn effect(self) -> &'static str {
        self.row().effect
    }

    /// Returns the conformance cases of the fault, or the required behaviour of a client.
    pub fn cases(self) -> &'static str {
        self.row().cases
    }

    pub(crate) fn act(self) -> Act {
        self.action()
    }
}

impl std::str::FromStr for LogoutFault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let found = Self::ALL.iter().copied().find(|fault| fault.name() == name);
        found.ok_or_else(|| UnknownFault(name.to_owned()))
    }
}
