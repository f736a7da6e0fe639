//! The section of the service itself, under the key `service`.

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The section of a service without settings of its own.
///
/// It is the default of [`Settings`](super::Settings), so a program names it only where the type is not inferred.
///
/// ```
/// use soa::settings::{NoSection, Settings};
///
/// let settings: Settings = Settings::<NoSection>::loader().load()?;
/// assert_eq!(settings.service, NoSection {});
/// # Ok::<(), soa::settings::SettingsError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NoSection {}

/// A type for the section `service` of [`Settings`](super::Settings), or for the settings of a middleware.
///
/// It is implemented for all types that derive `Deserialize`, `JsonSchema` and `garde::Validate`.
///
/// ```
/// use garde::Validate;
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use soa::settings::Settings;
///
/// #[derive(Deserialize, JsonSchema, Validate)]
/// #[serde(deny_unknown_fields)]
/// struct Mailer {
///     /// Sender of all mails.
///     #[garde(contains("@"))]
///     sender: String,
/// }
///
/// let loader = Settings::<Mailer>::loader().set("service.sender=nobody");
/// let error = loader.load().err().ok_or("no error")?;
/// assert_eq!(error.problems()[0].key(), Some("service.sender"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a service's section of the settings",
    label = "derive `serde::Deserialize`, `schemars::JsonSchema` and `garde::Validate` for this type"
)]
pub trait Section: DeserializeOwned + JsonSchema + Validate<Context = ()> + Send + 'static {}

impl<S: DeserializeOwned + JsonSchema + Validate<Context = ()> + Send + 'static> Section for S {}
