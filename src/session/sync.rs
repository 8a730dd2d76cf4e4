//! Which locks does the table of sessions use?
//!
//! The system's; `tests/model` compiles the table with others, which try every order of events.

pub(super) use std::sync::atomic::{AtomicUsize, Ordering};
pub(super) use std::sync::{Mutex, MutexGuard, PoisonError};
