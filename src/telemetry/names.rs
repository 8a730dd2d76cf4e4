//! Labels of dialects in metrics and logs

use crate::flow::audit::Dialect;

/// The name of a dialect in metrics and logs.
pub(super) fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Traefik => "traefik",
        Dialect::Proxy => "proxy",
        Dialect::Page => "page",
    }
}
