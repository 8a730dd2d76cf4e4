//! Source file: the modules it declares, the names it imports and the paths in its code

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{self, Token, is_name};

/// The names that lead to an item, from the root of the crate.
pub(crate) type Path = Vec<String>;

/// One `use` of one name.
pub(crate) struct Import {
    pub(crate) path: Path,
    pub(crate) line: usize,
    pub(crate) is_public: bool,
}

/// One file.
#[derive(Default)]
pub(crate) struct Source {
    /// The module that the file is.
    pub(crate) module: Path,
    /// Modules declared in it.
    children: BTreeSet<String>,
    /// Modules declared in it that only tests compile.
    pub(crate) test_modules: Vec<String>,
    /// Imports from this crate, by their names in this file.
    pub(crate) imports: BTreeMap<String, Import>,
    /// Modules of this crate that are imported with `*`.
    pub(crate) globs: Vec<Path>,
    /// Items defined here.
    pub(crate) items: BTreeSet<String>,
    /// Names that the code uses, imports left out.
    pub(crate) words: BTreeSet<String>,
    /// Paths in the code, with their lines.
    pub(crate) paths: Vec<(Path, usize)>,
}

const ITEMS: [&str; 8] = ["struct", "enum", "union", "trait", "fn", "const", "static", "type"];

impl Source {
    /// Reads the text of the file that is `module`.
    pub(crate) fn read(module: Path, text: &str) -> Self {
        let tokens = tokens::read(text);
        let mut source = Self { module, test_modules: tokens.test_modules, ..Self::default() };
        source.collect_declarations(&tokens.all);
        let code = source.collect_imports(&tokens.all);
        source.collect_paths(&code);
        source
    }

    fn collect_declarations(&mut self, tokens: &[Token]) {
        for three in tokens.windows(3) {
            let [keyword, name, third] = three else { continue };
            match keyword.text.as_str() {
                "mod" => self.children.insert(name.text.clone()),
                // A `!` is in between.
                "macro_rules" => self.items.insert(third.text.clone()),
                word if ITEMS.contains(&word) => self.items.insert(name.text.clone()),
                _ => continue,
            };
        }
    }

    /// Collects the imports, and returns all other tokens.
    fn collect_imports(&mut self, tokens: &[Token]) -> Vec<Token> {
        let mut code: Vec<Token> = Vec::new();
        let mut rest = tokens;
        while let Some((token, behind)) = rest.split_first() {
            rest = behind;
            if token.text != "use" {
                code.push(token.clone());
                continue;
            }
            let is_public = code.last().is_some_and(|last| matches!(last.text.as_str(), "pub" | ")"));
            let length = rest.iter().position(|token| token.text == ";").unwrap_or(rest.len());
            let (mut tree, behind) = rest.split_at(length);
            self.read_tree(&mut tree, &[], is_public);
            rest = behind;
        }
        code
    }

    /// Reads one branch of a `use`, up to a comma or the end of the group.
    fn read_tree(&mut self, rest: &mut &[Token], prefix: &[String], is_public: bool) {
        let mut path = prefix.to_vec();
        let mut name = None;
        let mut line = 0;
        while let Some((token, behind)) = rest.split_first() {
            if matches!(token.text.as_str(), "," | "}") {
                break;
            }
            *rest = behind;
            line = token.line;
            match token.text.as_str() {
                "{" => return self.read_group(rest, &path, is_public),
                "*" => {
                    self.globs.extend(self.absolute(&path));
                    return;
                }
                "as" => {
                    name = behind.first().map(|name| name.text.clone());
                    *rest = behind.split_first().map_or(behind, |(_, behind)| behind);
                }
                "self" if !path.is_empty() => {}
                text if is_name(text) => path.push(text.to_owned()),
                _ => {}
            }
        }
        let name = name.or_else(|| path.last().cloned());
        if let (Some(name), Some(path)) = (name, self.absolute(&path)) {
            self.imports.insert(name, Import { path, line, is_public });
        }
    }

    fn read_group(&mut self, rest: &mut &[Token], path: &[String], is_public: bool) {
        while let Some((token, behind)) = rest.split_first() {
            match token.text.as_str() {
                "}" => {
                    *rest = behind;
                    return;
                }
                "," => *rest = behind,
                _ => self.read_tree(rest, path, is_public),
            }
        }
    }

    fn collect_paths(&mut self, tokens: &[Token]) {
        let mut rest = tokens;
        while let Some((token, mut behind)) = rest.split_first() {
            if is_name(&token.text) {
                self.words.insert(token.text.clone());
                let mut path = vec![token.text.clone()];
                while let [colons, name, further @ ..] = behind
                    && colons.text == "::"
                    && is_name(&name.text)
                {
                    path.push(name.text.clone());
                    behind = further;
                }
                if path.len() > 1 {
                    self.paths.extend(self.absolute(&path).map(|path| (path, token.line)));
                }
            }
            rest = behind;
        }
    }

    /// Returns the path from the root of the crate; `None` for a path into another crate or a type of this file.
    fn absolute(&self, path: &[String]) -> Option<Path> {
        let (head, rest) = path.split_first()?;
        let base = match head.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => {
                let ups = path.iter().take_while(|step| *step == "super").count();
                let mut base = self.module.clone();
                base.truncate(base.len().checked_sub(ups)?);
                return Some([base, path.iter().skip(ups).cloned().collect()].concat());
            }
            child if self.children.contains(child) => [self.module.clone(), vec![head.clone()]].concat(),
            name => self.imports.get(name)?.path.clone(),
        };
        Some([base, rest.to_vec()].concat())
    }
}
