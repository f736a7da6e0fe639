//! From the model to code: the item with its derives, and the check of its rules.
//!
//! Generated code names the framework and `core`. Only garde's own derive names `::garde`, so a user needs that crate for
//! rules, and for nothing else.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Attribute, Data, DeriveInput, Field, Index, parse_quote, parse_quote_spanned};

use super::model::{BodyModel, DerivedTrait, FieldModel, OwnRules, Told, VariantModel, WireName};
use crate::item_attribute;
use crate::lint::generated_code_lints;

/// Generates the item, and what it needs.
pub(super) fn body(mut input: DeriveInput, model: &BodyModel) -> TokenStream {
    if model.is_broken {
        return quote!(#input);
    }
    add_attributes(&mut input, model);
    let rules = rules(&input, model);
    let validation = match model.rules {
        OwnRules::None => validation(&input, model),
        OwnRules::Validated | OwnRules::ToDerive(_) => TokenStream::new(),
    };
    let lints = generated_code_lints();
    quote! {
        #input

        // The derive of schemars calls these by name, and a module without a prelude has them not in scope.
        #[allow(unused_imports)]
        use ::core::convert::{From as _, Into as _};

        #lints
        const _: () = {
            #rules
            #validation
        };
    }
}

/// Adds the derives, and what they are told.
fn add_attributes(input: &mut DeriveInput, model: &BodyModel) {
    let krate = &model.crate_path;
    let mut derived: Vec<TokenStream> = model
        .derived
        .iter()
        .map(|derived| match derived {
            DerivedTrait::Debug => quote!(::core::fmt::Debug),
            DerivedTrait::Clone => quote!(::core::clone::Clone),
            DerivedTrait::Serialize => quote!(#krate::__private::serde::Serialize),
            DerivedTrait::Deserialize => quote!(#krate::__private::serde::Deserialize),
            DerivedTrait::JsonSchema => quote!(#krate::__private::schemars::JsonSchema),
        })
        .collect();
    if let OwnRules::ToDerive(span) = model.rules {
        derived.push(quote_spanned!(span=> ::garde::Validate));
    }
    if !derived.is_empty() {
        // Helper attributes may not stand before the derive that knows them.
        input
            .attrs
            .insert(0, parse_quote!(#[derive(#(#derived),*)]));
    }
    let path = krate.to_string().replace(' ', "");
    if model.serde_crate {
        let path = format!("{path}::__private::serde");
        input.attrs.push(parse_quote!(#[serde(crate = #path)]));
    }
    if model.schemars_crate {
        let path = format!("{path}::__private::schemars");
        input.attrs.push(parse_quote!(#[schemars(crate = #path)]));
    }
    if model.closed {
        input
            .attrs
            .push(parse_quote!(#[serde(deny_unknown_fields)]));
    }
    if model.shape.allow_unvalidated {
        input.attrs.push(parse_quote!(#[garde(allow_unvalidated)]));
    }
    if !model.has_schema {
        return;
    }
    if let Some(package) = &model.package {
        input
            .attrs
            .push(parse_quote!(#[schemars(extend("x-soa-package" = #package))]));
    }
    match &mut input.data {
        Data::Struct(data) => {
            if let Some(variant) = model.shape.variants.first() {
                tell(data.fields.iter_mut(), variant);
            }
        }
        Data::Enum(data) => {
            for (item, variant) in data.variants.iter_mut().zip(&model.shape.variants) {
                tell(item.fields.iter_mut(), variant);
                let VariantModel {
                    aliases, is_other, ..
                } = variant;
                if !aliases.is_empty() || *is_other {
                    let other = is_other.then(|| quote!(, "other": true));
                    item.attrs.push(parse_quote! {
                        #[schemars(extend("x-soa-variant" = { "aliases": [#(#aliases),*] #other }))]
                    });
                }
            }
        }
        Data::Union(_) => {}
    }
}

/// Tells the schemas of fields what only serde knows.
fn tell<'a>(fields: impl Iterator<Item = &'a mut Field>, variant: &VariantModel) {
    for (field, model) in fields.zip(&variant.fields) {
        if model.needs_schema {
            let ty = field.ty.to_token_stream().to_string();
            let attribute = parse_quote_spanned!(model.span=> #[schemars(with = #ty)]);
            field.attrs.push(attribute);
        }
        let Some(told) = &model.told else {
            continue;
        };
        let Told {
            source,
            aliases,
            serialized,
            has_decoder,
        } = told;
        let mut entries = Vec::new();
        if let Some(source) = source {
            entries.push(quote!("source": #source));
        }
        if !aliases.is_empty() {
            entries.push(quote!("aliases": [#(#aliases),*]));
        }
        if let Some(serialized) = serialized {
            entries.push(quote!("serialized": #serialized));
        }
        if *has_decoder {
            entries.push(quote!("decoder": true));
        }
        let attribute: Attribute = parse_quote_spanned! {model.span=>
            #[schemars(extend("x-soa-field" = { #(#entries),* }))]
        };
        field.attrs.push(attribute);
    }
}

/// Generates the check of the rules of a type and of the bodies within it.
fn rules(input: &DeriveInput, model: &BodyModel) -> TokenStream {
    let krate = &model.crate_path;
    let name = &input.ident;
    let (parameters, arguments, conditions) = input.generics.split_for_impl();
    let path = Ident::new("__soa_path", Span::mixed_site());
    let report = Ident::new("__soa_report", Span::mixed_site());
    let has_rules = !matches!(model.rules, OwnRules::None);
    let variants = &model.shape.variants;
    let has_work = |variant: &&VariantModel| {
        has_rules || variant.fields.iter().any(|field| field.may_have_bodies)
    };
    let arms = variants.iter().filter(has_work).map(|variant| {
        let cfg = item_attribute::tokens(&variant.conditions);
        let pattern = match &variant.name {
            Some(name) => quote!(Self::#name),
            None => quote!(Self),
        };
        let probed = || {
            let fields = variant.fields.iter().enumerate();
            fields.filter(|(_, field)| field.may_have_bodies)
        };
        let bindings = probed().map(|(index, field)| {
            let cfg = item_attribute::tokens(&field.conditions);
            let member = member(index, field);
            let binding = binding(index);
            quote!(#cfg #member: #binding,)
        });
        let own = has_rules.then(|| own_rules(model, variant, &path, &report));
        let probes = probed().map(|(index, field)| probe(krate, index, field, &path, &report));
        quote! {
            #cfg
            #pattern { #(#bindings)* .. } => {
                #own
                #(#probes)*
            }
        }
    });
    let arms: Vec<TokenStream> = arms.collect();
    let others = (arms.len() < variants.len()).then(|| quote!(_ => {}));
    // An enum without variants has no values.
    let place = if variants.is_empty() {
        quote!(*self)
    } else {
        quote!(self)
    };
    let names = model.tells_names.then(|| names(krate, variants));
    quote! {
        #[automatically_derived]
        impl #parameters #krate::__private::BodyRules for #name #arguments #conditions {
            #names

            fn check(
                &self,
                #path: &#krate::__private::RulePath<'_>,
                #report: &mut #krate::__private::RuleReport,
            ) {
                use #krate::__private::{ViaGarde as _, WithoutRules as _};
                match #place {
                    #(#arms)*
                    #others
                }
            }
        }
    }
}

/// Generates the names of the fields of a struct, which routes may refer to.
fn names(krate: &TokenStream, variants: &[VariantModel]) -> TokenStream {
    let fields = variants.iter().flat_map(|variant| &variant.fields);
    let names = fields
        .filter(|field| !field.is_skipped)
        .filter_map(|field| {
            let cfg = item_attribute::tokens(&field.conditions);
            let name = wire_name(krate, field.steps.last()?);
            Some(quote!(#cfg #name))
        });
    quote! {
        const FIELDS: ::core::option::Option<&'static [#krate::__private::FieldName]> =
            ::core::option::Option::Some(&[#(#names),*]);
    }
}

/// Generates the check of the rules that garde knows, with the names of the fields in messages.
fn own_rules(
    model: &BodyModel,
    variant: &VariantModel,
    path: &Ident,
    report: &Ident,
) -> TokenStream {
    let krate = &model.crate_path;
    let fields = variant.fields.iter().enumerate();
    let fields = fields
        .filter(|(_, field)| field.has_rules)
        .map(|(index, field)| {
            let source = match &field.name {
                Some(name) => name.unraw().to_string(),
                None => index.to_string(),
            };
            let steps = field.steps.iter().map(|step| wire_name(krate, step));
            quote!((#source, &[#(#steps),*]))
        });
    quote! {
        #krate::__private::own_rules(self, const { &[#(#fields),*] }, #path, #report);
    }
}

/// Generates the check of a field, which the compiler makes nothing of if the field has no bodies in it.
fn probe(
    krate: &TokenStream,
    index: usize,
    field: &FieldModel,
    path: &Ident,
    report: &Ident,
) -> TokenStream {
    let cfg = item_attribute::tokens(&field.conditions);
    let binding = binding(index);
    let mut place = quote!(#path);
    for step in &field.steps {
        let name = wire_name(krate, step);
        place = quote!(#place.field(#name));
    }
    if !field.steps.is_empty() {
        place = quote!(&#place);
    }
    quote! {
        #cfg
        (&#krate::__private::Probe(#binding)).__soa_check(#place, #report);
    }
}

fn wire_name(krate: &TokenStream, step: &WireName) -> TokenStream {
    let WireName { read, written } = step;
    quote!(#krate::__private::FieldName::new(#read, #written))
}

fn member(index: usize, field: &FieldModel) -> TokenStream {
    match &field.name {
        Some(name) => quote!(#name),
        None => {
            let index = Index::from(index);
            quote!(#index)
        }
    }
}

fn binding(index: usize) -> Ident {
    format_ident!("__soa_field_{index}", span = Span::mixed_site())
}

/// Generates garde's trait for a type that has no rules of its own.
fn validation(input: &DeriveInput, model: &BodyModel) -> TokenStream {
    let krate = &model.crate_path;
    let name = &input.ident;
    let (parameters, arguments, conditions) = input.generics.split_for_impl();
    let parent = Ident::new("__soa_parent", Span::mixed_site());
    let report = Ident::new("__soa_report", Span::mixed_site());
    quote! {
        #[automatically_derived]
        impl #parameters #krate::__private::garde::Validate for #name #arguments #conditions {
            type Context = ();

            fn validate_into(
                &self,
                _: &(),
                #parent: &mut dyn ::core::ops::FnMut() -> #krate::__private::garde::Path,
                #report: &mut #krate::__private::garde::Report,
            ) {
                #krate::__private::inner_rules(self, #parent, #report);
            }
        }
    }
}
