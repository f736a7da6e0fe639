//! Parts of the runtime that the other crates of the framework are built on. Not for users, and free to change.

pub use soa_wire::debug_as_text;

pub use crate::context::{ClientLayer, FrozenTime};
pub use crate::lifetime::{Signal, job_id};
pub use crate::loss::Losses;
pub use crate::message::HttpHead;
pub use crate::transport::{
    Ending, Fit, Judge, Loss, LostJob, OpenSlot, RecordKeeper, Redelivery, Retired, SLOT_SIZE,
    Slot, Slots, Told, Verdict,
};
