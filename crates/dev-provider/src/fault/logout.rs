//! What can be wrong with a logout token (Back-Channel Logout §2.4)?

use serde_json::{Map, Value, json};

use super::{ClaimFault, Fault, HeaderFault, SignatureFault, UnknownFault, faults};

/// What is changed: the claims, or what a fault of ID tokens changes.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Claims(fn(&mut Map<String, Value>)),
    Like(Fault),
}

/// The event that makes a logout token.
pub(crate) const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

faults! {
    /// A wrong logout token.
    LogoutFault: Act;
    AlgNone, "logout-alg-none", "B02", "`alg` is `none`, no signature", Act::Like(Fault::Header(HeaderFault::AlgNone));
    EventsMissing, "logout-events-missing", "B03",
        "`events` is left out",
        Act::Claims(|claims| { claims.remove("events"); });
    NoncePresent, "logout-nonce-present", "B04",
        "there is a `nonce`",
        Act::Claims(|claims| { claims.insert("nonce".to_owned(), json!("n")); });
    AlgOther, "logout-alg-other", "B05",
        "`alg` is RS384 for an RSA key, and signed so",
        Act::Like(Fault::Header(HeaderFault::AlgRs384));
    AudChanged, "logout-aud-changed", "B06",
        "`aud` has a `1` at its end",
        Act::Like(Fault::Claim(ClaimFault::AudChanged));
    EventOther, "logout-event-other", "B07",
        "`events` holds `http://schemas.openid.net/event/foobar` alone",
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
        "`iat` is as in `iat-old` of ID tokens",
        Act::Like(Fault::Claim(ClaimFault::IatOld));
    ExpPast, "logout-exp-past", "B15",
        "`exp` is as in `exp-past` of ID tokens",
        Act::Like(Fault::Claim(ClaimFault::ExpPast));
    ExpMissing, "logout-exp-missing", "accept",
        "`exp` is left out, as older Keycloaks do",
        Act::Like(Fault::Claim(ClaimFault::ExpMissing));
    TypMissing, "logout-typ-missing", "accept",
        "`typ` is left out of the header",
        Act::Like(Fault::Header(HeaderFault::TypMissing));
    TypOther, "logout-typ-other", "B16",
        "`typ` in the header is `at+jwt`",
        Act::Like(Fault::Header(HeaderFault::TypAccess));
    Corrupted, "logout-signature-corrupted", "refuse",
        "the signature is as in `signature-corrupted` of ID tokens",
        Act::Like(Fault::Signature(SignatureFault::Corrupted));
    KidUnknown, "logout-kid-unknown", "B20",
        "`kid` is `unknown-key`",
        Act::Like(Fault::Header(HeaderFault::KidUnknown));
    Encrypted, "logout-encrypted", "B23",
        "five segments, as an encrypted token has",
        Act::Like(Fault::Signature(SignatureFault::Five));
}

impl LogoutFault {
    /// Every one, in the order of the README.
    pub fn all() -> &'static [Self] {
        Self::ALL
    }

    /// Its name, in kebab-case.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What exactly it changes.
    pub fn effect(self) -> &'static str {
        self.row().effect
    }

    /// The cases it plays, or what a client is to do with it.
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
