//! The rows of docs/guarantees.md: failures, stores, and what each may cost
//!
//! The table of that page is the only place that says what is allowed. A row without a run, and a run without a row,
//! is an error.

use std::fmt;

const PAGE: &str = include_str!("../../docs/guarantees.md");

/// A place for sessions, as in `session.store`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Cookie,
    File,
    Redis,
}

impl Store {
    pub(crate) const ALL: [Self; 3] = [Self::Cookie, Self::File, Self::Redis];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::File => "file",
            Self::Redis => "redis",
        }
    }
}

/// The failure that a run causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    NoFailure,
    Restart,
    Kill,
    Stop,
    SigningKey,
    SessionKey,
    DropCookies,
    RedisSlow,
    RedisAway,
    RedisCut,
    Failover,
    Abort,
    RefreshFaults,
    SlowProvider,
    LostAnswer,
    SignOut,
}

impl Run {
    pub(crate) const ALL: [Self; 16] = [
        Self::NoFailure,
        Self::Restart,
        Self::Kill,
        Self::Stop,
        Self::SigningKey,
        Self::SessionKey,
        Self::DropCookies,
        Self::RedisSlow,
        Self::RedisAway,
        Self::RedisCut,
        Self::Failover,
        Self::Abort,
        Self::RefreshFaults,
        Self::SlowProvider,
        Self::LostAnswer,
        Self::SignOut,
    ];

    /// Returns the name for `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoFailure => "none",
            Self::Restart => "restart",
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::SigningKey => "signing-key",
            Self::SessionKey => "session-key",
            Self::DropCookies => "drop-cookies",
            Self::RedisSlow => "redis-slow",
            Self::RedisAway => "redis-away",
            Self::RedisCut => "redis-cut",
            Self::Failover => "failover",
            Self::Abort => "abort",
            Self::RefreshFaults => "refresh-faults",
            Self::SlowProvider => "slow-provider",
            Self::LostAnswer => "lost-answer",
            Self::SignOut => "sign-out",
        }
    }

    /// Returns the first cell of the row.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::NoFailure => "none",
            Self::Restart => "the gateways restart, one by one",
            Self::Kill => "a gateway is killed (SIGKILL)",
            Self::Stop => "a gateway is stopped for longer than a lease (SIGSTOP)",
            Self::SigningKey => "the provider replaces its signing key",
            Self::SessionKey => "the session key is replaced, in two steps with restarts",
            Self::DropCookies => "the proxy drops `Set-Cookie`",
            Self::RedisSlow => "Redis answers 0 to 500 ms late",
            Self::RedisAway => "Redis is away for 5 s",
            Self::RedisCut => "one gateway cannot reach Redis",
            Self::Failover => "Sentinel makes a replica the primary",
            Self::Abort => "clients close their connections",
            Self::RefreshFaults => "10 % of the refreshes get 500, 429 or no answer",
            Self::SlowProvider => "the provider takes 3 s for a refresh",
            Self::LostAnswer => "the answer to a refresh is lost, 2 %",
            Self::SignOut => "users sign out, and the provider ends sessions",
        }
    }

    /// Returns whether processes are down or stopped during the run. Only then may a check get no answer.
    pub(crate) fn stops_processes(self) -> bool {
        matches!(self, Self::Restart | Self::Kill | Self::Stop | Self::SessionKey)
    }
}

/// The worst that a check gets, as in docs/guarantees.md. Each value includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cost {
    None,
    Unavailable,
    Redirect,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Unavailable => "503",
            Self::Redirect => "redirect",
        })
    }
}

/// Returns what a run may cost with a store, `None` if the page has no guarantee for it.
pub(crate) fn allowed(run: Run, store: Store) -> Option<Cost> {
    let (_, cells) = rows().into_iter().find(|(title, _)| *title == run.title()).unwrap();
    let column = Store::ALL.iter().position(|listed| *listed == store).unwrap();
    match cells[column] {
        "none" => Some(Cost::None),
        "503" => Some(Cost::Unavailable),
        "redirect" => Some(Cost::Redirect),
        "–" => None,
        other => panic!("docs/guarantees.md has an unknown cell: {other}"),
    }
}

/// Returns the rows of the first table, in their order.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let lines =
        PAGE.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    // The first two lines are the head.
    lines.skip(2).map(cells).map(|cells| (cells[0], cells[1..].to_vec())).collect()
}

/// Panics if the page and the program do not have the same rows.
pub(crate) fn compare_with_page() {
    let listed: Vec<&str> = rows().into_iter().map(|(title, _)| title).collect();
    let runs: Vec<&str> = Run::ALL.into_iter().map(Run::title).collect();
    assert_eq!(listed, runs, "docs/guarantees.md and tests/racing/rows.rs have different rows");
}
