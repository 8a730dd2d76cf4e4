//! The registry of sessions in every order of events
//!
//! The registry is the gateway's own source with shuttle's locks. Browsers, a user who signs out and a provider that
//! answers in every way run against each other, and each schedule is held to:
//!
//! 1. one exchange at a time for a session, and no refresh token sent twice, unless the provider certainly did not take it;
//! 2. generations strictly increase;
//! 3. nothing is written after the end, and the end is seen by all from then on;
//! 4. a caller that lost its lease changes nothing;
//! 5. the counts of sessions and users add up.
#![forbid(unsafe_code)]
#![expect(dead_code, unreachable_pub, unused_imports, reason = "the gateway uses all of the registry, the model a part")]

use session::model;

fn main() {
    model::renewals_race_with_each_other();
    model::renewals_race_with_a_sign_out();
    model::sign_ins_race_for_the_last_places_and_the_counts_add_up();
    println!("Every schedule kept every promise.");
}

/// What the registry needs of the ports: the same plain data.
mod flow {
    pub(crate) mod ports {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) struct SessionId(pub [u8; 16]);

        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct UnixTime(pub u64);

        impl UnixTime {
            pub(crate) fn plus(self, duration: std::time::Duration) -> Self {
                Self(self.0.saturating_add(duration.as_secs()))
            }
        }

        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Full {
            Sessions,
            User,
        }
    }
}

mod session {
    pub(crate) mod sync {
        pub(crate) use shuttle::sync::atomic::{AtomicUsize, Ordering};
        pub(crate) use shuttle::sync::{Mutex, MutexGuard};
        pub(crate) use std::sync::PoisonError;
    }

    pub(crate) mod model;
    mod registry;
    mod users;
}
