//! Entry point for libFuzzer
//!
//! The environment variable `FOREGATE_FUZZ` selects the property of this process.
#![no_main]

mod properties;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static PROPERTY: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FOREGATE_FUZZ").unwrap_or_default();
    let found = properties::ALL.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("FOREGATE_FUZZ={name} names no property")).1
});

fuzz_target!(|bytes: &[u8]| PROPERTY(bytes));
