//! The modules of a crate and the paths in them, read from its sources as tokens.
//!
//! Tokens and not a syntax tree: paths inside of macros count, comments and texts do not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module by its path from the crate's root.
type ModulePath = Vec<String>;

/// The sources of one crate.
pub(crate) struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

#[derive(Default)]
struct Module {
    file: String,
    /// The names that `use` lines bring in for others, and the paths behind them.
    exports: Vec<(String, Vec<String>)>,
    /// The paths that the module's code names.
    paths: Vec<Vec<String>>,
}

/// A file of a crate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File<'a>(&'a str);

impl<'a> File<'a> {
    /// The path of the file inside of `src`.
    pub(crate) fn path(&self) -> String {
        self.0.to_owned()
    }

    /// The module at the crate's root that the file belongs to; `None` for the root itself.
    pub(crate) fn top_module(&self) -> Option<&'a str> {
        let first = self.0.split('/').next()?;
        let name = first.strip_suffix(".rs").unwrap_or(first);
        (!matches!(name, "lib" | "main")).then_some(name)
    }
}

impl Crate {
    /// Reads the sources in a folder `src`.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut files = Vec::new();
        collect(folder, folder, &mut files);
        Self::of(
            files
                .iter()
                .map(|(path, text)| (path.as_str(), text.as_str())),
        )
    }

    /// A crate of these files.
    pub(crate) fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut modules = BTreeMap::new();
        for (path, text) in files {
            let tokens: TokenStream = text
                .parse()
                .unwrap_or_else(|error| panic!("{path}: {error}"));
            let name = path.strip_suffix(".rs").unwrap_or(path);
            let mut module: ModulePath = name.split('/').map(str::to_owned).collect();
            let is_root = matches!(name, "lib" | "main");
            if is_root || module.last().is_some_and(|last| last == "mod") {
                module.pop();
            }
            read_module(path, module, tokens, &mut modules);
        }
        Self { modules }
    }

    /// The modules at the root of the crate.
    pub(crate) fn top_modules(&self) -> BTreeSet<String> {
        let files = self.modules.values().map(|module| File(&module.file));
        files
            .filter_map(|file| file.top_module().map(str::to_owned))
            .collect()
    }

    /// The files that each file uses.
    pub(crate) fn uses(&self) -> impl Iterator<Item = (File<'_>, File<'_>)> {
        self.modules.iter().flat_map(move |(place, module)| {
            let targets = module
                .paths
                .iter()
                .filter_map(|path| self.resolve(place, path, 0));
            let targets = targets.filter(|file| *file != module.file);
            targets.map(|target| (File(&module.file), File(target)))
        })
    }

    /// The file that defines the name at the end of a path, where that is in this crate.
    fn resolve(&self, place: &[String], path: &[String], depth: usize) -> Option<&str> {
        let (first, rest) = path.split_first()?;
        let (mut at, rest): (ModulePath, &[String]) = match first.as_str() {
            "crate" => (Vec::new(), rest),
            "self" => (place.to_vec(), rest),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let left = place.len().checked_sub(ups)?;
                (place[..left].to_vec(), &path[ups..])
            }
            child => {
                let mut at = place.to_vec();
                at.push(child.to_owned());
                self.modules.contains_key(&at).then_some((at, rest))?
            }
        };
        for (index, part) in rest.iter().enumerate() {
            let mut inner = at.clone();
            inner.push(part.clone());
            if self.modules.contains_key(&inner) {
                at = inner;
                continue;
            }
            let module = self.modules.get(&at)?;
            let export = module.exports.iter().find(|(name, _)| name == part);
            if let Some((_, target)) = export.filter(|_| depth < 16) {
                let target = [target, &rest[index + 1..]].concat();
                let found = self.resolve(&at, &target, depth + 1);
                // A re-export of another crate's name is nobody's in this one.
                return found;
            }
            break;
        }
        self.modules.get(&at).map(|module| module.file.as_str())
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let is_test = name
            .split('/')
            .any(|part| matches!(part, "tests" | "tests.rs" | "bin"));
        if is_test {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files);
        } else if name.ends_with(".rs") {
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Notes a module and those that are written inside of it.
fn read_module(
    file: &str,
    place: ModulePath,
    tokens: TokenStream,
    modules: &mut BTreeMap<ModulePath, Module>,
) {
    let mut module = Module {
        file: file.to_owned(),
        ..Module::default()
    };
    let mut inner = Vec::new();
    scan(tokens, &mut module, &mut inner);
    for (name, tokens) in inner {
        let place = [place.as_slice(), &[name]].concat();
        read_module(file, place, tokens, modules);
    }
    modules.insert(place, module);
}

/// Goes over tokens and what is nested in them: notes `use` trees and paths, passes over what is for tests.
fn scan(tokens: TokenStream, module: &mut Module, inner: &mut Vec<(String, TokenStream)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    let mut is_public = false;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = tokens.get(at) {
                    at += 1;
                    let text: String = attribute.to_string().split_whitespace().collect();
                    if text == "[cfg(test)]" {
                        at = after_item(&tokens, at);
                    }
                }
            }
            TokenTree::Ident(word) if word == "pub" => {
                is_public = true;
                if matches!(tokens.get(at), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
                {
                    at += 1;
                }
                continue;
            }
            TokenTree::Ident(word) if word == "use" => {
                let end = until_semicolon(&tokens, at);
                let mut leaves = Vec::new();
                leaves_of(&tokens[at..end], &[], &mut leaves);
                for (name, path) in leaves {
                    match is_public {
                        true => module.exports.push((name, path)),
                        false => module.paths.push(path),
                    }
                }
                at = end;
            }
            TokenTree::Ident(word) if word == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (tokens.get(at), tokens.get(at + 1))
                {
                    inner.push((name.to_string(), body.stream()));
                    at += 2;
                }
            }
            TokenTree::Ident(_) => {
                let (path, end) = path_at(&tokens, at - 1);
                if path.len() > 1 {
                    module.paths.push(path);
                }
                at = end;
            }
            TokenTree::Group(group) => scan(group.stream(), module, inner),
            _ => {}
        }
        is_public = false;
    }
}

/// Behind the item that begins here: its attributes, and all up to a block or a semicolon.
fn after_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(mark) if mark.as_char() == ';' => break,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
            _ => {}
        }
    }
    at
}

fn until_semicolon(tokens: &[TokenTree], at: usize) -> usize {
    let rest = tokens.iter().skip(at);
    let is_end =
        |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ';');
    at + rest.take_while(|token| !is_end(token)).count()
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == ':')
}

/// The path that begins here, and where it ends.
fn path_at(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        path.push(word.to_string());
        at += 1;
        if !(is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1))) {
            break;
        }
        at += 2;
    }
    (path, at)
}

/// The names that a `use` tree brings in, with the whole path of each.
fn leaves_of(tokens: &[TokenTree], before: &[String], leaves: &mut Vec<(String, Vec<String>)>) {
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
    for tree in tokens.split(is_comma) {
        let (path, end) = path_at(tree, 0);
        let mut whole = [before, &path].concat();
        match tree.get(end) {
            Some(TokenTree::Group(group)) => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                leaves_of(&inside, &whole, leaves);
            }
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                leaves.push(("*".to_owned(), whole));
            }
            next => {
                if whole.last().is_some_and(|last| last == "self") && whole.len() > 1 {
                    whole.pop();
                }
                let alias = matches!(next, Some(TokenTree::Ident(word)) if word == "as");
                let name = match tree.get(end + 1) {
                    Some(name) if alias => Some(name.to_string()),
                    _ => whole.last().cloned(),
                };
                leaves.extend(name.map(|name| (name, whole)));
            }
        }
    }
}
