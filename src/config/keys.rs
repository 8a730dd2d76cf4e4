//! Which keys are there? Each section's file holds its own part of the table; this is the order people read them in.

use super::key::Section;
use super::{
    claims, cookie, headers, listeners, log, policies, provider, public, public_paths, session, sign_in,
    upstream,
};

/// The table.
pub(super) const SECTIONS: &[Section] = &[
    public::SECTION,
    cookie::SECTION,
    provider::SECTION,
    provider::ENDPOINTS,
    provider::PARAMETERS,
    session::SECTION,
    claims::SECTION,
    policies::SECTION,
    public_paths::SECTION,
    headers::SECTION,
    sign_in::SECTION,
    listeners::CHECK,
    listeners::OPS,
    upstream::SECTION,
    log::SECTION,
];
