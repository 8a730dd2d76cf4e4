//! Generated files in the tree are up to date
//!
//! `REGENERATE=1 cargo test -p foregate --lib config` writes them again.

use super::*;
use crate::config::keys::TABLE;
use crate::config::{reference, template};

fn assert_current(path: &str, text: &str) {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let path = PathBuf::from(root).join(path);
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(current == text, "{} is out of date; REGENERATE=1 writes it again", path.display());
}

#[test]
fn template_in_the_tree_is_current() {
    assert_current("config/foregate.toml", &template());
}

#[test]
fn reference_in_the_tree_is_current() {
    assert_current("docs/configuration.md", &reference());
}

#[test]
fn template_loads_with_the_required_keys() {
    let set = [
        ("public.urls", "https://a.test"),
        ("provider.issuer", "https://b.test"),
        ("provider.client_id", "a"),
        ("provider.client_secret", "hunter2"),
        ("session.keys", KEY),
    ];
    assert!(load_all(&template(), &[], &set).is_ok());
}

#[test]
fn template_and_reference_contain_every_key_as_valid_toml() {
    let (template, reference) = (template(), reference());
    for (name, key) in TABLE.all().filter(|(name, _)| !name.ends_with('*')) {
        assert!(template.contains(&format!("\n#{} = ", key.name)), "{name}");
        assert!(reference.contains(&format!("\n| `{}` | ", key.name)), "{name}");
        assert!(!key.about.is_empty() && key.about.ends_with('.'), "{name}");
        assert!(!key.right.is_empty() && !key.right.ends_with('.'), "{name}");
        assert!(!key.about.contains('|'), "{name}");
    }
    let uncommented = template.replace("\n#", "\n").replace("\n ", "\n# ");
    let found = mistakes(&uncommented).to_string();
    for words in ["no such key", "not TOML", "in quotes", "not a list"] {
        assert!(!found.contains(words), "{found}");
    }
}
