//! Table of all configuration keys
//!
//! Each section is defined in the module that reads it.

use super::key::Table;
use super::{
    claims, cookie, drain, headers, headlamp, listeners, log, policies, provider, public, public_paths,
    session, sign_in, upstream,
};

/// The table.
pub(super) const TABLE: Table = Table {
    sections: &[
        public::SECTION,
        cookie::SECTION,
        provider::SECTION,
        provider::ENDPOINTS,
        provider::PARAMETERS,
        session::SECTION,
        session::redis::SECTION,
        claims::SECTION,
        policies::SECTION,
        public_paths::SECTION,
        headers::SECTION,
        headlamp::SECTION,
        sign_in::SECTION,
        listeners::CHECK,
        listeners::OPS,
        upstream::SECTION,
        log::SECTION,
        drain::SECTION,
    ],
};
