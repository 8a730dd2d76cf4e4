//! Tests of cookie names and of the cookies in a request

use super::*;

fn cookies(lines: &[&'static str]) -> HeaderMap {
    lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect()
}

fn names(origin: &str) -> Names {
    Names::of(&Origin::parse(origin).unwrap())
}

fn others(lines: &[&'static str]) -> String {
    let mut others = Vec::new();
    names("https://a.test").split_ours_from_others(&cookies(lines), |member| {
        others.push(String::from_utf8(member.to_vec()).unwrap());
    });
    others.join("; ")
}

#[test]
fn our_cookies_are_removed_and_others_are_kept() {
    let ours =
        "a=1; __Host-foregate=x; __Host-foregate-1=y;b = 2; foregate=z; __Host-foregate-login-abc=w; c";
    assert_eq!(others(&[ours, "d=4"]), "a=1; b = 2; c; d=4");
    assert_eq!(
        others(&[
            "__Host-foregate=x; __Host-foregate-landed=1.x; foregate-landed=2; __Host-foregate-reloads=1.2"
        ]),
        ""
    );
    assert_eq!(others(&["__Secure-foregate=x; __Secure-foregate-1=y; __Secure-other=z"]), "__Secure-other=z");
    assert_eq!(others(&["foregate-landed2=x"]), "foregate-landed2=x");
    assert_eq!(
        others(&["a=1,__Host-foregate=x; b=2,c=3", "d, foregate-1=y,e=4; tags=f,foregate"]),
        "a=1; b=2,c=3; d; tags=f,foregate"
    );
    assert_eq!(
        others(&["a=1,foregate-landed = x", "b,__Secure-foregate-reloads=1", "c,foregate-landed"]),
        "a=1; b; c,foregate-landed"
    );
    assert_eq!(others(&["__Host-foregate =x; foregates=1; foregate-4=2"]), "foregates=1; foregate-4=2");
}

#[test]
fn parts_on_several_lines_are_found_and_duplicates_rejected() {
    let headers = cookies(&["a=1; __Host-foregate=x", "__Host-foregate-2=z;__Host-foregate-1=y"]);
    let found = names("https://a.test").session_parts(&headers).unwrap();
    assert_eq!(found, [Some(&b"x"[..]), Some(b"y"), Some(b"z"), None]);
    let twice = cookies(&["__Host-foregate=x; __Host-foregate=y"]);
    assert!(names("https://a.test").session_parts(&twice).is_none());
    assert_eq!(names("http://localhost").session_parts(&headers).unwrap(), [None; 4]);
}

#[test]
fn https_cookie_is_bound_to_its_host() {
    let https = names("https://a.test");
    assert_eq!(
        https.set(https.session(), "v", 60).unwrap(),
        "__Host-foregate=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
    );
    let http = names("http://127.0.0.1:4180");
    assert_eq!(http.remove(http.session()).unwrap(), "foregate=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
}
