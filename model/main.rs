//! Models of the refresh of a session, in every order of events
//!
//! `replicas` has several gateways with one store, and faults. `session::model` has one gateway: its registry is the
//! gateway's own source with shuttle's locks. Browsers, a user who signs out, and a provider with every kind of response
//! run concurrently. In each schedule:
//!
//! 1. A session has one refresh at a time. No refresh token is sent twice, unless the provider certainly did not use
//!    it.
//! 2. Generations strictly increase.
//! 3. Nothing is written after the end of a session, and every later request sees the end.
//! 4. A caller that lost its lease changes nothing.
//! 5. The counts of sessions and users are right.
#![forbid(unsafe_code)]
#![expect(dead_code, unreachable_pub, unused_imports, reason = "the model uses only a part of the registry")]

use session::model;

fn main() {
    replicas::check_all();
    model::refreshes_race_with_each_other();
    model::refreshes_race_with_a_sign_out();
    model::sign_ins_race_for_the_last_places_and_the_counts_are_right();
    println!("Every schedule passed every check.");
}

/// The plain data types that the registry uses from the ports.
mod flow {
    pub(crate) mod ports {
        mod time;

        pub(crate) use self::time::UnixTime;

        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) struct SessionId(pub [u8; 16]);

        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Standing {
            Until(UnixTime, Option<crate::access::policy::PolicyVerdicts>),
            Ended,
        }

        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Full {
            Sessions,
            User,
        }
    }
}

mod access {
    pub(crate) mod policy {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct PolicyVerdicts;
    }
}

mod replicas;

mod session {
    pub(crate) mod records;

    pub(crate) mod sync {
        pub(crate) use shuttle::sync::atomic::{AtomicUsize, Ordering};
        pub(crate) use shuttle::sync::{Mutex, MutexGuard};
        pub(crate) use std::sync::PoisonError;
    }

    pub(crate) mod model;
    mod registry;
    mod users;
}
