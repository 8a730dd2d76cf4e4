//! Parsers of values that several sections share

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use url::Url;

use super::report::Wrong;
use crate::access::origin::is_loopback_host;
use crate::files;

/// The size limit of a bundle of certificates.
const MAX_CA_BYTES: u64 = 4 * 1024 * 1024;

/// Parses the address and port of a listener.
pub(super) fn socket(text: &str) -> Result<SocketAddr, Wrong> {
    text.parse().map_err(|_| {
        if let Some((_, port)) = text.rsplit_once(':')
            && port.parse::<u64>().is_ok_and(|port| port > 65535)
        {
            return Wrong::new(format!("{port} is not a port: the highest port is 65535"));
        }
        let named = text.starts_with(':') || text.starts_with("localhost:") || !text.contains(':');
        let what = if named {
            "it lacks a numeric address, or the port"
        } else {
            "it is not an address with a port"
        };
        Wrong::new(what)
    })
}

/// Parses a time such as `90s`, `10h` or `1d 12h` between `least` and `most`, inclusive.
pub(super) fn duration(text: &str, least: Duration, most: Duration) -> Result<Duration, Wrong> {
    let span: Span = text.trim().parse().map_err(|_| {
        let number = text.trim().parse::<f64>().is_ok();
        Wrong::new(if number { "it is a number without a unit" } else { "it is not a time" })
    })?;
    let exact = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let exact = exact.map_err(|_| Wrong::new("months and years have no fixed length"))?;
    let time = Duration::try_from(exact).map_err(|_| Wrong::new("it is a time in the past"))?;
    match time {
        time if time < least => Err(Wrong::new("it is too short")),
        time if time > most => Err(Wrong::new("it is too long")),
        time => Ok(time),
    }
}

/// Parses an absolute http or https URL without user information, query and fragment.
pub(super) fn absolute_url(text: &str) -> Result<Url, Wrong> {
    let url = address(text)?;
    if url.query().is_some() {
        return Err(Wrong::new("it has a query or a fragment (? or #)"));
    }
    Ok(url)
}

/// Parses a URL as [`absolute_url`] does, but accepts a query.
pub(super) fn address(text: &str) -> Result<Url, Wrong> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Wrong::new("it contains a space or a character that no URL may have"));
    }
    // The WHATWG parser corrects `https:host` and `https:/host` silently. The operator must correct them.
    let web = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url
        .filter(|_| web)
        .ok_or_else(|| Wrong::new("it is not an absolute URL that begins with https://"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Wrong::new("it contains a user name or password, which would end up in logs"));
    }
    if url.fragment().is_some() {
        return Err(Wrong::new("it has a fragment (#)"));
    }
    Ok(url)
}

/// Returns whether the host of a URL is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}

/// Parses one of several words.
pub(super) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Wrong> {
    let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let near =
            choices.iter().find(|(word, _)| strsim::damerau_levenshtein(word, &text.to_lowercase()) <= 2);
        match near {
            Some((word, _)) => Wrong::new(format!("it is not one of the choices; did you mean \"{word}\"?")),
            None => Wrong::new("it is not one of the choices"),
        }
    })
}

/// Reads a file with certificates.
pub(super) fn read_certificates(path: &str) -> Result<Vec<u8>, Wrong> {
    let pem = files::read(Path::new(path), MAX_CA_BYTES).map_err(|error| Wrong::new(error.to_string()))?;
    files::certificates(&pem).map_err(|error| Wrong::new(error.to_string()))?;
    Ok(pem.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<Duration> {
        duration(text, Duration::ZERO, Duration::from_secs(40 * 86_400)).ok()
    }

    #[test]
    fn time_without_a_unit_or_out_of_range_is_refused() {
        assert_eq!(time("90s"), Some(Duration::from_secs(90)));
        assert_eq!(time("30d"), Some(Duration::from_secs(30 * 86_400)));
        assert_eq!(time("1h30m"), Some(Duration::from_secs(5400)));
        for wrong in ["", "90", "-1s", "1mo", "41d", "s", "1h ago", "9999999999999h"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn incomplete_url_is_refused() {
        assert!(absolute_url("https://a.test/realms/main").is_ok());
        for wrong in [
            "a.test",
            "https:a.test",
            "https://",
            "ftp://a.test",
            "https://u:p@a.test",
            "https://a.test?x",
            " https://a.test",
        ] {
            assert!(absolute_url(wrong).is_err(), "{wrong}");
        }
    }
}
