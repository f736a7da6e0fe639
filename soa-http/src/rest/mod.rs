//! REST: the routes that actions declare.
//!
//! ```text
//! read     a request of HTTP to the body of a job
//! refusal  errors as REST has them
//! answer   a call from its request to its answer
//! ```

mod answer;
mod read;
mod refusal;

pub(crate) use answer::answer;
