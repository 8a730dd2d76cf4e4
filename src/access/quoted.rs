//! How does a stranger's text get into one of our messages?

/// No explanation needs more.
const MAX_CHARACTERS: usize = 200;

/// The text as one short line that reads as it is written: without control characters and without those that begin a
/// line or turn the direction of writing (UAX #9 §2, Unicode 5.8), so that it cannot forge a line of the log.
pub fn quoted(text: &str) -> String {
    text.chars().filter(|character| !is_hidden(*character)).take(MAX_CHARACTERS).collect()
}

/// Whether a character is one that readers do not see and programs obey: a control, or one that begins a line or turns
/// the direction of writing.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_is_one_short_line() {
        assert_eq!(quoted("no\r\nlevel=error\u{1b}[2J\u{85}"), "nolevel=error[2J");
        assert_eq!(quoted("a\u{2028}b\u{202e}c\u{2066}d\u{200f}e\u{61c}f"), "abcdef");
        assert_eq!(quoted(&"ü".repeat(1000)).chars().count(), MAX_CHARACTERS);
    }
}
