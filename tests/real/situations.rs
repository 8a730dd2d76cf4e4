//! Every situation behind every proxy, from one table.
//!
//! A situation that is missing here is dead code, which the lints refuse.

/// Instantiates the table for each proxy, in a module of its own.
macro_rules! behind_each_proxy {
    ([$($module:ident = $proxy:ident),*], $situations:tt) => {
        $(behind!($module, $proxy, $situations);)*
    };
}

macro_rules! behind {
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
    [traefik = Traefik, caddy = Caddy],
    [
        sign_in::an_anonymous_deep_link_ends_on_the_deep_link_after_sign_in,
        sign_in::a_fragment_survives_where_the_browser_keeps_it_and_the_query_always_does,
        sign_in::the_application_gets_one_line_of_each_identity_header_with_the_right_value,
        sign_in::the_session_cookie_is_a_host_cookie_that_no_script_reads,
        sign_in::the_session_cookie_never_arrives_at_the_application_and_a_foreign_cookie_does,
        headers::spoofed_identity_headers_never_arrive,
        headers::no_spoof_of_the_list_arrives_at_an_application_that_folds_names,
        headers::naming_our_headers_in_connection_removes_none_of_them,
        headers::impersonation_headers_never_arrive,
        headers::aliases_of_our_headers_never_arrive,
        headers::a_client_cannot_choose_the_url_that_is_checked,
        headers::no_request_of_a_session_shows_it_to_the_application,
        headers::a_session_alone_leaves_no_cookie_line_at_all,
        delivery::refreshed_session_reaches_the_browser,
        delivery::path_that_leaves_a_public_one_needs_a_session,
        delivery::spoofed_identity_never_arrives_on_a_public_path,
        denial::a_user_without_the_group_gets_one_page_and_no_loop,
        denial::a_denial_is_403_for_pages_and_programs_alike,
        denial::a_denied_person_can_come_back_with_another_account,
        sign_out::the_sign_out_page_asks_and_the_button_ends_the_session,
        sign_out::another_site_cannot_sign_a_person_out,
        outage::nothing_passes_while_the_gateway_is_down,
        outage::a_session_outlasts_an_outage_of_the_provider,
        outage::the_log_of_a_sign_in_holds_no_secret,
        programs::a_page_whose_session_is_gone_gets_401_from_fetch_and_no_websocket,
        programs::a_page_with_a_session_fetches_and_talks,
        programs::whatever_is_no_navigation_is_told_401_and_never_redirected,
        programs::a_websocket_needs_a_session_and_its_own_origin,
        smuggling::no_tunnel_opens_behind_a_public_path,
    ]
);
