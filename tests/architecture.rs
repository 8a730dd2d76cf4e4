//! Layers of the source tree: permitted dependencies, crates and file lengths
#![expect(clippy::unwrap_used, reason = "a test panics on unexpected values")]

use std::fs;
use std::path::{Path, PathBuf};

/// A layer: the layers it may name, and the crates it may use in addition to [`SHARED_CRATES`].
struct Layer {
    name: &'static str,
    may_name: &'static [&'static str],
    crates: &'static [&'static str],
}

const LAYERS: [Layer; 10] = [
    Layer {
        name: "access",
        may_name: &[],
        crates: &["http", "bytes", "url", "ipnet", "memchr", "base64_simd"],
    },
    Layer {
        name: "flow",
        may_name: &["access"],
        // A refresh runs in a task of its own. The number of tasks and the time of each are limited.
        crates: &["http", "url", "futures_util", "base64_simd", "arc_swap", "tokio", "tokio_util", "zeroize"],
    },
    Layer {
        name: "edge",
        may_name: &["flow", "access"],
        crates: &[
            "http",
            "bytes",
            "url",
            "axum",
            "tower_http",
            "askama",
            "serde",
            "serde_json",
            "jiff",
            "base64_simd",
            "tokio",
            "aws_lc_rs",
            "tonic",
            "tonic_health",
            "prost",
            "tower",
        ],
    },
    Layer {
        name: "proxy",
        may_name: &["flow", "access"],
        crates: &[
            "http",
            "url",
            "axum",
            "bytes",
            "hyper",
            "hyper_rustls",
            "tokio_rustls",
            "hyper_util",
            "http_body_util",
            "tokio",
            "tracing",
            "futures_util",
            "tower",
        ],
    },
    Layer {
        name: "provider",
        may_name: &["flow", "access"],
        crates: &[
            "http",
            "url",
            "oauth2",
            "openidconnect",
            "reqwest",
            "aws_lc_rs",
            "serde",
            "serde_json",
            "base64_simd",
            "arc_swap",
            "tokio",
            "futures_util",
            "tracing",
            "bytes",
            "form_urlencoded",
            "http_body_util",
            "jiff",
            "zeroize",
        ],
    },
    Layer {
        name: "session",
        may_name: &["flow", "access"],
        crates: &[
            "http",
            "cookie",
            "memchr",
            "postcard",
            "serde",
            "base64_simd",
            "aws_lc_rs",
            "arc_swap",
            "futures_util",
            "zeroize",
            "async_trait",
            "redb",
            "redis",
            "serde_json",
            "time",
            "tokio",
            "tower_sessions_core",
        ],
    },
    Layer {
        name: "telemetry",
        may_name: &["flow", "access"],
        crates: &["tracing", "tracing_subscriber", "prometheus_client"],
    },
    Layer {
        name: "config",
        may_name: &["edge", "proxy", "provider", "session", "telemetry", "flow", "access"],
        crates: &[
            "figment",
            "serde",
            "toml",
            "strsim",
            "jiff",
            "url",
            "ipnet",
            "http",
            "base64_simd",
            "aws_lc_rs",
            "zeroize",
        ],
    },
    Layer {
        name: "server",
        may_name: &["config", "edge", "proxy", "provider", "session", "telemetry", "flow", "access"],
        crates: &[
            "axum",
            "futures_util",
            "http",
            "hyper",
            "hyper_util",
            "socket2",
            "tokio",
            "tower",
            "tower_http",
            "tracing",
            "serde_json",
            "aws_lc_rs",
            "arc_swap",
            "rustix",
            "tokio_rustls",
        ],
    },
    Layer {
        name: "cli",
        may_name: &[
            "server",
            "config",
            "edge",
            "proxy",
            "provider",
            "session",
            "telemetry",
            "flow",
            "access",
        ],
        crates: &[
            "clap",
            "tokio",
            "tracing",
            "axum",
            "http",
            "base64_simd",
            "serde",
            "serde_json",
            "dev_provider",
        ],
    },
];

/// Modules that every layer may name.
const SHARED_MODULES: [&str; 5] = ["certificate", "files", "secret", "time_limit", "trust"];
/// The standard library, paths of this crate, and the crate for errors.
const SHARED_CRATES: [&str; 5] = ["std", "core", "crate", "super", "thiserror"];
/// Crates that only tests use.
const TEST_CRATES: [&str; 2] = ["proptest", "rcgen"];

const MAX_FILE_LINES: usize = 300;
/// Tests may be longer, because their cases are read one by one.
const MAX_TEST_FILE_LINES: usize = 400;

fn root() -> PathBuf {
    // Read at run time: a copied build would otherwise read the tree that it was built from.
    #[expect(clippy::disallowed_methods, reason = "cargo sets the path of the tree")]
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap())
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "tests.rs")
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// Returns the lines of code before the tests module, with their numbers and without comments.
fn code_lines(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let begins_tests = |pair: &[&str]| matches!(pair, ["#[cfg(test)]", next] if next.contains("mod "));
    let end = lines.windows(2).position(begins_tests).unwrap_or(lines.len());
    let code = lines.iter().enumerate().take(end).filter(|(_, line)| !line.starts_with("//"));
    code.map(|(index, line)| (index + 1, (*line).to_owned())).collect()
}

/// Returns the names that follow `marker` in a line.
fn names_after<'l>(line: &'l str, marker: &'l str) -> impl Iterator<Item = &'l str> {
    line.split(marker).skip(1).map(|rest| {
        rest.split(|character: char| !character.is_alphanumeric() && character != '_').next().unwrap()
    })
}

#[test]
fn layer_names_only_layers_below_it() {
    let mut wrong = Vec::new();
    for layer in &LAYERS {
        for path in rust_files(&root().join("src").join(layer.name)) {
            for (number, line) in code_lines(&path) {
                for name in names_after(&line, "crate::") {
                    let known = name == layer.name
                        || layer.may_name.contains(&name)
                        || SHARED_MODULES.contains(&name);
                    if !known {
                        wrong.push(format!("{}:{number}: {} names {name}", path.display(), layer.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn layer_uses_only_its_own_crates() {
    let mut wrong = Vec::new();
    for layer in &LAYERS {
        for path in rust_files(&root().join("src").join(layer.name)).into_iter().filter(|path| !is_test(path))
        {
            for (number, line) in code_lines(&path) {
                let Some(name) = line.strip_prefix("use ").or_else(|| line.strip_prefix("pub use ")) else {
                    continue;
                };
                let name = name.split([':', ';', ' ']).next().unwrap();
                let own = name == "self"
                    || path.with_extension("").join(format!("{name}.rs")).exists()
                    || path.with_file_name(format!("{name}.rs")).exists();
                let allowed = layer.crates.contains(&name)
                    || SHARED_CRATES.contains(&name)
                    || TEST_CRATES.contains(&name);
                if !own && !allowed {
                    wrong.push(format!("{}:{number}: {} uses the crate {name}", path.display(), layer.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_layer_is_in_the_table() {
    let mut found: Vec<String> = fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut named: Vec<String> = LAYERS.iter().map(|layer| layer.name.to_owned()).collect();
    found.sort();
    named.sort();
    assert_eq!(found, named);
}

#[test]
fn every_file_has_a_header_and_a_length_limit() {
    let mut wrong = Vec::new();
    for folder in ["src", "crates", "tests", "benches"] {
        for path in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let first = text.lines().find(|line| !line.starts_with("#![")).unwrap_or_default();
            if !first.starts_with("//!") && !is_test(&path) {
                wrong.push(format!("{}: it does not begin with a module header", path.display()));
            }
            let max_lines = if is_test(&path) { MAX_TEST_FILE_LINES } else { MAX_FILE_LINES };
            if text.lines().count() > max_lines {
                wrong.push(format!("{}: more than {max_lines} lines", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// So that adding a proxy changes only the module of the dialects.
#[test]
fn dialect_name_is_used_only_in_its_module() {
    let module = root().join("src/edge/dialect");
    let shared = ["mod.rs", "definition.rs", "forwarded.rs", "original_url.rs", "own_proxy.rs"];
    // A dialect is a file or a directory.
    let entry = |path: &PathBuf| {
        path.strip_prefix(&module).unwrap().iter().next().unwrap().to_str().unwrap().to_owned()
    };
    let dialects: Vec<String> = rust_files(&module)
        .iter()
        .map(entry)
        .filter(|name| !shared.contains(&name.as_str()))
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .collect();
    assert!(dialects.len() > 1, "{dialects:?}");
    let mut wrong = Vec::new();
    let outside = rust_files(&root().join("src")).into_iter().filter(|path| !path.starts_with(&module));
    for path in outside.filter(|path| !is_test(path)) {
        for (number, line) in code_lines(&path) {
            let line = line.to_lowercase();
            for name in dialects.iter().filter(|name| line.contains(name.as_str())) {
                wrong.push(format!("{}:{number}: it names the dialect {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Some words may occur only in certain layers.
#[test]
fn cookies_statuses_grants_and_own_paths_stay_in_their_layers() {
    let permitted: [(&str, &[&str]); 5] = [
        ("StatusCode", &["edge", "server", "provider", "proxy", "cli"]),
        ("SET_COOKIE", &["session", "edge"]),
        ("Grant {", &["access"]),
        ("HeaderValue::from_maybe_shared", &["access", "edge"]),
        ("\"/oauth2/", &["access"]),
    ];
    let mut wrong = Vec::new();
    for layer in &LAYERS {
        for path in rust_files(&root().join("src").join(layer.name)).into_iter().filter(|path| !is_test(path))
        {
            for (number, line) in code_lines(&path) {
                for (word, allowed) in permitted {
                    if line.contains(word) && !allowed.contains(&layer.name) {
                        wrong.push(format!(
                            "{}:{number}: {word} is not permitted in {}",
                            path.display(),
                            layer.name
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
