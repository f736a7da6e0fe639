//! The arguments of actions, as JSON and as MessagePack, by position and by name.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use soa::http::Doors;

static DOORS: LazyLock<Doors> = LazyLock::new(soa_fuzz::doors);

fuzz_target!(|data: &[u8]| soa::http::fuzz::arguments(&DOORS, data));
