//! Tokens of a Rust file, without comments, literals and test items

/// One token and its line. An identifier is one token, `::` is one token, and so is each other character.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// The tokens of a file, and the modules that only tests compile.
pub(crate) struct Tokens {
    pub(crate) all: Vec<Token>,
    pub(crate) test_modules: Vec<String>,
}

/// Reads a file.
pub(crate) fn read(text: &str) -> Tokens {
    without_tests(&split(text))
}

/// Whether a token can be part of a path.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn split(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => string_len(rest),
            '\'' => character_len(rest),
            'r' | 'b' if raw_string_len(rest).is_some() => raw_string_len(rest).unwrap_or(1),
            _ if is_name(rest) => rest
                .find(|character: char| !character.is_alphanumeric() && character != '_')
                .unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        let (token, behind) = rest.split_at(length);
        let skipped = token.starts_with(['"', '\'']) || token.starts_with("//") || token.starts_with("/*");
        if !skipped && !first.is_whitespace() && !token.contains('"') {
            found.push(Token { text: token.to_owned(), line });
        }
        line += token.matches('\n').count();
        rest = behind;
    }
    found
}

fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (index, one) in text.char_indices().skip(1) {
        match one {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// Returns the length of a character literal, or of the quotation mark of a lifetime.
fn character_len(text: &str) -> usize {
    let mut rest = text.char_indices().skip(1);
    let first = rest.next().map(|(_, one)| one);
    let second = rest.next();
    match (first, second) {
        (Some('\\'), Some((index, escaped))) => {
            let from = index + escaped.len_utf8();
            text.split_at(from).1.find('\'').map_or(text.len(), |end| from + end + 1)
        }
        (Some(_), Some((index, '\''))) => index + 1,
        _ => 1,
    }
}

fn raw_string_len(text: &str) -> Option<usize> {
    let prefix = if text.starts_with("br") { 2 } else { usize::from(text.starts_with('r')) };
    let (_, rest) = text.split_at(prefix);
    let (fence, _) = rest.split_once('"')?;
    if prefix == 0 || fence.chars().any(|character| character != '#') {
        return None;
    }
    let open = prefix + fence.len() + 1;
    let (_, body) = text.split_at(open);
    let close = format!("\"{fence}");
    Some(body.find(&close).map_or(text.len(), |end| open + end + close.len()))
}

fn without_tests(tokens: &[Token]) -> Tokens {
    const TEST_ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Tokens { all: Vec::new(), test_modules: Vec::new() };
    let mut rest = tokens;
    while let Some((token, behind)) = rest.split_first() {
        if rest.len() > TEST_ATTRIBUTE.len()
            && rest.iter().zip(TEST_ATTRIBUTE).all(|(token, mark)| token.text == mark)
        {
            let (_, item) = rest.split_at(TEST_ATTRIBUTE.len());
            let (item, behind) = item.split_at(item_len(item));
            let module = item.iter().skip_while(|token| token.text != "mod").nth(1);
            kept.test_modules.extend(module.map(|name| name.text.clone()));
            rest = behind;
        } else {
            kept.all.push(token.clone());
            rest = behind;
        }
    }
    kept
}

/// Returns the length of an item, up to its `;` or the closing brace of its first block.
fn item_len(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    return index + 1;
                }
            }
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}
