//! `soa status`: the answer of one worker of a service about its health.

use soa_program::cli::told_status;
use soa_runtime::text;

use crate::arguments::StatusArguments;
use crate::called::{self, Named};
use crate::connect::Target;
use crate::failure::{Failure, Reason};
use crate::output::{Output, harmless_lines, print};
use crate::progress::while_running;

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: StatusArguments,
) -> Result<(), Failure> {
    let named = Named {
        service: arguments.service,
        action: Some("status".to_owned()),
    };
    let reached = target.reach(&named.service).await?;
    let timeout = arguments.timeout.get();
    let call = reached
        .client
        .call_action(named.service.clone(), "status", &())
        .timeout(timeout);
    let status = match while_running("waiting for the status", call.into_future()).await {
        Ok(status) => status,
        Err(error) => return Err(called::failed(&error, &reached, &named, timeout).await),
    };
    let (told, is_healthy) = told_status(&named.service, &status);
    match output.as_json {
        true => print(&text::write(&status))?,
        false => print(&harmless_lines(&told))?,
    }
    match is_healthy {
        true => Ok(()),
        false => Err(Failure::told(Reason::Bad)),
    }
}
