//! REST: the routes that actions declare.
//!
//! ```text
//! plan     the route of an action: the origin of each field of its request
//! read     a request of HTTP to the body of a job
//! refusal  errors as REST has them
//! answer   a call from its request to its answer
//! ```

mod answer;
mod plan;
mod read;
mod refusal;

pub(crate) use answer::answer;
pub(crate) use plan::{BodyPart, RoutePlan, plans};
