//! Quotation of untrusted text in messages

/// The maximum length of a quotation. No name needs more.
const MAX_CHARACTERS: usize = 200;
/// The maximum length of an explanation. Providers may name the remedy at its end.
const MAX_EXPLANATION_CHARACTERS: usize = 1000;

/// Returns the text as one line of at most 200 characters that cannot forge a line of the log.
///
/// Control characters are removed, and characters that begin a line or change the direction of writing (UAX #9 §2,
/// Unicode 5.8).
pub fn quoted(text: &str) -> String {
    one_line(text, MAX_CHARACTERS)
}

/// Returns an explanation of the provider, as [`quoted`], but of at most 1,000 characters.
pub fn quoted_explanation(text: &str) -> String {
    one_line(text, MAX_EXPLANATION_CHARACTERS)
}

/// Returns the text as [`quoted`], but of at most `max_characters`.
pub(super) fn one_line(text: &str, max_characters: usize) -> String {
    text.chars().filter(|character| !is_hidden(*character)).take(max_characters).collect()
}

/// Returns whether a character is invisible to readers but has an effect in programs.
///
/// These are control characters, and characters that begin a line or change the direction of writing.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_one_short_line_without_hidden_characters() {
        assert_eq!(quoted("no\r\nlevel=error\u{1b}[2J\u{85}"), "nolevel=error[2J");
        assert_eq!(quoted("a\u{2028}b\u{202e}c\u{2066}d\u{200f}e\u{61c}f"), "abcdef");
        assert_eq!(quoted(&"ü".repeat(1000)).chars().count(), MAX_CHARACTERS);
        let explanation = quoted_explanation(&format!("{}\n{}", "ü".repeat(999), "abc"));
        assert_eq!(explanation, format!("{}a", "ü".repeat(999)));
    }
}
