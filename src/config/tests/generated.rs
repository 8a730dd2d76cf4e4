//! Are the files that the table writes the ones in the tree?
//!
//! `REGENERATE=1 cargo test -p foregate --lib config` writes them anew.

use super::*;
use crate::config::keys::TABLE;
use crate::config::{reference, template};

fn is_current(path: &str, text: &str) {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let path = PathBuf::from(root).join(path);
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == text, "{} is not current; REGENERATE=1 writes it anew", path.display());
}

#[test]
fn the_template_is_current() {
    is_current("config/foregate.toml", &template());
}

#[test]
fn the_reference_is_current() {
    is_current("docs/configuration.md", &reference());
}

#[test]
fn the_template_loads_with_what_is_required() {
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
fn the_template_shows_every_key_and_its_lines_are_toml_that_we_know() {
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
