use super::*;

fn headlamp(base: &str) -> Headlamp {
    let clusters = ["main", "eu west:1"].map(|name| Cluster::new(name).unwrap());
    Headlamp::new(base, clusters.into(), false)
}

fn target(path: &str) -> Target<'_> {
    Target::parse(path.as_bytes()).unwrap()
}

/// Returns the token and the cookies of a request to a path.
fn place(headlamp: &Headlamp, path: &str, cookies: &str) -> (bool, String) {
    let (token, cookies) = headlamp.place_token(
        &Method::POST,
        target(path),
        TokenText::Whole("h.p.s"),
        cookies.as_bytes().to_vec(),
    );
    (!token.is_empty(), String::from_utf8(cookies).unwrap())
}

#[test]
fn token_goes_to_listed_clusters_and_the_routes_that_need_it() {
    let headlamp = headlamp("");
    for (path, cookies) in [
        ("/clusters/main/api/v1/pods?watch=1", ""),
        ("/clusters/main/portforward", "headlamp-auth-main.0=h.p.s"),
        ("/clusters/%6dain/portforward", "headlamp-auth-main.0=h.p.s"),
        ("/clusters/main/api/v1/namespaces/a/services/b/proxy/portforward", ""),
        ("/clusters/main/me", ""),
        ("/clusters/main/portforward/", ""),
        ("/clusters/main/portforward/list", ""),
        ("/clusters/eu%20west:1/portforward?x", "headlamp-auth-euwest1.0=h.p.s"),
        ("/wsMultiplexer", "headlamp-auth-main.0=h.p.s; headlamp-auth-euwest1.0=h.p.s"),
        ("/drain-node", ""),
        ("/drain-node-status?x", ""),
    ] {
        assert_eq!(place(&headlamp, path, ""), (true, cookies.to_owned()), "{path}");
    }
    for path in [
        "/",
        "/c/main/pods",
        "/config",
        "/plugins/x.js",
        "/cluster",
        "/externalproxy",
        "/clusters/other/api",
        "/clusters/main",
        "/clusters/main/",
        "/clusters/main2/api",
        "/Clusters/main/api",
        "/clusters//main/api",
        "/clusters/main/../../externalproxy",
        "/clusters/main/%2e%2e/%2e%2e/externalproxy",
        "/clusters/main/x%2f..%2f..",
        "/x/clusters/main/api",
        "/drain-node/x",
        "/parseKubeConfig",
    ] {
        assert_eq!(place(&headlamp, path, ""), (false, String::new()), "{path}");
    }
}

#[test]
fn only_a_post_needs_the_cookie_for_port_forwarding() {
    let path = target("/clusters/main/portforward");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let (token, cookies) = headlamp("").place_token(&method, path, TokenText::Whole("h.p.s"), Vec::new());
        assert!(!token.is_empty() && cookies.is_empty(), "{method}");
    }
}

#[test]
fn base_url_precedes_every_path() {
    let headlamp = headlamp("/tools/headlamp/");
    assert!(place(&headlamp, "/tools/headlamp/clusters/main/api", "").0);
    assert!(!place(&headlamp, "/clusters/main/api", "").0);
    assert!(headlamp.is_denied(&Method::GET, target("/tools/headlamp/externalproxy")));
    assert!(!headlamp.is_denied(&Method::GET, target("/externalproxy")));
    let origin = crate::access::origin::Origin::parse("https://app.test").unwrap();
    let is_background = |path: &str| headlamp.background_paths().matches(&Method::GET, &origin, target(path));
    for path in ["config", "clusters/main/healthz", "clusters/main/apis/metrics.k8s.io/v1beta1/nodes"] {
        assert!(is_background(&format!("/tools/headlamp/{path}")), "{path}");
        assert!(!is_background(&format!("/{path}")), "{path}");
    }
    assert!(!is_background("/tools/headlamp/clusters/main/api/v1/pods"));
}

#[test]
fn cookie_with_a_token_of_the_client_never_passes() {
    let headlamp = headlamp("");
    let stale = "a=1; headlamp-auth-main.0=bob; headlamp-auth-other.3=x;headlamp-auth-=y; b=headlamp-auth-c";
    assert_eq!(place(&headlamp, "/", stale).1, "a=1; b=headlamp-auth-c");
    assert_eq!(
        place(&headlamp, "/clusters/main/portforward", stale).1,
        "a=1; b=headlamp-auth-c; headlamp-auth-main.0=h.p.s"
    );
    assert_eq!(place(&headlamp, "/", "headlamp-auth-main.0=bob").1, "");
}

#[test]
fn long_token_is_split_as_headlamp_does() {
    let token = "x".repeat(9000);
    let cookies = headlamp("")
        .place_token(
            &Method::POST,
            target("/clusters/main/portforward"),
            TokenText::Whole(&token),
            Vec::new(),
        )
        .1;
    let cookies = String::from_utf8(cookies).unwrap();
    let chunks: Vec<(&str, usize)> = cookies
        .split("; ")
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name, value.len()))
        .collect();
    let [first, second, third] = ["headlamp-auth-main.0", "headlamp-auth-main.1", "headlamp-auth-main.2"];
    assert_eq!(chunks, [(first, 3800), (second, 3800), (third, 1400)]);
}

#[test]
fn request_that_headlamp_would_send_anywhere_is_denied_in_each_spelling() {
    let headlamp = headlamp("");
    for path in [
        "/externalproxy",
        "/external%70roxy?x",
        "//externalproxy",
        "/a/../externalproxy/",
        "/%2fexternalproxy",
    ] {
        assert!(headlamp.is_denied(&Method::GET, target(path)), "{path}");
    }
    assert!(headlamp.is_denied(&Method::POST, target("/cluster")));
    assert!(!headlamp.is_denied(&Method::GET, target("/cluster")));
    assert!(!headlamp.is_denied(&Method::DELETE, target("/cluster/main")));
    assert!(!headlamp.is_denied(&Method::POST, target("/clusters/main/externalproxy")));
    let open = Headlamp { allows_external_targets: true, ..headlamp };
    assert!(!open.is_denied(&Method::GET, target("/externalproxy")));
}

#[test]
fn log_out_is_a_post_to_set_token_of_a_listed_cluster() {
    let headlamp = headlamp("/h").with_log_out(true);
    let may = |method, path| headlamp.may_log_out(&method, target(path));
    assert!(
        may(Method::POST, "/h/clusters/main/set-token")
            && may(Method::POST, "/h/clusters/eu%20west:1/set-token?x")
    );
    assert!(!may(Method::GET, "/h/clusters/main/set-token"));
    for path in [
        "/clusters/main/set-token",
        "/h/clusters/other/set-token",
        "/h/clusters/main/set-token/",
        "/h/auth/set-token",
    ] {
        assert!(!may(Method::POST, path), "{path}");
    }
    let off = headlamp.with_log_out(false);
    assert!(!off.may_log_out(&Method::POST, target("/h/clusters/main/set-token")));
}

#[test]
fn cookie_of_a_cluster_has_its_name_as_headlamp_writes_it() {
    let name = |name: &str| Cluster::new(name).map(|cluster| cluster.cookie);
    assert_eq!(name("a.b/c d_e-f").unwrap(), "headlamp-auth-abcd_e-f");
    assert_eq!(name(&"x".repeat(60)).unwrap().len(), COOKIE_PREFIX.len() + 50);
    assert_eq!(name("é."), None);
    assert!(Cluster::new("a.b").unwrap().shares_cookie(&Cluster::new("ab").unwrap()));
}
