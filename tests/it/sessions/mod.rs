//! Tests of the session port, with every store
//!
//! Each rule of [`contract`] is one function. The table below runs every rule against every store.

mod cached;
mod check;
mod contract;
mod fixture;
mod leases;
mod lists;
mod outage;
mod provider;

use std::sync::Arc;
use std::time::Duration;

use foregate::access::origin::Origins;
use foregate::flow::ports::{Clock, SessionLists, Sessions, UnixTime};
use foregate::server::{SystemClock, SystemEntropy};
use foregate::session::codec::seal::KeyRing;
use foregate::session::cookie_store::{CookieStore, Lifetimes, Room};
use foregate::session::records::{Bounds, MemoryRecords};
use foregate::session::ticket_store::{LEASE_TIME, TicketSettings, TicketStore};
use foregate::telemetry::metrics::Metrics;
use foregate::telemetry::recorder::Recorder;

use fixture::{Capabilities, Settings, StoreUnderTest, origins};
use outage::{Failures, Switchable};

fn cookie_store(settings: Settings) -> StoreUnderTest {
    let Settings { lifetime, idle, require_fresh_id_token, .. } = settings;
    let lifetimes = Lifetimes { session: lifetime, idle, require_fresh_id_token };
    let store = CookieStore::new(
        Arc::new(KeyRing::new(&[[7; 32]]).unwrap()),
        Arc::new(SystemEntropy),
        &Origins::new(origins().to_vec()),
        ("https://idp.test", "foregate"),
        (lifetimes, Room { sessions: 1000, per_user: 1000 }),
        Arc::new(Recorder::new(Arc::new(Metrics::default()), Arc::new(SystemClock))),
        fixture::NOW,
    );
    let sessions: Arc<dyn Sessions> = Arc::new(store.unwrap());
    StoreUnderTest {
        sessions,
        capabilities: Capabilities {
            cookie_changes_at_refresh: true,
            lease_lifetime: None,
            outage: None,
            records: None,
        },
    }
}

fn ticket_store(settings: Settings) -> StoreUnderTest {
    ticket_store_with(settings, Duration::ZERO, FixedClock(fixture::NOW))
}

/// Returns a store that reads each record at most once in `fresh`.
fn ticket_store_with(settings: Settings, fresh: Duration, clock: FixedClock) -> StoreUnderTest {
    let keys = Arc::new(KeyRing::new(&[[7; 32]]).unwrap());
    ticket_store_of(keys, settings, fresh, clock).0
}

/// Returns a store with these keys, and its lists.
fn ticket_store_of(
    keys: Arc<KeyRing>,
    settings: Settings,
    fresh: Duration,
    clock: FixedClock,
) -> (StoreUnderTest, Arc<dyn SessionLists>) {
    let Settings { lifetime, idle, require_fresh_id_token, stale_if_error } = settings;
    let outage = Arc::new(Failures::default());
    let bounds = Bounds { sessions: 1000, per_user: 1000 };
    let records = Arc::new(MemoryRecords::new(bounds, Arc::new(clock)));
    let store = TicketStore::new(
        Switchable { records: Arc::clone(&records), outage: Arc::clone(&outage) },
        keys,
        (Arc::new(SystemEntropy), Arc::new(clock)),
        (&Origins::new(origins().to_vec()), ("https://idp.test", "foregate")),
        TicketSettings {
            lifetimes: Lifetimes { session: lifetime, idle, require_fresh_id_token },
            keeps_id_token: true,
            fresh,
            stale_if_error,
            is_exclusive: false,
        },
    );
    let capabilities = Capabilities {
        cookie_changes_at_refresh: false,
        lease_lifetime: Some(LEASE_TIME),
        outage: Some(outage),
        records: Some(records),
    };
    let store = store.unwrap();
    let sessions = Arc::clone(&store) as Arc<dyn Sessions>;
    (StoreUnderTest { sessions, capabilities }, store)
}

/// The clock of a store's lookups.
#[derive(Clone, Copy)]
struct FixedClock(UnixTime);

impl Clock for FixedClock {
    fn now(&self) -> UnixTime {
        self.0
    }
}

macro_rules! every_store_keeps {
    ($($rule:ident)*) => {
        every_rule_for!(cookies: cookie_store: $($rule)*);
        every_rule_for!(tickets: ticket_store: $($rule)*);
    };
}

macro_rules! every_rule_for {
    ($name:ident: $store:ident: $($rule:ident)*) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $rule() {
                    super::contract::$rule(super::$store).await;
                }
            )*
        }
    };
}

every_store_keeps! {
    new_session_opens_as_it_began
    other_cookies_are_returned_without_session_cookies
    request_without_session_cookie_has_no_session
    forged_cookie_is_refused
    cookie_with_a_changed_character_is_refused
    cookie_of_another_length_is_refused
    repeated_session_cookie_is_refused
    cookie_of_another_origin_is_refused
    each_sign_in_has_its_own_session
    sign_in_replaces_the_cookies_of_an_older_session
    session_cookies_are_hidden_from_scripts_and_other_hosts
    session_without_refresh_token_expires_with_its_tokens
    expired_tokens_with_a_refresh_token_are_refreshable
    session_expires_at_the_end_of_its_lifetime
    session_expires_with_its_refresh_token
    refresh_is_due_at_60_to_75_percent_of_the_tokens_life
    idle_session_expires_and_no_request_revives_it
    background_request_does_not_keep_an_idle_session
    expired_id_token_is_not_returned
    session_that_requires_a_fresh_id_token_expires_with_it
    session_has_one_lease_at_a_time
    lease_that_is_never_returned_is_taken_over_only_if_it_expires
    session_of_an_older_generation_gets_no_lease
    commit_adds_one_to_the_generation
    older_cookie_opens_with_the_newest_tokens
    commit_without_an_id_token_keeps_identity_and_id_token
    commit_without_a_refresh_token_keeps_the_old_one
    commit_without_a_later_expiry_delays_the_next_refresh
    commit_without_the_current_lease_is_too_late
    release_without_the_current_lease_changes_nothing
    release_with_retry_at_allows_no_lease_before_then
    release_with_retry_at_leaves_expired_tokens_undetermined
    release_with_token_spent_lets_the_session_expire
    release_with_session_ended_ends_the_session
    end_returns_the_newest_tokens_and_removes_the_cookies
    end_of_an_expired_session_names_no_user
    end_returns_nothing_the_second_time
    ended_session_stays_ended_for_a_copied_cookie
    session_that_ended_during_its_refresh_stays_ended
    logout_token_with_sid_ends_that_session_only
    logout_token_with_sub_ends_all_sessions_of_that_user_only
    logout_token_with_sid_and_sub_ends_sessions_without_sid_too
    session_that_began_before_a_logout_token_arrived_has_ended
    session_that_begins_after_a_logout_token_lives
    session_whose_id_token_precedes_a_logout_token_has_ended
    session_after_a_logout_token_from_the_future_lives
    repeated_logout_token_ends_no_later_session
    session_of_a_logout_token_during_its_refresh_stays_ended
    request_without_a_well_formed_session_cookie_needs_no_store
    unavailable_store_leaves_a_session_undetermined
    unavailable_store_begins_no_session_and_loses_no_logout
    unavailable_store_begins_no_refresh_and_loses_none
    lease_whose_answer_was_lost_can_be_acquired
    commit_whose_answer_was_lost_is_a_commit
}
