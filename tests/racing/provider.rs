//! The provider of a run, and what it saw

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dev_provider::{DevProvider, Settings, User};
use serde_json::{Map, json};

use crate::harness::{Realm, Registration, user};
use crate::ledger::{Attempt, Ledger, Rule};
use crate::options::{ProviderKind, TOKEN_LIFE};
use crate::random::Random;
use crate::rows::Run;

/// How long the provider takes for a refresh in the runs that end or stop something. Then some refreshes are not
/// answered at that moment.
const SLOW: Duration = Duration::from_millis(500);
const VERY_SLOW: Duration = Duration::from_secs(3);

/// A running provider with one user for each session.
pub(crate) enum Provider {
    Development(DevProvider, Arc<Ledger>),
    Keycloak(Realm),
}

/// Returns the user of a session. The password is the same.
pub(crate) fn user_name(session: usize) -> String {
    format!("user-{session}")
}

impl Provider {
    pub(crate) async fn start(
        kind: ProviderKind,
        run: Run,
        sessions: usize,
        origin: &str,
        random: Random,
    ) -> Self {
        match kind {
            ProviderKind::Development => Self::development(run, sessions, random).await,
            ProviderKind::Keycloak => Self::keycloak(sessions, origin).await,
        }
    }

    async fn development(run: Run, sessions: usize, random: Random) -> Self {
        let settings = Settings {
            access_token_life: TOKEN_LIFE,
            id_token_life: TOKEN_LIFE,
            users: (0..sessions).map(development_user).collect(),
            ..Settings::default()
        };
        let provider = dev_provider::start(settings).await.unwrap();
        let ledger = Ledger::new(rule(run), random);
        let recorded = Arc::clone(&ledger);
        provider.plan_refreshes(move |seen| recorded.record(seen));
        Self::Development(provider, ledger)
    }

    async fn keycloak(sessions: usize, origin: &str) -> Self {
        let realm = Realm::new(origin, |realm| {
            realm["accessTokenLifespan"] = TOKEN_LIFE.as_secs().into();
            realm["revokeRefreshToken"] = true.into();
            realm["refreshTokenMaxReuse"] = json!(0);
            realm["users"] = (0..sessions).map(|number| user(&user_name(number), &["/dev"])).collect();
        });
        Self::Keycloak(realm.await)
    }

    /// Returns the settings of a gateway for this provider.
    pub(crate) fn registration(&self) -> Registration {
        match self {
            Self::Development(provider, _) => Registration::at(provider.issuer(), "dev"),
            Self::Keycloak(realm) => realm.registration(),
        }
    }

    pub(crate) fn issuer(&self) -> String {
        match self {
            Self::Development(provider, _) => provider.issuer().to_owned(),
            Self::Keycloak(realm) => realm.issuer(),
        }
    }

    /// Returns the development provider. Only some runs need it.
    pub(crate) fn development_provider(&self) -> &DevProvider {
        match self {
            Self::Development(provider, _) => provider,
            Self::Keycloak(_) => panic!("this run needs the development provider"),
        }
    }

    /// Returns the list of refreshes of the development provider.
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        match self {
            Self::Development(_, ledger) => Some(ledger),
            Self::Keycloak(_) => None,
        }
    }

    /// Returns the number of refreshes in flight, if the provider reports them.
    pub(crate) fn in_flight(&self) -> Option<usize> {
        self.ledger().map(Ledger::in_flight)
    }

    /// Returns the number of successful refreshes of each session at the provider.
    pub(crate) async fn successes(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        let sessions: Vec<String> = match self {
            Self::Development(_, ledger) => {
                let attempts = ledger.attempts().into_iter().filter(Attempt::is_success);
                attempts.map(|attempt| format!("{} (grant {:.6})", attempt.user, attempt.grant)).collect()
            }
            Self::Keycloak(realm) => realm.event_sessions("REFRESH_TOKEN").await,
        };
        for session in sessions {
            *counts.entry(session).or_default() += 1;
        }
        counts
    }

    /// Returns the number of refresh tokens that the provider received after they had been used.
    pub(crate) async fn reuse_violations(&self) -> usize {
        match self {
            Self::Development(provider, _) => usize::try_from(provider.observed().reuse_violations).unwrap(),
            Self::Keycloak(realm) => realm.count_events("REFRESH_TOKEN_ERROR").await,
        }
    }
}

fn rule(run: Run) -> Rule {
    match run {
        Run::RefreshFaults => Rule::Faults,
        Run::LostAnswer => Rule::Lost,
        Run::SlowProvider => Rule::Delay(VERY_SLOW),
        Run::NoFailure | Run::DropCookies | Run::SigningKey => Rule::Delay(Duration::ZERO),
        _ => Rule::Delay(SLOW),
    }
}

fn development_user(number: usize) -> User {
    let name = user_name(number);
    User {
        password: name.clone(),
        subject: format!("00000000-0000-4000-8000-{number:012}"),
        name: name.clone(),
        email: format!("{name}@example.com"),
        email_verified: true,
        groups: vec!["dev".to_owned()],
        extra: Map::new(),
        username: name,
    }
}
