//! The names of services and actions.

use std::borrow::Cow;

/// The name of a service or of an action. Usually it is a literal, sometimes it is made at run time.
pub type Name = Cow<'static, str>;
