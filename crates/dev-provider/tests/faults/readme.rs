//! Comparison of the tables in the README with the declared faults

use std::fmt::Write;

use dev_provider::{Endpoint, Fault, LogoutFault};

const README: &str = include_str!("../../README.md");

#[test]
fn readme_lists_every_fault_as_declared() {
    let expected = tables();
    let (_, listed) = README.split_once("a test compares them. -->\n\n").unwrap();
    assert!(listed == expected, "the tables should be:\n{expected}");
}

#[test]
fn readme_lists_every_fault_of_logout_tokens() {
    for fault in LogoutFault::all() {
        let row = format!("| `{}` | {} | {} |\n", fault.name(), fault.effect(), fault.cases());
        assert!(README.contains(&row), "{row}");
        assert_eq!(fault.name().parse(), Ok(*fault));
    }
}

fn tables() -> String {
    let mut out = String::new();
    let mut title = "";
    // The transport faults are the same for four endpoints.
    let once = |fault: &Fault| !matches!(fault, Fault::Transport(at, _) if *at != Endpoint::Jwks);
    for fault in Fault::all().into_iter().filter(once) {
        let is = heading(fault);
        if is != title {
            let gap = if title.is_empty() { "" } else { "\n" };
            title = is;
            write!(out, "{gap}### {title}\n\n| name | effect | cases |\n|---|---|---|\n").unwrap();
        }
        let name = fault.name();
        let name = match fault {
            Fault::Transport(..) => name.replacen("jwks-", "ENDPOINT-", 1),
            _ => name.into_owned(),
        };
        writeln!(out, "| `{name}` | {} | {} |", fault.effect(), fault.cases()).unwrap();
    }
    out
}

fn heading(fault: Fault) -> &'static str {
    match fault {
        Fault::Claim(_) => "ID token: claims of the protocol",
        Fault::Identity(_) => "ID token: claims about the user",
        Fault::Payload(_) => "ID token: bytes of the claims",
        Fault::Header(_) => "ID token: header and key",
        Fault::Signature(_) => "ID token: signature and shape",
        Fault::Token(_) => "Token endpoint",
        Fault::Jwks(_) => "Keys",
        Fault::Discovery(_) => "Discovery",
        Fault::Authorization(_) => "Authorization response",
        Fault::Userinfo(_) => "Userinfo",
        Fault::Transport(..) => "Transport, with `discovery`, `jwks`, `token` or `userinfo` for ENDPOINT",
    }
}
