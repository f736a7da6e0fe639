//! Enums of errors, in every shape, without a prelude and under strict lints.
#![no_implicit_prelude]
#![deny(missing_docs, warnings)]

mod framework {
    pub use ::soa::*;
}

/// Everything that a variant may say.
#[derive(::core::fmt::Debug, ::soa::ActionErrors)]
pub enum Every {
    /// Nothing more to say.
    Plain,
    /// Two paragraphs.
    ///
    /// The second with {braces}.
    #[action_error(server)]
    Documented,
    /// Its name is a word of the language, those of its fields are names of generated code.
    #[action_error(message = "{error} and {code:?}", field = "list.{index}")]
    Named {
        /// Like a variable.
        error: ::std::string::String,
        /// Like a field.
        code: ::core::option::Option<u8>,
        /// A place.
        index: usize,
        /// A word of the language.
        r#type: u8,
    },
    /// In another module's words.
    #[cfg(any())]
    Never(NoSuchType),
    /// Gone.
    #[deprecated]
    Old,
    /// Anything else.
    #[action_error(other)]
    Other(::soa::WireError),
}

impl ::core::fmt::Display for Shown {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("shown")
    }
}

/// A type of the user's own as a field.
#[derive(::core::fmt::Debug, ::serde::Serialize, ::serde::Deserialize)]
pub struct Shown;

#[derive(::soa::ActionErrors)]
#[action_error(crate = crate::framework)]
enum Private {
    /// A renamed framework.
    #[action_error(code = "some.code", message = "{shown}")]
    Renamed { shown: Shown },
}

fn main() {
    let error: ::soa::ActionError = ::core::convert::From::from(Private::Renamed { shown: Shown });
    ::core::assert!(error.find::<Private>().is_some());
    ::core::assert!(error.find::<Every>().is_some());
}
