//! Settings from the environment and the flags

use super::key::Known;
use super::keys::TABLE;
use super::nearest::report_unknown_key;
use super::report::Report;
use super::source_value::SourceValue;

const PREFIX: &str = "FOREGATE_";

/// The variable that names the file. It is not a key.
pub(super) const CONFIG: &str = "FOREGATE_CONFIG";

/// Returns the name of a key's environment variable.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// Reads all variables that begin with `FOREGATE_`.
pub(super) fn read_variables(report: &mut Report, environment: &[(String, String)]) -> Vec<SourceValue> {
    let mut found = Vec::new();
    for (name, text) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if name == CONFIG || is_service_link(rest, text) {
            continue;
        }
        let path: Vec<String> = rest.to_ascii_lowercase().split("__").map(str::to_owned).collect();
        let place = format!("set by the environment variable {name}");
        found.extend(read_one(report, &path, text, &place, variable));
    }
    found
}

/// Reads all flags `--set key=value`.
pub(super) fn read_flags(report: &mut Report, flags: &[(String, String)]) -> Vec<SourceValue> {
    let mut found = Vec::new();
    for (name, text) in flags {
        let path: Vec<String> = name.split('.').map(str::to_owned).collect();
        found.extend(read_one(report, &path, text, "set by the flag --set", str::to_owned));
    }
    found
}

fn read_one(
    report: &mut Report,
    path: &[String],
    text: &str,
    place: &str,
    spell: impl Fn(&str) -> String,
) -> Option<SourceValue> {
    if let Known::Key(key) = TABLE.look_up(path) {
        return SourceValue::from_text(report, path, key, text, place).ok();
    }
    report_unknown_key(report, path, place, spell);
    None
}

/// Returns whether Kubernetes set the variable. It describes a service named `foregate` or `foregate-…` to every pod of
/// its namespace in such variables (`FOREGATE_SERVICE_HOST`, `FOREGATE_PORT_4181_TCP`).
fn is_service_link(rest: &str, text: &str) -> bool {
    let rest = format!("_{rest}");
    let address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme));
    rest.ends_with("_SERVICE_HOST")
        || rest.ends_with("_SERVICE_PORT")
        || rest.contains("_SERVICE_PORT_")
        || (rest.ends_with("_PORT") && address)
        || is_port_link(&rest)
}

/// Returns whether the name is `…_PORT_4181_TCP`, or the same followed by `_PORT`, `_PROTO` or `_ADDR`.
fn is_port_link(rest: &str) -> bool {
    let last = ["_PORT", "_PROTO", "_ADDR"].iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
    let number = ["_TCP", "_UDP", "_SCTP"].iter().find_map(|end| last.strip_suffix(end));
    let port = number.and_then(|number| number.rsplit_once("_PORT_"));
    port.is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_service_variables_are_ignored() {
        for (name, value) in [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "80"),
            ("SERVICE_PORT_HTTP", "80"),
            ("PORT", "tcp://10.0.0.1:80"),
            ("PORT_4181_TCP", "tcp://10.0.0.1:4181"),
            ("CHECK_PORT_4181_TCP_ADDR", "10.0.0.1"),
        ] {
            assert!(is_service_link(name, value), "{name}");
        }
        for name in ["PORT", "PUBLIC_URLS", "PUBLIC__LISTEN", "PORT_X_TCP"] {
            assert!(!is_service_link(name, "4180"), "{name}");
        }
    }
}
