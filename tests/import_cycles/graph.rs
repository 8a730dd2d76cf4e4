//! Files of one crate and the imports between them

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path as FilePath;

use super::source::{Path, Source};

/// The imports from one file to another, each with the line and the name of one such import.
pub(crate) type Edges = BTreeMap<String, BTreeMap<String, String>>;

/// The files of a crate, by their paths below the root of the repository.
pub(crate) struct Crate(BTreeMap<String, Source>);

impl Crate {
    /// Reads every file below `folder` that is not only for tests.
    pub(crate) fn read(root: &FilePath, folder: &str) -> Self {
        let mut files = BTreeMap::new();
        collect(root, &root.join(folder), &mut Vec::new(), &mut files);
        Self::new(files)
    }

    /// Leaves out the files of modules that only tests compile.
    pub(crate) fn new(mut files: BTreeMap<String, Source>) -> Self {
        let tests: Vec<Path> = files
            .values()
            .flat_map(|source| source.test_modules.iter().map(|name| below(&source.module, name)))
            .collect();
        files.retain(|_, source| !tests.iter().any(|test| source.module.starts_with(test)));
        Self(files)
    }

    /// All imports between its files.
    pub(crate) fn edges(&self) -> Edges {
        let modules: BTreeMap<&[String], &str> =
            self.0.iter().map(|(file, source)| (source.module.as_slice(), file.as_str())).collect();
        let mut edges = Edges::new();
        for (file, source) in &self.0 {
            let mut add = |path: &Path, line: usize, is_reexport: bool| {
                let Some((target, name)) = self.resolve(&modules, path, 0) else { return };
                let is_child =
                    self.0.get(&target).is_some_and(|other| other.module.starts_with(&source.module));
                if target != *file && !(is_reexport && is_child) {
                    let from = edges.entry(file.clone()).or_default();
                    from.entry(target).or_insert_with(|| format!("line {line}: {name}"));
                }
            };
            for (name, import) in &source.imports {
                add(&import.path, import.line, import.is_public && !source.words.contains(name));
            }
            for (path, line) in &source.paths {
                add(path, *line, false);
            }
        }
        edges
    }

    /// Returns the file that defines the item of a path, and its name there; `None` for a module.
    fn resolve(
        &self,
        modules: &BTreeMap<&[String], &str>,
        path: &Path,
        hops: usize,
    ) -> Option<(String, String)> {
        let depth = (0..path.len())
            .rev()
            .find(|depth| path.get(..*depth).is_some_and(|it| modules.contains_key(it)))?;
        if modules.contains_key(path.as_slice()) {
            return None;
        }
        let file = *modules.get(path.get(..depth)?)?;
        let (name, source) = (path.get(depth)?, self.0.get(file)?);
        let here = (file.to_owned(), name.clone());
        if hops > MAX_REEXPORTS {
            return Some(here);
        }
        if let Some(import) = source.imports.get(name) {
            return self.resolve(modules, &import.path, hops + 1);
        }
        if source.items.contains(name) {
            return Some(here);
        }
        let glob_paths = source.globs.iter().map(|module| below(module, name));
        let mut found = glob_paths.filter_map(|path| self.resolve(modules, &path, hops + 1));
        found.find(|(file, name)| self.0.get(file).is_some_and(|it| it.items.contains(name))).or(Some(here))
    }
}

/// No name is re-exported through more modules.
const MAX_REEXPORTS: usize = 8;

/// Returns cycles, each as short as possible. Every file that is part of a cycle is in one of them.
pub(crate) fn cycles(edges: &Edges) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for file in edges.keys() {
        if !seen.contains(file)
            && let Some(cycle) = shortest_path(edges, file, file)
        {
            seen.extend(cycle.iter().cloned());
            found.push(cycle);
        }
    }
    found
}

/// Returns the shortest path along imports, without its end.
pub(crate) fn shortest_path(edges: &Edges, start: &str, end: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for next in edges.get(file).into_iter().flat_map(BTreeMap::keys) {
            if next == end {
                let mut path = vec![file.to_owned()];
                let mut at = file;
                while at != start {
                    at = came_from.get(at)?;
                    path.push(at.to_owned());
                }
                path.reverse();
                return Some(path);
            }
            if !came_from.contains_key(next.as_str()) {
                came_from.insert(next, file);
                queue.push_back(next);
            }
        }
    }
    None
}

fn below(module: &[String], name: &str) -> Path {
    [module, &[name.to_owned()]].concat()
}

fn collect(root: &FilePath, folder: &FilePath, module: &mut Path, files: &mut BTreeMap<String, Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name == "tests" || name == "main" {
            continue;
        }
        let is_file = path.extension().is_some_and(|end| end == "rs");
        let is_root = is_file && (name == "mod" || name == "lib");
        if !is_root {
            module.push(name.to_owned());
        }
        if path.is_dir() {
            collect(root, &path, module, files);
        } else if is_file {
            let text = fs::read_to_string(&path).unwrap();
            let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(file, Source::read(module.clone(), &text));
        }
        if !is_root {
            module.pop();
        }
    }
}
