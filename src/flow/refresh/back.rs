//! What becomes of a person who comes with tokens that are over?

use std::sync::Arc;

use http::HeaderValue;

use super::{Refresh, Waited};
use crate::flow::audit::Dialect;
use crate::flow::ports::{Opened, Opening, Renewable, Shown, Workspace};

/// What became of it.
pub enum Back {
    /// The session is fresh; with the `Set-Cookie` values that the browser should have.
    Fresh(Option<Arc<[HeaderValue]>>),
    /// There is none: they sign in.
    Gone,
    /// Nobody can tell now, and the session lives on.
    NotNow,
}

enum Look {
    Stale(Box<Renewable>),
    Known(Back),
}

impl Refresh {
    /// Renews the session that a request carries, if its tokens are over.
    pub async fn bring_back(self: &Arc<Self>, shown: Shown<'_>) -> Back {
        let stale = match self.look(shown) {
            Look::Known(back) => return back,
            Look::Stale(stale) => stale,
        };
        match self.finish(*stale, Dialect::Page, self.settings.timeout).await {
            Waited::NotNow | Waited::Longer => return Back::NotNow,
            Waited::Ended => {}
        }
        match self.look(Shown { now: self.clock.now(), ..shown }) {
            Look::Known(back) => back,
            Look::Stale(_) => Back::Gone,
        }
    }

    fn look(&self, shown: Shown<'_>) -> Look {
        let mut workspace = Workspace::new();
        let Opening { opened, deliver, .. } = self.sessions.open(&mut workspace, shown);
        match opened {
            Opened::Stale(stale) => Look::Stale(stale),
            Opened::Session(_) => Look::Known(Back::Fresh(deliver)),
            Opened::Absent(_) => Look::Known(Back::Gone),
            Opened::Unknown(_) => Look::Known(Back::NotNow),
        }
    }
}
