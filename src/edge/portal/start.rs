//! `GET /oauth2/start`: on to the provider.
//!
//! Only a person who goes to the page begins a sign-in: a script, a frame or a prefetch would only leave cookies behind.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode, Uri};

use super::context::Portal;
use super::page::Problem;
use super::visit::{Navigation, Repeated, Visit, parameter};
use crate::access::own_page::{ANOTHER_ACCOUNT, OwnPage, RETRY};
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
    let asked = match Asked::read(&uri, &headers) {
        Ok(asked) => asked,
        Err(error) => return visit.refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match portal.login.start(&visit.origin, &headers, asked.options()).await {
        Ok(Started::Provider(location, cookies)) => {
            tell(&portal, &visit, LoginOutcome::Started, None);
            Reply::redirect(StatusCode::FOUND, location.as_str()).with_cookies(&cookies)
        }
        Ok(Started::Back(ReturnRedirect { return_to, cookies })) => {
            Reply::redirect(StatusCode::FOUND, return_to.as_str()).with_cookies(&cookies)
        }
        Ok(Started::LoopDetected(cause)) => {
            tell(&portal, &visit, LoginOutcome::LoopDetected, Some(&cause));
            let return_to = asked.return_to(&portal, &visit);
            let again = OwnPage::Start.with_parameter(&visit.origin, RETRY, &return_to);
            visit.told(&Problem::stuck(cause, &again, &visit.id.to_string()))
        }
        Err(error) => {
            tell(&portal, &visit, LoginOutcome::ProviderUnavailable, Some(&error));
            let return_to = asked.return_to(&portal, &visit);
            unavailable(&visit, &error, &OwnPage::Start.with_return(&visit.origin, &return_to))
        }
    }
}

/// The parameters of the request.
struct Asked {
    rd: Option<String>,
    account: Account,
    is_retry: bool,
}

impl Asked {
    fn read(uri: &Uri, headers: &HeaderMap) -> Result<Self, Repeated> {
        let parameter = |name| parameter(uri.query(), name);
        let account = parameter(ANOTHER_ACCOUNT.name)?.as_deref() == Some(ANOTHER_ACCOUNT.value);
        Ok(Self {
            rd: parameter("rd")?,
            account: if account { Account::Another } else { Account::Known },
            // A page of somebody else could sign a person in again and again, until they have no room for a session.
            is_retry: parameter(RETRY.name)?.is_some() && !is_from_other_origin(headers),
        })
    }

    fn options(&self) -> LoginOptions<'_> {
        LoginOptions { rd: self.rd.as_deref(), account: self.account, is_retry: self.is_retry }
    }

    fn return_to(&self, portal: &Portal, visit: &Visit) -> ReturnTo {
        portal.login.return_to(&visit.origin, self.rd.as_deref())
    }
}

fn unavailable(visit: &Visit, error: &LoginError, again: &str) -> Reply {
    let id = visit.id.to_string();
    match error {
        LoginError::ProviderUnavailable(_) => visit.told(&Problem::provider_unavailable(again, &id)),
        LoginError::NoEntropy(_) => visit.told(&Problem::cannot_tell(&id)),
    }
}

fn tell(portal: &Portal, visit: &Visit, outcome: LoginOutcome, detail: Option<&dyn std::fmt::Display>) {
    portal.audit.login(&LoginEvent {
        outcome,
        detail,
        subject: None,
        host: visit.origin.host(),
        request_id: &visit.id,
    });
}
