//! Pages for sign-ins that failed

use http::StatusCode;

use super::{Link, Problem};

impl<'a> Problem<'a> {
    /// The login transaction was finished before, has expired, or began in another browser.
    pub fn sign_in_ended(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "Please start the sign-in again",
            what_happened: "This sign-in was already finished, took too long, or began in another browser.",
            what_to_do: "Start again, and complete the sign-in in this browser.",
            link: Some(Link { label: "Start again", url: start_url }),
            ..Self::empty(StatusCode::BAD_REQUEST, request_id)
        }
    }

    /// The provider is unavailable.
    pub fn provider_unavailable(try_again_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "Signing in does not work right now",
            what_happened: "The sign-in service is not available. This is not your fault.",
            what_to_do: "Wait a moment, then try again.",
            link: Some(Link { label: "Try again", url: try_again_url }),
            // A refresh is not logged under the request number.
            for_operator: Some(
                "The log has the reason. For a failed sign-in, it is under the request number below.",
            ),
            ..Self::empty(StatusCode::SERVICE_UNAVAILABLE, request_id)
        }
    }

    /// The session of the sign-in cannot be stored now. The code is spent, so only a new sign-in helps.
    pub fn session_not_stored(try_again_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "Signing in does not work right now",
            what_happened: "The gateway cannot complete your sign-in at the moment. This is not your fault.",
            what_to_do: "Wait a moment, then try again.",
            link: Some(Link { label: "Try again", url: try_again_url }),
            for_operator: Some("The session store does not answer. The log has the reason."),
            ..Self::empty(StatusCode::SERVICE_UNAVAILABLE, request_id)
        }
    }

    /// The provider refuses to refresh sessions for the gateway.
    pub fn gateway_refused(try_again_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "This does not work right now",
            what_happened: "The sign-in service refuses this gateway. This is not your fault.",
            what_to_do: "You are still signed in. Send the request number below to the administrator of this \
                         application, then try again.",
            link: Some(Link { label: "Try again", url: try_again_url }),
            for_operator: Some(
                "The provider refuses the client of this gateway. The log has the reason, at the refreshes of sessions.",
            ),
            ..Self::empty(StatusCode::SERVICE_UNAVAILABLE, request_id)
        }
    }

    /// This provider sends its response in a form.
    pub fn form_post(request_id: &'a str) -> Self {
        Self {
            title: "Signing in is not set up correctly",
            what_happened: "The sign-in service sent its response in a way that this gateway does not support. This is \
                            not your fault.",
            what_to_do: "You cannot fix this yourself. Send the request number below to the administrator of \
                         this application.",
            for_operator: Some(
                "The response came in a form (response_mode=form_post). Let the provider send it in the query, which is \
                 its default for the authorization code flow.",
            ),
            ..Self::empty(StatusCode::METHOD_NOT_ALLOWED, request_id)
        }
    }

    /// The provider refuses the gateway, or its users have other claims than the settings expect.
    pub fn not_configured(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "Signing in is not set up correctly",
            what_happened: "This gateway is not set up for this sign-in service. This is not your fault.",
            what_to_do: "You cannot fix this yourself. Send the request number below to the administrator of \
                         this application.",
            // For the operator, who tries again after a change.
            link: Some(Link { label: "Try again", url: start_url }),
            for_operator: Some(
                "The log has a line under the request number below. It names the setting to change.",
            ),
            // As below, a 5xx would make proxies and monitors retry.
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The provider rejected the sign-in, or the user cancelled it.
    pub fn provider_refused(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "You were not signed in",
            what_happened: "The sign-in service rejected the sign-in, or you cancelled it.",
            what_to_do: "Try again, perhaps with another account. If it happens again, ask the administrator of \
                         your account.",
            link: Some(Link { label: "Try again", url: start_url }),
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The provider was not allowed to show a page, and needs one.
    pub fn interaction_required(continue_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "Please sign in",
            what_happened: "The sign-in service does not know you yet, or it has a question for you.",
            what_to_do: "Continue to the sign-in service, and answer there.",
            link: Some(Link { label: "Continue", url: continue_url }),
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The user authenticated too long ago, or in another way than the settings require.
    pub fn insufficient_authentication(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "Please sign in again",
            what_happened: "Your last sign-in at the sign-in service is too old for this application, or was of \
                            another kind than this application requires.",
            what_to_do: "Sign in again. If it happens again, report it with the request number below.",
            link: Some(Link { label: "Sign in again", url: start_url }),
            for_operator: Some(
                "The log has a line under the request number below. It names what is required, and the setting.",
            ),
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The response of the provider was not valid.
    pub fn provider_misbehaved(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "You were not signed in",
            what_happened: "The response of the sign-in service cannot be trusted, so the gateway rejected it.",
            what_to_do: "Try again. If it happens again, report it with the request number below.",
            link: Some(Link { label: "Try again", url: start_url }),
            for_operator: Some("The log has the reason, under the request number below."),
            // This sign-in is rejected permanently. After a 5xx, proxies and monitors would retry it, or show their
            // own page.
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// By the gateway's clock, the provider's tokens have expired or are not valid yet.
    pub fn clocks_differ(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "You were not signed in",
            what_happened: "By the clock of this gateway, the response of the sign-in service is not valid now.",
            what_to_do: "Try again. If it happens again, report it with the request number below.",
            link: Some(Link { label: "Try again", url: start_url }),
            for_operator: Some(
                "The clocks of this machine and of the provider differ. Compare both with the correct time.",
            ),
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The user name is an address or number that the provider has not verified.
    pub fn name_not_verified(start_url: &'a str, request_id: &'a str) -> Self {
        Self {
            title: "Your account is not verified",
            what_happened: "The sign-in service has not verified the address or number that is your user name here.",
            what_to_do: "Verify it in your account at the sign-in service, then sign in again.",
            link: Some(Link { label: "Sign in again", url: start_url }),
            for_operator: Some(
                "The log has a line under the request number below. It names the claim and the setting.",
            ),
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The provider omitted the groups.
    pub fn too_many_groups(request_id: &'a str) -> Self {
        Self {
            title: "Your account has too many groups",
            what_happened: "The sign-in service did not list the groups of your account, because there are too many, \
                            so the gateway cannot check your access.",
            what_to_do: "You cannot fix this yourself. Send the request number below to the administrator of \
                         this application.",
            for_operator: Some(
                "Configure the provider to send only the groups that are assigned to this application, or roles.",
            ),
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }

    /// The session does not fit into cookies.
    pub fn session_too_large(request_id: &'a str) -> Self {
        Self {
            title: "Your account is too large to sign in",
            what_happened: "Your browser cannot store the session, because the sign-in service sent too much data about \
                            your account.",
            what_to_do: "You cannot fix this yourself. Send the request number below to the administrator of \
                         this application.",
            for_operator: Some(
                "The log has a line under the request number below. It names the largest claims and the remedy.",
            ),
            // The rejection is permanent. After a 5xx, proxies and monitors would retry it.
            ..Self::empty(StatusCode::FORBIDDEN, request_id)
        }
    }
}
