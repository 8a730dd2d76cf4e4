//! Table of the tests that run behind every proxy
//!
//! A test function that is missing here is dead code, which the lints reject.

/// Instantiates the table for each proxy, in a separate module.
macro_rules! behind_each_proxy {
    ([$($module:ident = $proxy:ident),*], $tests:tt) => {
        $(behind_proxy!($module, $proxy, $tests);)*
    };
}

macro_rules! behind_proxy {
    ($module:ident, $proxy:ident, [$($file:ident::$name:ident,)*]) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    crate::$file::$name(crate::harness::Proxy::$proxy).await;
                }
            )*
        }
    };
}

behind_each_proxy!(
    [
        traefik = Traefik,
        caddy = Caddy,
        envoy = Envoy,
        envoy_grpc = EnvoyGrpc,
        nginx = Nginx,
        haproxy = HAProxy
    ],
    [
        sign_in::anonymous_sign_in_returns_to_the_deep_link,
        sign_in::query_of_a_url_with_a_fragment_survives_sign_in,
        sign_in::application_gets_one_correct_line_of_each_identity_header,
        sign_in::session_cookie_is_a_host_cookie_hidden_from_scripts,
        sign_in::session_cookie_is_removed_and_other_cookies_arrive,
        headers::spoofed_identity_headers_never_arrive,
        headers::listed_spoofs_never_reach_an_application_that_folds_names,
        headers::our_headers_named_in_connection_are_not_removed,
        headers::impersonation_headers_never_arrive,
        headers::aliases_of_our_headers_never_arrive,
        headers::client_cannot_choose_the_checked_url,
        headers::session_cookie_is_hidden_from_the_application,
        headers::request_with_only_session_cookies_arrives_without_cookie_header,
        folding::wsgi_application_receives_only_our_user,
        delivery::refreshed_session_reaches_the_browser,
        delivery::path_that_leaves_a_public_path_requires_a_session,
        delivery::spoofed_identity_never_arrives_on_a_public_path,
        denial::user_without_the_required_group_gets_one_page_and_no_loop,
        denial::denial_is_403_for_navigations_and_programs,
        denial::denied_user_can_sign_in_with_another_account,
        sign_out::sign_out_page_asks_and_its_button_ends_the_session,
        sign_out::cross_site_request_cannot_sign_a_user_out,
        outage::no_request_passes_while_the_gateway_is_down,
        outage::session_survives_an_outage_of_the_provider,
        outage::log_of_a_sign_in_contains_no_secret,
        programs::page_without_session_gets_401_from_fetch_and_no_websocket,
        programs::page_with_session_uses_fetch_and_websocket,
        programs::request_other_than_navigation_gets_401_without_redirect,
        programs::websocket_requires_a_session_and_its_own_origin,
        smuggling::upgrade_on_a_public_path_opens_no_tunnel,
    ]
);
