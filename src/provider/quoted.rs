//! How does a stranger's text get into one of our messages?

/// No explanation needs more.
const MOST_CHARACTERS: usize = 200;

/// The text without control characters, so that it cannot forge a log line, and not longer than a message may be.
pub(super) fn quoted(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_is_one_short_line() {
        assert_eq!(quoted("no\r\nlevel=error\u{1b}[2J\u{85}"), "nolevel=error[2J");
        assert_eq!(quoted(&"ü".repeat(1000)).chars().count(), MOST_CHARACTERS);
    }
}
