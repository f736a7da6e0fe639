//! `soa watch`: requests and answers as they pass.
//!
//! ```text
//! shown      samples as they are shown                 order    samples that the workers take themselves
//! monitor    all commands of Redis, for workers that cannot sample
//! ```

mod monitor;
mod order;
mod shown;

use std::time::{Duration, Instant};

use crate::arguments::WatchArguments;
use crate::connect::Target;
use crate::failure::Failure;
use crate::output::Output;

use shown::Shown;

/// Time after which it ends, unless another one is named: it costs something as long as it runs.
const TIME: Duration = Duration::from_secs(60);

/// The same with `--monitor`, which costs more.
const MONITOR_TIME: Duration = Duration::from_secs(10);

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: WatchArguments,
) -> Result<(), Failure> {
    let redis = target.connect("watch").await?;
    let named = target.named(&arguments.target).await?;
    let usual = match arguments.monitor {
        true => MONITOR_TIME,
        false => TIME,
    };
    let time = arguments.time.map_or(usual, |time| time.get());
    let mut shown = Shown {
        output,
        rate: arguments.rate,
        time,
        end: Instant::now() + time,
        left: arguments.count.unwrap_or(u64::MAX),
        has_shown: false,
    };
    match arguments.monitor {
        true => monitor::watch(&redis, &named, &mut shown).await?,
        false => order::watch(&redis, &named, &mut shown).await?,
    }
    shown.close(&named.service);
    Ok(())
}
