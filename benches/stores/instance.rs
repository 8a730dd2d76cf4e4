//! The stores, each empty and on its own

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use foregate::flow::ports::Sessions;
use foregate::server::SystemClock;
use foregate::session::cookie_store::Room;
use foregate::session::records::file::FileRecords;
use foregate::session::records::redis::{Login, RedisRecords, RedisServers, RedisSettings, Topology};
use foregate::session::records::{Bounds, MemoryRecords};

use crate::server::Server;
use crate::support::cookie_store;
use crate::tickets::ticket_store;
use crate::{Folder, resident_bytes};

/// More than the sessions of any run.
const MAX_SESSIONS: usize = 10_000_000;
const BOUNDS: Bounds = Bounds { sessions: MAX_SESSIONS, per_user: MAX_SESSIONS };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Cookie,
    Memory,
    File,
    Redis,
}

/// A store, and where its sessions are.
pub(crate) struct Instance {
    pub(crate) sessions: Arc<dyn Sessions>,
    place: Place,
}

enum Place {
    Process,
    File(PathBuf),
    Server(Server),
}

impl Instance {
    /// Returns a store that reads each record at most once in `fresh`, or `None` if its program is not installed.
    pub(crate) fn start(kind: Kind, name: &str, fresh: Duration, folder: &Folder) -> Option<Self> {
        Some(match kind {
            Kind::Cookie => {
                let store = cookie_store(Room { sessions: MAX_SESSIONS, per_user: MAX_SESSIONS });
                Self { sessions: Arc::new(store), place: Place::Process }
            }
            Kind::Memory => {
                let records = MemoryRecords::new(BOUNDS, Arc::new(SystemClock));
                Self { sessions: ticket_store(records, fresh), place: Place::Process }
            }
            Kind::File => {
                let path = folder.file(name);
                let records = FileRecords::open(&path, BOUNDS, Arc::new(SystemClock)).unwrap();
                Self { sessions: ticket_store(records, fresh), place: Place::File(path) }
            }
            Kind::Redis => {
                let server = Server::start()?;
                let (settings, clock) = (settings(server.port), Arc::new(SystemClock));
                let records = RedisRecords::new(&settings, MAX_SESSIONS, clock).unwrap();
                Self { sessions: ticket_store(records, fresh), place: Place::Server(server) }
            }
        })
    }

    /// Returns the CPU time of the store's server so far, in nanoseconds.
    pub(crate) fn server_cpu_time(&self) -> f64 {
        match &self.place {
            Place::Process | Place::File(_) => 0.0,
            Place::Server(server) => server.cpu_time(),
        }
    }

    /// Returns the bytes of the sessions: the memory of this process or of Redis, or the length of the file.
    pub(crate) fn bytes(&self) -> usize {
        match &self.place {
            Place::Process => resident_bytes(std::process::id()),
            Place::File(path) => usize::try_from(path.metadata().unwrap().len()).unwrap(),
            Place::Server(server) => server.used_bytes(),
        }
    }
}

fn settings(port: u16) -> RedisSettings {
    let servers = RedisServers {
        topology: Topology::Single,
        addresses: vec![("127.0.0.1".to_owned(), port)],
        tls: false,
        ca: None,
        login: Login::default(),
        database: 0,
    };
    RedisSettings { servers, key_prefix: "foregate:".to_owned() }
}
