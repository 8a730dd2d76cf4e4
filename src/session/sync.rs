//! Locks of the registry
//!
//! These are the locks of the standard library. `tests/model` compiles the registry with others, which try every
//! order of events.

pub(super) use std::sync::atomic::{AtomicUsize, Ordering};
pub(super) use std::sync::{Mutex, MutexGuard, PoisonError};
