//! What are valid settings as a whole?

use super::keys::TABLE;
use super::reader::Reader;
use super::report::{Report, Reported};
use super::{
    CheckListener, Drain, Headers, Log, Mistakes, Ops, Public, Session, SignIn, Sources, Upstream, claims,
    listeners, policies, provider, public_paths,
};
use crate::access::claims::ClaimRules;
use crate::access::policy::Policies;
use crate::access::public_paths::PublicPaths;
use crate::provider::ProviderSettings;

/// What the operator wants. It is made by [`load`] alone, and nobody needs to check it again.
pub struct Settings {
    /// Where people come in.
    pub public: Public,
    /// Where the proxy asks.
    pub check: CheckListener,
    /// Where probes and Prometheus come in.
    pub ops: Ops,
    /// Who signs people in.
    pub provider: ProviderSettings,
    /// Which claims make an identity.
    pub claims: ClaimRules,
    /// How long a sign-in lasts, and what seals it.
    pub session: Session,
    /// How applications are told who it is.
    pub headers: Headers,
    /// Who may pass.
    pub policies: Policies,
    /// What passes without signing in.
    pub public_paths: PublicPaths,
    /// What a person sees before signing in.
    pub sign_in: SignIn,
    /// The application, where we are the proxy.
    pub upstream: Option<Upstream>,
    /// What the log looks like.
    pub log: Log,
    /// How the process ends.
    pub drain: Drain,
    /// What works and yet is not good: for the log at the start.
    pub warnings: Vec<String>,
}

/// Reads all sources; fails with every mistake in them.
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

/// Reads every section before it gives up on any, so that every mistake is told.
fn read(reader: &mut Reader) -> Result<Settings, Reported> {
    let public = Public::read(reader);
    let provider = provider::read(reader);
    let session = Session::read(reader);
    let claims = claims::read(reader);
    let policies = policies::read(reader);
    let public_paths = public_paths::read(reader, public.as_ref().ok().map(|public| &public.origins));
    let headers = Headers::read(reader);
    let sign_in = SignIn::read(reader);
    let check = CheckListener::read(reader);
    let ops = Ops::read(reader);
    let upstream = Upstream::read(reader);
    let log = Log::read(reader);
    let drain = Drain::read(reader);
    let apart = listeners::keep_apart(reader);
    let settings = Settings {
        public: public?,
        check: check?,
        ops: ops?,
        provider: provider?,
        claims: claims?,
        session: session?,
        headers: headers?,
        policies: policies?,
        public_paths: public_paths?,
        sign_in,
        upstream: upstream?,
        log: log?,
        drain: drain?,
        warnings: Vec::new(),
    };
    apart.map(|()| settings)
}
