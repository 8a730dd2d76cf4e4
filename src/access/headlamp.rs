//! Headlamp, a dashboard for Kubernetes: which of its requests carry the user's ID token
//!
//! 1. Only requests to a listed cluster, to `/wsMultiplexer` and to `/drain-node` carry it. For these, Headlamp sends it
//!    to the API server, and nowhere else.
//! 2. Headlamp also reads tokens from its cookies `headlamp-auth-CLUSTER.N`. Those of a client never pass, because they may
//!    be another user's. POST `portforward` and `/wsMultiplexer` read only cookies, so there the ID token of the session takes
//!    their place. Headlamp forwards all other cookies, and the API server forwards them to pods.
//! 3. `/externalproxy` and POST `/cluster` are denied: by them, Headlamp sends what it received to every address that its
//!    flags permit.
//! 4. Paths are decoded once and then compared, as Headlamp does. A path with dot segments carries no token.

use std::borrow::Cow;

use http::Method;

use super::public_paths::{PublicPath, PublicPaths, PublicRule};
use super::target::Target;
use super::token::TokenText;

/// The beginning of the names of Headlamp's cookies.
const COOKIE_PREFIX: &str = "headlamp-auth-";
/// Headlamp splits a token into cookies of this size.
const CHUNK_BYTES: usize = 3800;
/// Headlamp cuts the name of a cluster in a cookie after so many bytes.
const MAX_COOKIE_CLUSTER_BYTES: usize = 50;

/// The header fields by which a client could choose the cluster that Headlamp talks to.
pub const FOREIGN_FIELDS: [&str; 2] = ["X-Headlamp-User-Id", "KUBECONFIG"];

/// One Headlamp behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headlamp {
    /// The segments of its base URL.
    base: Vec<String>,
    clusters: Vec<Cluster>,
    allows_external_targets: bool,
    logs_out: bool,
}

/// A cluster that Headlamp shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    name: String,
    /// The name of its cookies, without their number.
    cookie: String,
}

impl Cluster {
    /// Returns the cluster of that name, or `None` if its cookie would have no name.
    pub fn new(name: &str) -> Option<Self> {
        let kept = |character: &char| character.is_ascii_alphanumeric() || ['-', '_'].contains(character);
        let kept: String = name.chars().filter(kept).take(MAX_COOKIE_CLUSTER_BYTES).collect();
        (!kept.is_empty()).then(|| Self { name: name.to_owned(), cookie: format!("{COOKIE_PREFIX}{kept}") })
    }

    /// Returns whether both have the same cookie.
    pub fn shares_cookie(&self, other: &Self) -> bool {
        self.cookie == other.cookie
    }
}

impl Headlamp {
    /// Returns the Headlamp below a path, such as `/` or `/headlamp`.
    pub fn new(base_url: &str, clusters: Vec<Cluster>, allows_external_targets: bool) -> Self {
        let base = base_url.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
        Self { base, clusters, allows_external_targets, logs_out: false }
    }

    /// Lets Headlamp's *Log out* sign users out, because the body of its request is known.
    #[must_use]
    pub fn with_log_out(self, logs_out: bool) -> Self {
        Self { logs_out, ..self }
    }

    /// Returns the path of Headlamp's page.
    pub fn home(&self) -> String {
        self.base.iter().flat_map(|segment| ["/", segment]).chain(["/"]).collect()
    }

    /// Returns whether a request is that of Headlamp's *Log out*, if its body says so.
    pub fn may_log_out(&self, method: &Method, target: Target<'_>) -> bool {
        if !self.logs_out || *method != Method::POST {
            return false;
        }
        let path = decode(target.path());
        let segments: Vec<&[u8]> = path.split(|byte| *byte == b'/').skip(1).collect();
        let is_listed = |name: &[u8]| self.clusters.iter().any(|cluster| cluster.name.as_bytes() == name);
        matches!(self.below_base(&segments), Some([b"clusters", name, b"set-token"]) if is_listed(name))
    }

    /// Returns whether Headlamp would send the request, or what comes with it, to an address of the client's choice.
    pub fn is_denied(&self, method: &Method, target: Target<'_>) -> bool {
        if self.allows_external_targets {
            return false;
        }
        let path = decode(target.path());
        let mut segments: Vec<&[u8]> = Vec::new();
        for segment in path.split(|byte| *byte == b'/') {
            match segment {
                b"" | b"." => {}
                b".." => drop(segments.pop()),
                _ => segments.push(segment),
            }
        }
        match self.below_base(&segments) {
            Some([b"externalproxy", ..]) => true,
            Some([b"cluster"]) => *method == Method::POST,
            _ => false,
        }
    }

    /// Returns the ID token that a request may carry, and its cookies with that token in place of the client's.
    pub fn place_token<'t>(
        &self,
        method: &Method,
        target: Target<'_>,
        id_token: TokenText<'t>,
        cookies: Vec<u8>,
    ) -> (TokenText<'t>, Vec<u8>) {
        let mut cookies = without_tokens(cookies);
        let Some(clusters) = self.clusters_of(method, target) else { return (TokenText::Whole(""), cookies) };
        let mut token = Vec::new();
        if !clusters.is_empty() {
            id_token.write(&mut token);
        }
        for Cluster { cookie, .. } in clusters {
            for (number, chunk) in token.chunks(CHUNK_BYTES).enumerate() {
                let separator = if cookies.is_empty() { "" } else { "; " };
                cookies.extend_from_slice(format!("{separator}{cookie}.{number}=").as_bytes());
                cookies.extend_from_slice(chunk);
            }
        }
        (id_token, cookies)
    }

    /// Returns the clusters whose cookies a request needs, or `None` if it carries no token.
    fn clusters_of(&self, method: &Method, target: Target<'_>) -> Option<&[Cluster]> {
        let path = decode(target.path());
        let segments: Vec<&[u8]> = path.split(|byte| *byte == b'/').skip(1).collect();
        if segments.iter().any(|segment| matches!(*segment, b"." | b"..")) {
            return None;
        }
        match self.below_base(&segments)? {
            [b"clusters", name, rest @ ..] if rest.first().is_some_and(|first| !first.is_empty()) => {
                let cluster = self.clusters.iter().find(|cluster| cluster.name.as_bytes() == *name)?;
                // Headlamp forwards `Cookie`, so elsewhere a pod behind the API server could read the token.
                let is_port_forward = rest == [b"portforward"] && *method == Method::POST;
                Some(if is_port_forward { std::slice::from_ref(cluster) } else { &[] })
            }
            [b"wsMultiplexer"] => Some(&self.clusters),
            // Headlamp reads `Authorization` here.
            [b"drain-node" | b"drain-node-status"] => Some(&[]),
            _ => None,
        }
    }

    fn below_base<'s, 'p>(&self, segments: &'s [&'p [u8]]) -> Option<&'s [&'p [u8]]> {
        let (base, rest) = segments.split_at_checked(self.base.len())?;
        base.iter().zip(&self.base).all(|(segment, base)| *segment == base.as_bytes()).then_some(rest)
    }

    /// Returns the paths that an open page requests by itself, every few seconds.
    pub fn background_paths(&self) -> PublicPaths {
        const OF_A_CLUSTER: [&str; 4] = ["healthz", "version", "me", "apis/metrics.k8s.io/"];
        let base: String = self.base.iter().flat_map(|segment| ["/", segment]).collect();
        let of_clusters = self
            .clusters
            .iter()
            .flat_map(|cluster| OF_A_CLUSTER.map(|path| format!("{base}/clusters/{}/{path}", cluster.name)));
        let paths = of_clusters.chain([format!("{base}/config")]);
        // A cluster whose name a path cannot contain has no such path.
        let paths = paths.filter_map(|path| PublicPath::parse(&path).ok()).collect();
        PublicPaths::new(vec![PublicRule {
            methods: vec![Method::GET, Method::HEAD],
            hosts: Vec::new(),
            paths,
        }])
    }
}

/// Returns whether a cookie, as `name=value`, may hold a token of Headlamp.
pub fn is_token_cookie(pair: &[u8]) -> bool {
    pair.trim_ascii_start().starts_with(COOKIE_PREFIX.as_bytes())
}

/// Returns the cookies without those that hold a token.
fn without_tokens(cookies: Vec<u8>) -> Vec<u8> {
    let pairs = || cookies.split(|byte| *byte == b';');
    if !pairs().any(is_token_cookie) {
        return cookies;
    }
    let others: Vec<&[u8]> = pairs().filter(|pair| !is_token_cookie(pair)).map(<[u8]>::trim_ascii).collect();
    others.join(&b"; "[..])
}

/// Decodes the escapes of a path, once. Invalid escapes stay.
fn decode(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') {
        return Cow::Borrowed(path);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => {
                digit(*high).zip(digit(*low)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
            }
            _ => None,
        };
        decoded.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { rest.get(3..).unwrap_or_default() } else { tail };
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests;
