//! Complete and valid settings

use super::keys::TABLE;
use super::reader::Reader;
use super::report::{Report, Reported};
use super::{
    CheckListener, Drain, Headers, Log, Mistakes, Ops, Public, Session, SignIn, Sources, Upstream, claims,
    headlamp, listeners, policies, provider, public_paths,
};
use crate::access::claims::ClaimRules;
use crate::access::headlamp::Headlamp;
use crate::access::policy::Policies;
use crate::access::public_paths::PublicPaths;
use crate::provider::ProviderSettings;

/// The settings of the process. Only [`load`] creates them, so they need no further validation.
pub struct Settings {
    /// The public origins and the listener for browsers.
    pub public: Public,
    /// The check listener.
    pub check: CheckListener,
    /// The listener for probes and Prometheus.
    pub ops: Ops,
    /// The OpenID Provider.
    pub provider: ProviderSettings,
    /// The claims that make an identity.
    pub claims: ClaimRules,
    /// The lifetimes and keys of sessions.
    pub session: Session,
    /// The identity headers.
    pub headers: Headers,
    /// Headlamp, if it is the application.
    pub headlamp: Option<Headlamp>,
    /// The policies for signed-in users.
    pub policies: Policies,
    /// The requests that pass without a sign-in.
    pub public_paths: PublicPaths,
    /// What users see when they sign in and sign out.
    pub sign_in: SignIn,
    /// The application, if the gateway is its proxy.
    pub upstream: Option<Upstream>,
    /// The format and the level of the log.
    pub log: Log,
    /// The times of the drain.
    pub drain: Drain,
    /// Settings that work, but are dangerous or have no effect. They are logged at the start.
    pub warnings: Vec<String>,
}

/// Reads all sources. The error contains every mistake in them.
pub fn load(sources: &Sources) -> Result<Settings, Mistakes> {
    let mut report = Report::default();
    let tree = match sources.gather(&mut report) {
        Ok(tree) => tree,
        Err(Reported { .. }) => return Err(Mistakes(report.mistakes)),
    };
    let mut reader = Reader::new(TABLE, tree, report);
    match read(&mut reader) {
        Ok(settings) if reader.report.mistakes.is_empty() => {
            Ok(Settings { warnings: reader.report.warnings, ..settings })
        }
        _ => Err(Mistakes(reader.report.mistakes)),
    }
}

/// Reads every section before it fails, so that every mistake is reported.
fn read(reader: &mut Reader) -> Result<Settings, Reported> {
    let public = Public::read(reader);
    let provider = provider::read(reader);
    let session = Session::read(reader);
    let claims = claims::read(reader);
    let policies = policies::read(reader);
    let public_paths = public_paths::read(reader, public.as_ref().ok().map(|public| &public.origins));
    let headers = Headers::read(reader);
    let headlamp = headlamp::read(reader);
    let sign_in = SignIn::read(reader);
    let check = CheckListener::read(reader);
    let ops = Ops::read(reader);
    let upstream = Upstream::read(reader);
    let log = Log::read(reader);
    let drain = Drain::read(reader);
    let no_conflicts = listeners::check_port_conflicts(reader);
    let settings = Settings {
        public: public?,
        check: check?,
        ops: ops?,
        provider: provider?,
        claims: claims?,
        session: session?,
        headers: headers?,
        headlamp: headlamp?,
        policies: policies?,
        public_paths: public_paths?,
        sign_in,
        upstream: upstream?,
        log: log?,
        drain: drain?,
        warnings: Vec::new(),
    };
    no_conflicts.map(|()| settings)
}
