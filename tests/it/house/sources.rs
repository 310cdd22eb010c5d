//! The product's sources, parsed: modules, what they import, how long their functions are.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// One file of `src` without its tests.
pub struct Source {
    /// From the top of the project.
    pub file: String,
    /// Names from the crate's root: `["store", "keys"]`; empty for `lib.rs`.
    pub module: Vec<String>,
    pub lines: usize,
    pub begins_with_purpose: bool,
    pub imports: Vec<Import>,
    /// Names that the file brings in, for itself or others, with the path that each stands for.
    pub names: BTreeMap<String, Vec<String>>,
    /// Crates that paths begin with, with their lines.
    pub crates: Vec<(String, usize)>,
    /// Names with their lengths in lines.
    pub functions: Vec<(String, usize)>,
    /// Line and text of what is not written outside tests.
    pub shortcuts: Vec<String>,
}

/// A path into this crate.
pub struct Import {
    /// From the crate's root.
    pub path: Vec<String>,
    pub line: usize,
}

impl Source {
    /// The first name of the module, `lib`, `main` or `build`.
    pub fn room(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    pub fn is_in_a_room(&self) -> bool {
        !matches!(self.room(), "lib" | "build" | "main")
    }
}

/// The top of the project, which cargo tells a test when it runs.
pub fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// Every file of `src` that is not there for tests only.
pub fn sources() -> Vec<Source> {
    let root = &root();
    let mut paths = Vec::new();
    rust_files(&root.join("src"), &mut paths);
    let parsed: Vec<(PathBuf, String, syn::File)> = paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a source can be read");
            let file = syn::parse_file(&text).expect("a source that compiles can be parsed");
            (path, text, file)
        })
        .collect();
    let tests: Vec<PathBuf> = parsed
        .iter()
        .flat_map(|(path, _, file)| test_modules(path, file))
        .collect();
    parsed
        .iter()
        .filter(|(path, ..)| !tests.iter().any(|test| is_of_module(path, test)))
        .map(|(path, text, file)| read(root, path, text, file))
        .collect()
}

fn rust_files(directory: &Path, into: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(directory).expect("src can be listed");
    let mut entries: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

fn is_of_module(path: &Path, module: &Path) -> bool {
    let directory = if module.ends_with("mod.rs") {
        module.with_file_name("")
    } else {
        module.with_extension("")
    };
    path == module || path.starts_with(directory)
}

/// Files of modules that are declared under `#[cfg(test)]`.
fn test_modules(path: &Path, file: &syn::File) -> Vec<PathBuf> {
    let beside = path.parent().expect("a file has a directory");
    let below = match path.file_stem().and_then(|s| s.to_str()) {
        Some("mod" | "lib" | "main") => beside.to_path_buf(),
        _ => path.with_extension(""),
    };
    let declared = file.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) if module.content.is_none() && is_for_tests(&module.attrs) => Some(module),
        _ => None,
    });
    declared
        .flat_map(|module| {
            let named = module.attrs.iter().find_map(|attribute| match &attribute.meta {
                syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                    syn::Expr::Lit(syn::ExprLit {
                        lit: syn::Lit::Str(text),
                        ..
                    }) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            });
            match named {
                Some(name) => vec![beside.join(name)],
                None => vec![
                    below.join(format!("{}.rs", module.ident)),
                    below.join(module.ident.to_string()).join("mod.rs"),
                ],
            }
        })
        .collect()
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => attribute.path().is_ident("test"),
    })
}

fn read(root: &Path, path: &Path, text: &str, file: &syn::File) -> Source {
    let inside = path
        .strip_prefix(root.join("src"))
        .expect("below src")
        .with_extension("");
    let mut module: Vec<String> = inside
        .components()
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || (last == "lib" && module.len() == 1))
    {
        module.pop();
    }
    let mut reader = Reader {
        module: module.clone(),
        ..Reader::default()
    };
    reader.visit_file(file);
    Source {
        file: path
            .strip_prefix(root)
            .expect("below the project")
            .display()
            .to_string(),
        module,
        lines: text.lines().count(),
        begins_with_purpose: text.starts_with("//! "),
        imports: reader.imports,
        names: reader.names,
        crates: reader.crates.into_iter().collect(),
        functions: reader.functions,
        shortcuts: reader.shortcuts,
    }
}

#[derive(Default)]
struct Reader {
    /// Where the visitor stands, with inline modules.
    module: Vec<String>,
    imports: Vec<Import>,
    names: BTreeMap<String, Vec<String>>,
    crates: BTreeSet<(String, usize)>,
    functions: Vec<(String, usize)>,
    shortcuts: Vec<String>,
}

impl Reader {
    /// The path from the crate's root, when it leads into this crate.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut base = match path.first()?.as_str() {
            "crate" | "yamabiko" => Vec::new(),
            "self" => self.module.clone(),
            "super" => {
                let mut up = self.module.clone();
                up.pop();
                up
            }
            _ => return None,
        };
        for name in &path[1..] {
            if name == "super" {
                base.pop();
            } else {
                base.push(name.clone());
            }
        }
        Some(base)
    }

    fn meet(&mut self, path: &[String], line: usize) {
        match self.absolute(path) {
            Some(path) => self.imports.push(Import { path, line }),
            None => {
                if let [first, _, ..] = path {
                    self.crates.insert((first.clone(), line));
                }
            }
        }
    }

    fn meet_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |name: &syn::Ident| {
            let mut path = before.to_vec();
            if name != "self" || before.is_empty() {
                path.push(name.to_string());
            }
            path
        };
        match tree {
            syn::UseTree::Path(inner) => self.meet_use(&inner.tree, &with(&inner.ident)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.meet_use(item, before)),
            syn::UseTree::Glob(glob) => self.meet(before, glob.span().start().line),
            syn::UseTree::Name(name) => {
                let path = with(&name.ident);
                let known = path.last().cloned().unwrap_or_default();
                self.bring(&path, known, name.span().start().line);
            }
            syn::UseTree::Rename(name) => {
                self.bring(
                    &with(&name.ident),
                    name.rename.to_string(),
                    name.span().start().line,
                );
            }
        }
    }

    fn bring(&mut self, path: &[String], name: String, line: usize) {
        let child = [&["self".to_owned()], path].concat();
        let whole = self.absolute(path).or_else(|| self.absolute(&child));
        if let Some(whole) = whole {
            self.names.insert(name, whole);
        }
        self.meet(path, line);
        if let [only] = path {
            self.crates.insert((only.clone(), line));
        }
    }

    /// Paths in the arguments of macros and attributes, which are not parsed.
    fn meet_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut is_joined = false;
        let mut line = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if !is_joined {
                        self.meet(&std::mem::take(&mut path), line);
                        line = name.span().start().line;
                    }
                    path.push(name.to_string());
                    is_joined = false;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() => is_joined = true,
                TokenTree::Group(group) => {
                    self.meet(&std::mem::take(&mut path), line);
                    is_joined = false;
                    self.meet_tokens(group.stream());
                }
                _ => {
                    self.meet(&std::mem::take(&mut path), line);
                    is_joined = false;
                }
            }
        }
        self.meet(&path, line);
    }

    fn measure(&mut self, name: &syn::Ident, whole: &impl Spanned) {
        let span = whole.span();
        self.functions
            .push((name.to_string(), span.end().line + 1 - span.start().line));
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_for_tests(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.meet_use(&item.tree, &[]);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig.ident, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if is_for_tests(&function.attrs) {
            return;
        }
        self.measure(&function.sig.ident, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if names.len() > 1 {
            self.meet(&names, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" {
            self.shortcuts
                .push(format!("{}: unwrap()", call.method.span().start().line));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let name = called
            .path
            .segments
            .last()
            .map(|s| s.ident.to_string())
            .unwrap_or_default();
        if matches!(name.as_str(), "todo" | "unimplemented" | "dbg") {
            self.shortcuts
                .push(format!("{}: {name}!", called.span().start().line));
        }
        self.meet_tokens(called.tokens.clone());
        visit::visit_macro(self, called);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            let is_lint = list.path.is_ident("allow") || list.path.is_ident("expect");
            if is_lint && !list.tokens.to_string().contains("reason") {
                self.shortcuts.push(format!(
                    "{}: a lint is switched off without a reason",
                    list.span().start().line
                ));
            }
            self.meet_tokens(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(i) => &i.attrs,
        syn::Item::Enum(i) => &i.attrs,
        syn::Item::Fn(i) => &i.attrs,
        syn::Item::Impl(i) => &i.attrs,
        syn::Item::Mod(i) => &i.attrs,
        syn::Item::Static(i) => &i.attrs,
        syn::Item::Struct(i) => &i.attrs,
        syn::Item::Trait(i) => &i.attrs,
        syn::Item::Type(i) => &i.attrs,
        syn::Item::Use(i) => &i.attrs,
        _ => &[],
    }
}
