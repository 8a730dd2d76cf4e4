//! The socket of the operator

use super::*;

#[test]
fn path_of_the_admin_socket_must_be_usable() {
    let read = |value: &str| {
        load_all(MINIMAL, &[], &[("ops.admin_socket", value)]).map(|settings| settings.ops.admin_socket)
    };
    assert_eq!(read("/admin.sock").unwrap(), Some("/admin.sock".into()));
    let long = format!("/{}", "a".repeat(100));
    for (value, words) in [
        ("admin.sock", "not an absolute path"),
        (&long, "longer than 100 bytes"),
        ("/nowhere/admin.sock", "its directory does not exist"),
        ("/tmp", "it is a directory"),
    ] {
        let text = read(value).unwrap_err().to_string();
        assert!(text.contains(words) && text.contains("ops.admin_socket"), "{text}");
    }
}
