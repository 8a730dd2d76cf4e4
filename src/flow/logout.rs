//! How does a session end because the person says so?

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::ports::{Clock, LoginStore, Opened, SessionStore, Shown, Workspace};
use crate::access::origin::Origin;

/// Ends sessions.
pub struct Logout {
    /// Where sessions live.
    pub sessions: Arc<dyn SessionStore>,
    /// Where a sign-in has left its mark.
    pub logins: Arc<dyn LoginStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What the browser is told, and who it was.
pub struct SignedOut {
    /// `Set-Cookie` values that remove the session.
    pub cookies: Vec<HeaderValue>,
    /// The person, where there was a usable session.
    pub subject: Option<String>,
}

impl Logout {
    /// Ends the session that the request carries, usable or not.
    pub fn sign_out(&self, origin: &Origin, headers: &HeaderMap) -> SignedOut {
        let mut workspace = Workspace::new();
        let now = self.clock.now();
        let shown = Shown { headers, origin, now, active: true };
        let subject = match self.sessions.open(&mut workspace, shown).opened {
            Opened::Session(session) => Some(session.credential.person.subject.to_owned()),
            Opened::Stale(stale) => Some(stale.subject),
            Opened::Absent(_) | Opened::Unknown(_) => None,
        };
        let mut cookies = self.sessions.end(headers, origin, now);
        cookies.extend(self.logins.take_off(headers, origin));
        SignedOut { cookies, subject }
    }
}
