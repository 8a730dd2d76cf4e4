//! Complete files in the documentation are accepted

use super::*;

/// Returns the blocks of TOML in a page of the documentation, without the indent of a list.
fn files(page: &str) -> Vec<String> {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let text = std::fs::read_to_string(PathBuf::from(root).join(page)).unwrap();
    let blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| block.lines().map(str::trim_start).collect::<Vec<_>>().join("\n")).collect()
}

#[test]
fn documented_entra_id_file_is_accepted() {
    let (secret, keys) = (TempFile::new("hunter2"), TempFile::new(KEY));
    let files = files("docs/entra.md");
    assert_eq!(files.len(), 1);
    let text = files[0]
        .replace("/run/secrets/client-secret", secret.path())
        .replace("/run/secrets/session-keys", keys.path());
    let provider = settings(&text).provider;
    assert!(!provider.discovery && provider.issuer.ends_with('/'), "{}", provider.issuer);
    assert!(provider.endpoints.jwks.unwrap().query().is_some());
}
