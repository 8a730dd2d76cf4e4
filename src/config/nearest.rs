//! Which key did the operator mean?

use super::key::Key;
use super::keys::TABLE;
use super::report::{Report, Reported};

/// Keys that earlier versions had, and their new names.
const RENAMED: [(&str, &str); 3] = [
    ("headers.blank", "headers.strip"),
    ("public.accept_foreign_writes", "public.allow_cross_origin_writes"),
    ("session.quiet_paths", "session.background_paths"),
];
/// Below this two names are strangers.
const ALIKE: f64 = 0.7;

/// How good a guess is where the last step is right and the section is not.
const SAME_NAME: f64 = 0.8;

/// How good a guess is where the section is right and the last step is one of the words of the key's.
const SAME_SECTION: f64 = 0.9;

/// Tells of a path that leads to nothing; `spell` writes a key as this source writes it.
///
/// The value is never shown: it may be a secret under a misspelled name.
pub(super) fn unknown(
    report: &mut Report,
    path: &[String],
    place: &str,
    spell: impl Fn(&str) -> String,
) -> Reported {
    let name = path.join(".");
    if let Some((_, new)) = RENAMED.iter().find(|(old, _)| *old == name) {
        report.meant(new);
        let right = format!("renamed to {}", spell(new));
        return report.other(&name, None, place, "there is no such key any more".to_owned(), right);
    }
    let right = match nearest(path) {
        Some(found) => {
            report.meant(&found);
            format!("did you mean {}?", spell(&found))
        }
        None => neighbours(path, spell),
    };
    report.other(&name, None, place, "there is no such key".to_owned(), right)
}

fn nearest(path: &[String]) -> Option<String> {
    let name = path.join(".");
    let scored = candidates(path).map(|known| (likeness(&name, &known), known));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(score, _)| *score >= ALIKE).map(|(_, known)| known)
}

fn likeness(name: &str, known: &str) -> f64 {
    let whole = strsim::normalized_damerau_levenshtein(name, known);
    let (section, key) = name.rsplit_once('.').unwrap_or(("", name));
    let (known_section, known_key) = known.rsplit_once('.').unwrap_or(("", known));
    if section == known_section && known_key.split('_').any(|word| word == key) {
        whole.max(SAME_SECTION + whole / 10.0)
    } else if key == known_key {
        whole.max(SAME_NAME + whole / 10.0)
    } else {
        whole
    }
}

/// Every key and every section, with the operator's own names in place of `*`.
fn candidates(path: &[String]) -> impl Iterator<Item = String> {
    TABLE.all().flat_map(|(known, _)| {
        let mut steps: Vec<&str> = Vec::new();
        let mut names = Vec::new();
        for (index, step) in known.split('.').enumerate() {
            let own = path.get(index).map_or("name", String::as_str);
            steps.push(if step == "*" { own } else { step });
            // A name of the operator's own is no suggestion: it is what was said.
            if step != "*" {
                names.push(steps.join("."));
            }
        }
        names
    })
}

/// What there is in the section that was named, or else which sections there are.
fn neighbours(path: &[String], spell: impl Fn(&str) -> String) -> String {
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
    fn a_slip_a_wrong_section_and_a_missing_underscore_are_understood() {
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
