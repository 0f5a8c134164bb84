#![doc = include_str!("../README.md")]

mod answer;
mod error;
mod received;
mod task;

pub use answer::Answer;
pub use error::{ReadError, TaskError};
pub use received::ReceivedTask;
pub use task::Task;
