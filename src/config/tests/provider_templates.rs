//! Configuration files for known providers: each is valid, and docs/providers.md shows its settings

use super::*;
use crate::config::PROVIDER_TEMPLATES;

/// The sections that every file has, with the same settings.
const COMMON: [&str; 2] = ["[public]", "[session]"];

/// Returns the settings as blocks of lines, one for each section, without comments.
fn sections(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split("  # ").next().unwrap_or(line));
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut sections: Vec<String> = text.split("\n[").map(|section| format!("[{section}\n")).collect();
    sections[0].remove(0);
    sections
}

fn is_common(section: &str) -> bool {
    COMMON.iter().any(|head| section.starts_with(head))
}

/// Returns the page, split at its headings of level 2.
fn page() -> Vec<String> {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let page = std::fs::read_to_string(PathBuf::from(root).join("docs/providers.md")).unwrap();
    page.split("\n## ").map(str::to_owned).collect()
}

/// Returns the blocks of TOML in a part of the page, without their indentation.
fn code_blocks(part: &str) -> Vec<String> {
    let block = |rest: &str| {
        let lines = rest.split("```").next().unwrap().lines().map(str::trim);
        lines.filter(|line| !line.is_empty()).fold(String::new(), |text, line| text + line + "\n")
    };
    part.split("```toml\n").skip(1).map(block).collect()
}

#[test]
fn file_is_valid_and_warns_only_of_its_example() {
    let (secret, keys) = (TempFile::new("hunter2"), TempFile::new(KEY));
    let set = [("provider.client_secret_file", secret.path()), ("session.keys_file", keys.path())];
    for template in PROVIDER_TEMPLATES {
        let settings = load_all(template.text, &[], &set);
        let settings = settings.unwrap_or_else(|mistakes| panic!("{}: {mistakes}", template.name));
        // The issuer of Google is the same for each client.
        let expected: &[&str] = match template.name {
            "google" => &[],
            _ => &[
                "provider.issuer: it is an example of the documentation; set the issuer of your own provider",
            ],
        };
        assert_eq!(settings.warnings, expected, "{}", template.name);
        let in_container = template.text.replace("\n#[check]\n#trusted", "\n[check]\ntrusted");
        let settings = load_all(&in_container, &[], &set).ok().unwrap();
        assert!(settings.check.trusted_proxies.trusts("10.0.0.1".parse().unwrap()), "{}", template.name);
    }
}

#[test]
fn every_file_is_in_the_table_of_templates() {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let folder = std::fs::read_dir(PathBuf::from(root).join("config/providers")).unwrap();
    let mut files: Vec<String> =
        folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut named: Vec<String> =
        PROVIDER_TEMPLATES.iter().map(|template| format!("{}.toml", template.name)).collect();
    files.sort();
    named.sort();
    assert_eq!(files, named);
}

#[test]
fn page_shows_the_settings_of_each_file() {
    let parts = page();
    let common = code_blocks(&parts[1]).remove(0);
    for template in PROVIDER_TEMPLATES {
        let name = template.name;
        let (shared, own): (Vec<_>, Vec<_>) =
            sections(template.text).into_iter().partition(|section| is_common(section));
        assert_eq!(shared.concat(), common, "{name}: the sections that all files share");
        let command = format!("foregate template --for {name}`");
        let part = parts.iter().find(|part| part.contains(&command));
        let part = part.unwrap_or_else(|| panic!("{name}: the page does not name the command"));
        assert_eq!(code_blocks(part).first(), Some(&own.concat()), "{name}");
    }
}

#[test]
fn table_of_the_page_lists_the_files_in_order() {
    let rows: Vec<String> = page()[0]
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned()))
        .collect();
    let named: Vec<&str> = PROVIDER_TEMPLATES.iter().map(|template| template.name).collect();
    assert_eq!(rows, named);
}
