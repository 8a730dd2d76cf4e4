//! Checks over TLS, with a client certificate in place of an address

use reqwest::{Certificate, Client, Identity};

use crate::harness::{Gateway, provider};
use crate::pki::{Authority, Pair, file};

fn client(ca: &Authority, shows: Option<&Pair>) -> Client {
    let ca = Certificate::from_pem(ca.certificate.as_bytes()).unwrap();
    let mut builder = Client::builder().tls_certs_only([ca]).no_proxy();
    if let Some(pair) = shows {
        let both = format!("{}{}", pair.key, pair.certificate);
        builder = builder.identity(Identity::from_pem(both.as_bytes()).unwrap());
    }
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

#[tokio::test]
async fn only_a_proxy_with_a_valid_client_certificate_is_answered() {
    let (own, proxies) = (Authority::new(), Authority::new());
    let pair = own.server();
    let certificate = file("it.crt", &pair.certificate);
    let (key, ca) = (file("it.key", &pair.key), file("it.ca", &proxies.certificate));
    let [certificate, key, ca] = [&certificate, &key, &ca].map(|path| path.to_str().unwrap());
    let tls = [
        ("check.tls_certificate_file", certificate),
        ("check.tls_key_file", key),
        ("check.client_ca_file", ca),
    ];
    let public = [("public.tls_certificate_file", certificate), ("public.tls_key_file", key)];
    let provider = provider().await;
    let proxy = client(&own, Some(&proxies.client()));
    for (more, expected) in [
        (vec![], 302),
        // If trusted proxies are configured, the address must match as well.
        (vec![("check.trusted_proxies", "127.0.0.1")], 302),
        (vec![("check.trusted_proxies", "10.0.0.1")], 403),
    ] {
        let gateway = Gateway::with(&provider, &[&tls[..], &public, &more].concat()).await;
        let url = format!("https://localhost:{}/check/traefik", gateway.check.port());
        let reply = proxy.get(&url).headers(gateway.question("/")).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), expected, "{more:?}");
        for shows in [None, Some(proxies.expired_client())] {
            let peer = client(&own, shows.as_ref());
            let refused = peer.get(&url).headers(gateway.question("/")).send().await;
            assert!(refused.is_err(), "{more:?}: {refused:?}");
        }
        let page = format!("https://localhost:{}/oauth2/sign_in", gateway.public.port());
        let page =
            client(&own, None).get(&page).header("host", gateway.public.to_string()).send().await.unwrap();
        assert_eq!(page.status().as_u16(), 200);
        gateway.stop().await;
    }
}
