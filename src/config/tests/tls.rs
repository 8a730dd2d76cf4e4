//! Every listener gets its TLS files, and every wrong file is reported

use super::*;

struct Files {
    certificate: TempFile,
    key: TempFile,
    other_key: TempFile,
}

fn files() -> Files {
    let generate = || rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap();
    let (one, other) = (generate(), generate());
    Files {
        certificate: TempFile::new(one.cert.pem()),
        key: TempFile::new(one.signing_key.serialize_pem()),
        other_key: TempFile::new(other.signing_key.serialize_pem()),
    }
}

#[test]
fn tls_files_take_effect_and_client_ca_replaces_trusted_addresses() {
    let files = files();
    let [certificate, key] = [files.certificate.path(), files.key.path()];
    let all = load_all(
        MINIMAL,
        &[],
        &[
            ("public.tls_certificate_file", certificate),
            ("public.tls_key_file", key),
            ("check.tls_certificate_file", certificate),
            ("check.tls_key_file", key),
            ("check.client_ca_file", certificate),
            ("check.listen", "0.0.0.0:4181"),
        ],
    );
    let all = all.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let (public, check) = (all.public.tls.unwrap(), all.check.tls.unwrap());
    assert_eq!(public.certificate.to_str(), Some(certificate));
    assert_eq!((public.key.to_str(), &public.client_ca), (Some(key), &None));
    assert_eq!(check.client_ca.as_deref().and_then(|path| path.to_str()), Some(certificate));
    let peer = "127.0.0.1".parse().unwrap();
    assert!(all.check.trusted_proxies.answers(peer, true));
    assert!(!all.check.trusted_proxies.answers(peer, false), "this machine is not trusted in addition");
}

#[test]
fn wrong_tls_files_are_refused() {
    let files = files();
    let [certificate, key, other] = [files.certificate.path(), files.key.path(), files.other_key.path()];
    for (certificate, key, client_ca, key_line, words) in [
        (certificate, "", "", "check.tls_key_file (not set)", "check.tls_certificate_file is set"),
        ("", key, "", "check.tls_certificate_file (not set)", "check.tls_key_file is set"),
        ("", "", certificate, "check.client_ca_file = ", "check.tls_certificate_file is not set"),
        ("/nowhere.pem", key, "", "check.tls_certificate_file = ", "cannot be read"),
        (key, key, "", "check.tls_certificate_file = ", "no certificate in PEM form"),
        (certificate, certificate, "", "check.tls_key_file = ", "no private key in PEM form"),
        (certificate, other, "", "check.tls_key_file = ", "does not belong to the certificate"),
        (certificate, "hunter2", "", "check.tls_key_file (", "cannot be read"),
        (certificate, key, key, "check.client_ca_file = ", "no certificate in PEM form"),
    ] {
        let all = [
            ("check.tls_certificate_file", certificate),
            ("check.tls_key_file", key),
            ("check.client_ca_file", client_ca),
        ];
        let set: Vec<_> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let found = load_all(MINIMAL, &[], &set).err().unwrap_or_else(|| panic!("{words}"));
        assert_eq!(found.count(), 1, "{found}");
        let found = found.to_string();
        assert!(found.contains(key_line) && found.contains(words), "{key_line} {words}: {found}");
        assert!(!found.contains("hunter2"), "{found}");
    }
}
