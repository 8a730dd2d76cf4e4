//! `GET /oauth2/start`, which begins a sign-in and redirects to the provider
//!
//! Only a navigation begins a sign-in. A script, a frame or a prefetch would only leave cookies.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode, Uri};

use super::context::Portal;
use super::page::Problem;
use super::visit::{Navigation, Repeated, Visit, parameter};
use crate::access::own_page::{ANOTHER_ACCOUNT, INTERACTIVE, OwnPage, RECENTLY, RETRY};
use crate::access::return_to::ReturnTo;
use crate::access::surface::is_from_other_origin;
use crate::edge::reply::Reply;
use crate::flow::audit::{LoginEvent, LoginOutcome};
use crate::flow::login::{LoginError, LoginOptions, ReturnRedirect, Started};
use crate::flow::ports::Account;

pub(super) async fn get(
    State(portal): State<Arc<Portal>>,
    Navigation { visit, uri, headers }: Navigation,
) -> Reply {
    if let Some(url) = portal.logout.leaving_url(&headers, &visit.origin) {
        return Reply::redirect(StatusCode::FOUND, url.expose());
    }
    let parameters = match Parameters::read(&uri, &headers) {
        Ok(parameters) => parameters,
        Err(error) => return visit.refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match portal.login.start(&visit.origin, &headers, parameters.options()).await {
        Ok(Started::Provider(location, cookies)) => {
            record_login(&portal, &visit, LoginOutcome::Started, None);
            Reply::redirect(StatusCode::FOUND, location.as_str()).with_cookies(&cookies)
        }
        Ok(Started::Back(ReturnRedirect { return_to, cookies })) => {
            Reply::redirect(StatusCode::FOUND, return_to.as_str()).with_cookies(&cookies)
        }
        Ok(Started::LoopDetected(cause)) => {
            record_login(&portal, &visit, LoginOutcome::LoopDetected, Some(&cause));
            let return_to = parameters.return_to(&portal, &visit);
            let retry_url = OwnPage::Start.with_parameter(&visit.origin, RETRY, &return_to);
            visit.error_page(&Problem::redirect_loop(cause, &retry_url, &visit.id.to_string()))
        }
        Err(error) => {
            record_login(&portal, &visit, outcome_of(&error), Some(&error));
            let return_to = parameters.return_to(&portal, &visit);
            failure_page(&visit, &error, &OwnPage::Start.with_return(&visit.origin, &return_to))
        }
    }
}

/// The parameters of the request.
struct Parameters {
    rd: Option<String>,
    account: Account,
    is_retry: bool,
}

impl Parameters {
    fn read(uri: &Uri, headers: &HeaderMap) -> Result<Self, Repeated> {
        let parameter = |name| parameter(uri.query(), name);
        let is_another = parameter(ANOTHER_ACCOUNT.name)?.as_deref() == Some(ANOTHER_ACCOUNT.value);
        let is_recent = parameter(RECENTLY.name)?.as_deref() == Some(RECENTLY.value);
        // A page of another origin could begin sign-ins repeatedly, until the user reaches the session limit.
        let is_foreign = is_from_other_origin(headers);
        let is_interactive = parameter(INTERACTIVE.name)?.as_deref() == Some(INTERACTIVE.value);
        Ok(Self {
            rd: parameter("rd")?,
            account: match (is_another, is_recent && !is_foreign, is_interactive) {
                (true, _, _) => Account::Another,
                (false, true, _) => Account::Recent,
                (false, false, true) => Account::Interactive,
                (false, false, false) => Account::Known,
            },
            is_retry: parameter(RETRY.name)?.is_some() && !is_foreign,
        })
    }

    fn options(&self) -> LoginOptions<'_> {
        LoginOptions { rd: self.rd.as_deref(), account: self.account, is_retry: self.is_retry }
    }

    fn return_to(&self, portal: &Portal, visit: &Visit) -> ReturnTo {
        portal.login.return_to(&visit.origin, self.rd.as_deref())
    }
}

fn failure_page(visit: &Visit, error: &LoginError, again: &str) -> Reply {
    let id = visit.id.to_string();
    match error {
        LoginError::ProviderUnavailable(error) if error.is_about_settings => {
            visit.error_page(&Problem::not_configured(again, &id))
        }
        LoginError::ProviderUnavailable(_) => visit.error_page(&Problem::provider_unavailable(again, &id)),
        LoginError::NoEntropy(_) => visit.error_page(&Problem::session_unknown(&id)),
    }
}

fn outcome_of(error: &LoginError) -> LoginOutcome {
    match error {
        LoginError::ProviderUnavailable(error) if error.is_about_settings => LoginOutcome::Configuration,
        LoginError::ProviderUnavailable(_) | LoginError::NoEntropy(_) => LoginOutcome::ProviderUnavailable,
    }
}

fn record_login(
    portal: &Portal,
    visit: &Visit,
    outcome: LoginOutcome,
    detail: Option<&dyn std::fmt::Display>,
) {
    portal.audit.login(&LoginEvent {
        outcome,
        detail,
        subject: None,
        host: visit.origin.host(),
        request_id: &visit.id,
    });
}
