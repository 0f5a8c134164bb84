#![doc = include_str!("../README.md")]

mod answer;
mod error;
mod handling;
mod json;
mod received;
mod task;

pub use answer::Answer;
pub use error::{ReadError, TaskError};
pub use handling::{try_with_task, try_with_task_by};
pub use received::ReceivedTask;
pub use task::Task;
