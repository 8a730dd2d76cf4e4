//! Suggestions for unknown keys

use super::key::Key;
use super::keys::TABLE;
use super::report::{Report, Reported};

/// Keys of earlier versions, with their new names.
const RENAMED: [(&str, &str); 3] = [
    ("headers.blank", "headers.strip"),
    ("public.accept_foreign_writes", "public.allow_cross_origin_writes"),
    ("session.quiet_paths", "session.background_paths"),
];

/// The lowest similarity at which a name is suggested.
const MIN_SIMILARITY: f64 = 0.7;

/// The similarity if the last step is right and the section is not.
const SIMILARITY_OF_SAME_NAME: f64 = 0.8;

/// The similarity if the section is right and the last step is a word of the key's last step.
const SIMILARITY_IN_SAME_SECTION: f64 = 0.9;

/// Reports an unknown path. `spell` writes a key in the notation of its source.
///
/// The value is never shown, because it may be a secret under a misspelled name.
pub(super) fn report_unknown_key(
    report: &mut Report,
    path: &[String],
    place: &str,
    spell: impl Fn(&str) -> String,
) -> Reported {
    let name = path.join(".");
    if let Some((_, new)) = RENAMED.iter().find(|(old, _)| *old == name) {
        report.mark_reported(new);
        let right = format!("renamed to {}", spell(new));
        return report.add_other(&name, None, place, "there is no such key any more".to_owned(), right);
    }
    let right = match nearest(path) {
        Some(found) => {
            report.mark_reported(&found);
            format!("did you mean {}?", spell(&found))
        }
        None => existing_keys(path, spell),
    };
    report.add_other(&name, None, place, "there is no such key".to_owned(), right)
}

fn nearest(path: &[String]) -> Option<String> {
    let name = path.join(".");
    let scored = candidates(path).map(|known| (similarity(&name, &known), known));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(score, _)| *score >= MIN_SIMILARITY).map(|(_, known)| known)
}

fn similarity(name: &str, known: &str) -> f64 {
    let whole = strsim::normalized_damerau_levenshtein(name, known);
    let (section, key) = name.rsplit_once('.').unwrap_or(("", name));
    let (known_section, known_key) = known.rsplit_once('.').unwrap_or(("", known));
    if section == known_section && known_key.split('_').any(|word| word == key) {
        whole.max(SIMILARITY_IN_SAME_SECTION + whole / 10.0)
    } else if key == known_key {
        whole.max(SIMILARITY_OF_SAME_NAME + whole / 10.0)
    } else {
        whole
    }
}

/// Returns every key and every section, with the names that the operator chose in place of `*`.
fn candidates(path: &[String]) -> impl Iterator<Item = String> {
    TABLE.all().flat_map(|(known, _)| {
        let mut steps: Vec<&str> = Vec::new();
        let mut names = Vec::new();
        for (index, step) in known.split('.').enumerate() {
            let own = path.get(index).map_or("name", String::as_str);
            steps.push(if step == "*" { own } else { step });
            // A name that the operator chose is no suggestion, because it is part of the input.
            if step != "*" {
                names.push(steps.join("."));
            }
        }
        names
    })
}

/// Returns the keys of the section that the path names, or all sections if there is no such section.
fn existing_keys(path: &[String], spell: impl Fn(&str) -> String) -> String {
    let section = path.first().map_or("", String::as_str);
    let here: Vec<String> = TABLE
        .all()
        .filter(|(known, _): &(String, &Key)| known.split('.').next() == Some(section))
        .map(|(known, _)| spell(&known))
        .collect();
    if !here.is_empty() {
        return format!("one of {}", here.join(", "));
    }
    let mut sections: Vec<String> =
        TABLE.all().filter_map(|(known, _)| known.split('.').next().map(str::to_owned)).collect();
    sections.dedup();
    sections.sort();
    sections.dedup();
    format!("a key of one of the sections {}", sections.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Option<String> {
        nearest(&name.split('.').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn misspelled_or_misplaced_key_gets_a_suggestion() {
        for (said, meant) in [
            ("public.url", "public.urls"),
            ("providr", "provider"),
            ("provider.clientid", "provider.client_id"),
            ("public_urls", "public.urls"),
            ("client_secret", "provider.client_secret"),
            ("check.log.level", "log.level"),
            ("policies.staff.allowed_group", "policies.staff.allowed_groups"),
            ("drain.timeout", "drain.finish_timeout"),
            ("provider.secret", "provider.client_secret"),
            ("drain.level", "log.level"),
        ] {
            assert_eq!(of(said).as_deref(), Some(meant), "{said}");
        }
        assert_eq!(of("cookie.flavour"), None);
    }
}
