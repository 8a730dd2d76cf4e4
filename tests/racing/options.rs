//! Command line of tests/race

use std::time::Duration;

use crate::rows::{Run, Store};

/// The gateway under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubjectKind {
    Foregate,
    Oauth2Proxy,
}

impl SubjectKind {
    /// Returns whether the gateway has this store and what the run needs.
    pub(crate) fn supports(self, run: Run, store: Store) -> bool {
        match self {
            Self::Foregate => true,
            Self::Oauth2Proxy => store != Store::File && !matches!(run, Run::SessionKey | Run::SignOut),
        }
    }
}

/// The provider of the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProviderKind {
    Development,
    Keycloak,
}

impl ProviderKind {
    /// Returns whether the provider can do what the run needs.
    fn supports(self, run: Run) -> bool {
        let needs_development_provider = matches!(
            run,
            Run::SigningKey | Run::SlowProvider | Run::RefreshFaults | Run::LostAnswer | Run::SignOut
        );
        self == Self::Development || !needs_development_provider
    }
}

/// The options, with the defaults of the short form.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) full: bool,
    pub(crate) only: Vec<Run>,
    pub(crate) stores: Vec<Store>,
    pub(crate) seconds: Option<u64>,
    pub(crate) sessions: Option<usize>,
    pub(crate) seed: u64,
    pub(crate) subject: SubjectKind,
    pub(crate) provider: ProviderKind,
}

impl Options {
    /// Reads the command line. The error is a sentence for the user.
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            full: false,
            only: Vec::new(),
            stores: Vec::new(),
            seconds: None,
            sessions: None,
            seed: random_seed(),
            subject: SubjectKind::Foregate,
            provider: ProviderKind::Development,
        };
        while let Some(argument) = arguments.next() {
            if argument == "--full" {
                options.full = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{argument} is unknown or needs a value"))?;
            options.set(&argument, &value)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = || value.parse::<u64>().map_err(|_| format!("{name} takes a number, not {value}"));
        match name {
            "--only" => {
                let run = Run::ALL.into_iter().find(|run| run.name() == value);
                let names = Run::ALL.map(Run::name).join(", ");
                self.only.push(run.ok_or_else(|| format!("no run is named {value}; the runs are {names}"))?);
            }
            "--store" => {
                let store = Store::ALL.into_iter().find(|store| store.name() == value);
                self.stores.push(store.ok_or_else(|| format!("no store is named {value}"))?);
            }
            "--seconds" => self.seconds = Some(number()?),
            "--sessions" => self.sessions = Some(usize::try_from(number()?).unwrap()),
            "--seed" => self.seed = number()?,
            "--subject" if value == "oauth2-proxy" => self.subject = SubjectKind::Oauth2Proxy,
            "--subject" if value == "foregate" => self.subject = SubjectKind::Foregate,
            "--provider" if value == "keycloak" => self.provider = ProviderKind::Keycloak,
            _ => return Err(format!("{name} {value} is unknown")),
        }
        Ok(())
    }

    /// Returns the load and the times of each run.
    pub(crate) fn load(&self) -> Load {
        let (sessions, seconds) = if self.full { (50, 90) } else { (6, 45) };
        Load {
            sessions: self.sessions.unwrap_or(sessions),
            duration: Duration::from_secs(self.seconds.unwrap_or(seconds)),
        }
    }

    /// Returns the runs and their stores. Those of one list run at the same time.
    pub(crate) fn batches(&self) -> Vec<Vec<(Run, Store)>> {
        if !self.full && self.only.is_empty() && self.stores.is_empty() {
            return vec![SHORT_FORM.to_vec()];
        }
        let runs = Run::ALL.into_iter().filter(|run| self.only.is_empty() || self.only.contains(run));
        let stores = |run| {
            let stores = Store::ALL.into_iter();
            let stores = stores.filter(|store| self.stores.is_empty() || self.stores.contains(store));
            let cells = stores.map(|store| (run, store));
            cells
                .filter(|(run, store)| self.subject.supports(*run, *store) && self.provider.supports(*run))
                .collect()
        };
        runs.map(stores).collect()
    }
}

/// The runs of the short form, which run at the same time.
const SHORT_FORM: [(Run, Store); 5] = [
    (Run::Kill, Store::Redis),
    (Run::Stop, Store::Redis),
    (Run::RedisAway, Store::Redis),
    (Run::Kill, Store::File),
    (Run::DropCookies, Store::Cookie),
];

/// How many sessions poll, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) sessions: usize,
    pub(crate) duration: Duration,
}

/// Clients of each session.
pub(crate) const CLIENTS: usize = 10;
/// The life of access and ID tokens.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(20);

fn random_seed() -> u64 {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    u32::from_le_bytes(bytes).into()
}
