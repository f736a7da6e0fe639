//! The arguments of `test_plans!`.

use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Ident, LitStr, Token, braced, token};

use crate::suggestion;

/// The names of the arguments.
const NAMES: [&str; 5] = ["service", "live", "name", "constants", "crate"];

/// The arguments, in any order.
pub(super) struct Arguments {
    pub(super) patterns: Vec<LitStr>,
    pub(super) service: Option<Expr>,
    pub(super) live: Option<Expr>,
    pub(super) name: Option<Expr>,
    /// The content of the map, in the form of `value!`.
    pub(super) constants: Option<TokenStream>,
    pub(super) framework: Option<syn::Path>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = Self {
            patterns: Vec::new(),
            service: None,
            live: None,
            name: None,
            constants: None,
            framework: None,
        };
        while !input.is_empty() {
            if input.peek(LitStr) {
                arguments.patterns.push(input.parse()?);
            } else {
                arguments.argument(input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(arguments)
    }
}

impl Arguments {
    fn argument(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let name = Ident::parse_any(input)?;
        input.parse::<Token![=]>()?;
        let is_twice = match name.to_string().as_str() {
            "service" => self.service.replace(input.parse()?).is_some(),
            "live" => self.live.replace(input.parse()?).is_some(),
            "name" => self.name.replace(input.parse()?).is_some(),
            "constants" => {
                if !input.peek(token::Brace) {
                    return Err(input.error(
                        "`constants` takes a map in the form of `value!`: write `constants = { \"name\": 1 }`",
                    ));
                }
                let content;
                braced!(content in input);
                self.constants.replace(content.parse()?).is_some()
            }
            "crate" => {
                let path = input.call(syn::Path::parse_mod_style)?;
                self.framework.replace(path).is_some()
            }
            other => {
                let advice = match suggestion::nearest(other, NAMES.into_iter()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "expected patterns of files, `service = …` or `live = …` with `name = …`, `constants = {…}`, `crate = …`".to_owned(),
                };
                return Err(syn::Error::new(
                    name.span(),
                    format!("`{other}` is not an argument of `test_plans!`: {advice}"),
                ));
            }
        };
        if is_twice {
            return Err(syn::Error::new(
                name.span(),
                format!("`{name}` is given twice: keep one of them"),
            ));
        }
        Ok(())
    }
}
