//! The calls of a crate that its users can make.

use crate::names::Names;
use crate::source::{ItemPath, Source, for_tests};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::{
    GenericArgument, GenericParam, Generics, ImplItem, Item, ItemImpl, PathArguments, TraitItem,
    Type, Visibility,
};

/// Traits of other crates through which messages come and go.
const FOREIGN: [&str; 7] = [
    "AsyncRead",
    "AsyncWrite",
    "Future",
    "IntoFuture",
    "Iterator",
    "Sink",
    "Stream",
];

/// Every public call of a crate: `Type::method`, `Trait::method`, `module::function` and
/// `Type: Trait`, for the traits above and the crate's own. A type's path is as long as it has
/// to be to mean nothing else; a type with arguments goes by its alias, where it has one.
pub(crate) fn surface(source: &Source) -> BTreeSet<String> {
    let names = Names::new(source);
    let mut surface = Surface {
        aliases: Vec::new(),
        calls: BTreeSet::new(),
        names: &names,
    };
    for (module, items) in &source.modules {
        for item in items {
            if let Item::Type(item) = item {
                surface.add_alias(module, &item.ident.to_string(), &item.ty);
            }
        }
    }
    for (module, items) in &source.modules {
        for item in items {
            surface.add(module, item);
        }
    }
    surface.calls
}

struct Surface<'a> {
    /// The place of each public alias, and what it stands for.
    aliases: Vec<(ItemPath, Subject)>,
    calls: BTreeSet<String>,
    names: &'a Names<'a>,
}

/// A type of the crate, with the arguments that are no parameters.
#[derive(PartialEq)]
struct Subject {
    place: ItemPath,
    arguments: Vec<String>,
}

impl Surface<'_> {
    fn add_alias(&mut self, module: &[String], name: &str, target: &Type) {
        let place = [module, &[name.to_owned()]].concat();
        if let Some(subject) = self.subject(module, target, &Generics::default())
            && self.names.public(&place).is_some()
        {
            self.aliases.push((place, subject));
        }
    }

    fn add(&mut self, module: &[String], item: &Item) {
        match item {
            Item::Fn(item) => {
                let place = [module, &[item.sig.ident.to_string()]].concat();
                if let Some(path) = self.names.public(&place) {
                    self.calls.insert(path.join("::"));
                }
            }
            Item::Trait(item) => {
                let place = [module, &[item.ident.to_string()]].concat();
                let Some(name) = self.names.short(&place) else {
                    return;
                };
                for item in &item.items {
                    if let TraitItem::Fn(method) = item {
                        self.calls.insert(format!("{name}::{}", method.sig.ident));
                    }
                }
            }
            Item::Impl(item) => self.add_impl(module, item),
            _ => {}
        }
    }

    fn add_impl(&mut self, module: &[String], item: &ItemImpl) {
        let Some(subject) = self.subject(module, &item.self_ty, &item.generics) else {
            return;
        };
        let Some(name) = self.name(&subject) else {
            return;
        };
        if let Some((path, _)) = &item.trait_ {
            let segments = path.segments.iter();
            let path_of: ItemPath = segments.map(|segment| segment.ident.to_string()).collect();
            let of_trait = match self.names.resolve(module, &path_of) {
                Some(place) => self.names.short(&place),
                None => path_of
                    .last()
                    .filter(|last| FOREIGN.contains(&last.as_str()))
                    .cloned(),
            };
            let last = path.segments.last().map(|last| &last.arguments);
            if let (Some(of_trait), Some(arguments)) = (of_trait, last) {
                let arguments = self.arguments(module, arguments, &item.generics);
                let of_trait = with_arguments(of_trait, &arguments);
                self.calls.insert(format!("{name}: {of_trait}"));
            }
            return;
        }
        for item in &item.items {
            if let ImplItem::Fn(method) = item
                && matches!(method.vis, Visibility::Public(_))
                && !for_tests(&method.attrs)
            {
                self.calls.insert(format!("{name}::{}", method.sig.ident));
            }
        }
    }

    /// What users call the type, if it is theirs to see.
    fn name(&self, subject: &Subject) -> Option<String> {
        let alias = self.aliases.iter().find(|(_, known)| known == subject);
        match alias {
            Some((alias, _)) if !subject.arguments.is_empty() => self.names.short(alias),
            _ => {
                let name = self.names.short(&subject.place)?;
                Some(with_arguments(name, &subject.arguments))
            }
        }
    }

    fn subject(&self, module: &[String], subject: &Type, generics: &Generics) -> Option<Subject> {
        let path = match subject {
            Type::Path(path) if path.qself.is_none() => &path.path,
            Type::Reference(reference) => return self.subject(module, &reference.elem, generics),
            _ => return None,
        };
        let segments = path.segments.iter();
        let names: ItemPath = segments.map(|segment| segment.ident.to_string()).collect();
        let place = self.names.resolve(module, &names)?;
        let arguments = self.arguments(module, &path.segments.last()?.arguments, generics);
        let subject = Subject { place, arguments };
        // An alias of a plain type is the type.
        let alias = self
            .aliases
            .iter()
            .find(|(alias, _)| *alias == subject.place);
        match alias {
            Some((_, target)) if subject.arguments.is_empty() => Some(Subject {
                place: target.place.clone(),
                arguments: target.arguments.clone(),
            }),
            _ => Some(subject),
        }
    }

    /// The arguments as users write them, or none if one of them is a parameter.
    fn arguments(
        &self,
        module: &[String],
        arguments: &PathArguments,
        generics: &Generics,
    ) -> Vec<String> {
        let PathArguments::AngleBracketed(arguments) = arguments else {
            return Vec::new();
        };
        let mut shown = Vec::new();
        for argument in &arguments.args {
            let GenericArgument::Type(argument) = argument else {
                continue;
            };
            if names_a_parameter(argument, generics) {
                return Vec::new();
            }
            let subject = self.subject(module, argument, generics);
            let name = subject.and_then(|subject| self.name(&subject));
            let text = || argument.to_token_stream().to_string().replace(' ', "");
            shown.push(name.unwrap_or_else(text));
        }
        shown
    }
}

fn with_arguments(name: String, arguments: &[String]) -> String {
    match arguments {
        [] => name,
        arguments => format!("{name}<{}>", arguments.join(", ")),
    }
}

fn names_a_parameter(argument: &Type, generics: &Generics) -> bool {
    let text = argument.to_token_stream().to_string();
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| {
        generics.params.iter().any(|parameter| match parameter {
            GenericParam::Type(parameter) => parameter.ident == word,
            GenericParam::Lifetime(parameter) => parameter.lifetime.ident == word,
            GenericParam::Const(parameter) => parameter.ident == word,
        })
    })
}
