//! State of the gateways, of the store and of the provider

use crate::session::records::{Holder, LeaseState};

/// The largest number of gateways.
pub(crate) const MAX_GATEWAYS: usize = 3;

/// The record of the one session. What it seals is its refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) revision: u8,
    pub(crate) generation: u8,
    pub(crate) lease: LeaseState,
    pub(crate) token: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) now: u64,
    pub(crate) store: Store,
    pub(crate) gateways: [Gateway; MAX_GATEWAYS],
    pub(crate) sign_out: SignOut,
    pub(crate) provider: Provider,
    pub(crate) left: Budget,
    pub(crate) seen: Seen,
}

/// The servers of the store. The replica has what the primary had at some earlier time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    pub(crate) primary: Option<Row>,
    pub(crate) replica: Option<Row>,
    /// Whether the replica follows the primary.
    pub(crate) is_followed: bool,
    /// Whether the primary acknowledged a replicated write without a replica, because none followed it.
    pub(crate) is_ahead: bool,
    /// The row of the earlier primary, if gateways still use it.
    pub(crate) old: Option<Row>,
}

/// The refresh token that a gateway read with its generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    pub(crate) generation: u8,
    pub(crate) token: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Gateway {
    /// The number of its latest lease. A process that starts after a crash continues it, which is as good as a new
    /// random number.
    pub(crate) fence: u8,
    pub(crate) task: Task,
    /// A renewal between its read and its write.
    pub(crate) renewal: Option<Swap>,
    /// A write that reaches the server after its caller stopped waiting.
    pub(crate) late: Option<Swap>,
    /// Whether it still uses the earlier primary.
    pub(crate) is_at_old: bool,
}

/// What a gateway does for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    Idle,
    Acquire {
        session: Session,
        is_takeover: bool,
        call: Call,
    },
    /// It has the lease, and has not sent the token.
    Leased(Session),
    /// It waits for the provider.
    Exchange(Session, Answer),
    Commit {
        session: Session,
        token: u8,
        is_retry: bool,
        call: Call,
    },
    Release(Release, Call),
}

/// How a lease is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Release {
    /// The store may have recorded it without an answer. Its token was not sent by this gateway.
    Unused {
        is_takeover: bool,
    },
    RetryAt,
    TokenSpent,
}

/// A read and a write of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Find,
    Swap(Swap),
    /// The primary has the row. It counts when the replica has it too.
    Wait {
        written: Row,
        is_replicated: bool,
    },
}

/// A row to write, and the row that it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Swap {
    pub(crate) read: Row,
    pub(crate) write: Row,
}

/// The answer of the provider to a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    /// The next token.
    Token(u8),
    /// The provider did not use the token.
    Unavailable,
    /// There will be none.
    Lost,
}

/// The removal of the row by its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SignOut {
    Not,
    Waiting { is_replicated: bool },
    Confirmed,
}

/// A provider that ends the grant when a token is presented twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Provider {
    /// One bit for each token that was presented.
    pub(crate) presented: u16,
    pub(crate) newest: u8,
}

/// How often each event may still occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) refreshes: u8,
    pub(crate) ticks: u8,
    /// Writes that change nothing of the lease, such as that of the last use.
    pub(crate) touches: u8,
    /// Exchanges that the provider answers with an error, and does not process.
    pub(crate) refusals: u8,
    pub(crate) sign_outs: u8,
    pub(crate) crashes: u8,
    /// Calls whose answer is lost, or that come too late.
    pub(crate) lost: u8,
    pub(crate) failovers: u8,
    /// Times that the replica stops to follow the primary.
    pub(crate) detachments: u8,
}

/// What happened, as recorded outside of the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    /// A token was presented twice.
    pub(crate) reuse: bool,
    /// A gateway changed a row whose lease it does not have, and not by a newest result.
    pub(crate) intrusion: bool,
    /// The generation of the newest confirmed write, and its token.
    pub(crate) confirmed: Option<Session>,
    /// Two confirmed writes have the same generation with two tokens.
    pub(crate) regression: bool,
    /// A gateway found the session after the confirmed sign-out.
    pub(crate) found_after_end: bool,
    /// The same, on a primary that is cut off.
    pub(crate) found_at_old: bool,
    /// A lease that was taken over was given back as one whose token was not sent.
    pub(crate) forgot_takeover: bool,
    /// A write replaced a row that its gateway had not read, with the revision of the row that it had read.
    pub(crate) replaced_unseen: bool,
    /// A write was acknowledged without a replica, and a failover lost it.
    pub(crate) lost_confirmed: bool,
}

impl Gateway {
    pub(crate) const NEW: Self =
        Self { fence: 0, task: Task::Idle, renewal: None, late: None, is_at_old: false };

    /// Returns whether it has a lease, as far as it knows.
    pub(crate) fn is_leaseholder(&self) -> bool {
        match self.task {
            Task::Leased(_) | Task::Exchange(..) | Task::Commit { .. } => true,
            Task::Release(how, _) => !matches!(how, Release::Unused { .. }),
            Task::Idle | Task::Acquire { .. } => false,
        }
    }

    pub(crate) fn call(&mut self) -> Option<&mut Call> {
        match &mut self.task {
            Task::Acquire { call, .. } | Task::Commit { call, .. } | Task::Release(_, call) => Some(call),
            Task::Idle | Task::Leased(_) | Task::Exchange(..) => None,
        }
    }
}

impl State {
    pub(crate) fn new(left: Budget) -> Self {
        let first = Row { revision: 1, generation: 1, lease: LeaseState::Available, token: 1 };
        Self {
            now: 100,
            store: Store {
                primary: Some(first),
                replica: Some(first),
                is_followed: true,
                is_ahead: false,
                old: None,
            },
            gateways: [Gateway::NEW; MAX_GATEWAYS],
            sign_out: SignOut::Not,
            provider: Provider { presented: 0, newest: 1 },
            left,
            seen: Seen::default(),
        }
    }

    pub(crate) fn holder(&self, gateway: usize) -> Holder {
        Holder { process: gateway as u64, fence: u64::from(self.gateways[gateway].fence) }
    }
}

impl Row {
    pub(crate) fn session(self) -> Session {
        Session { generation: self.generation, token: self.token }
    }
}
