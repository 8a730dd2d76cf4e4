//! Path prefix of our own pages

/// The prefix of each [`OwnPage`](super::own_page::OwnPage).
pub const PREFIX: &str = "/oauth2/";

/// The path of [`OwnPage::Sessions`](super::own_page::OwnPage::Sessions), the only one to which a user may return.
pub const SESSIONS: &str = "/oauth2/sessions";

/// Returns whether a path is below [`PREFIX`], also for a proxy that merges several slashes into one.
pub fn is_own_path(path: &str) -> bool {
    let rest = path.trim_start_matches('/').strip_prefix(PREFIX.trim_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_path_ends_at_a_slash() {
        for own in ["/oauth2", "/oauth2/", "//oauth2/x"] {
            assert!(is_own_path(own), "{own}");
        }
        for other in ["/", "/oauth2x", "/x/oauth2/start", "/OAuth2/"] {
            assert!(!is_own_path(other), "{other}");
        }
    }
}
