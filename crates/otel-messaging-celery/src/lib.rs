#![doc = include_str!("../README.md")]

mod answer;
mod error;
mod handling;
mod json;
mod received;
mod task;

pub use answer::Answer;
pub use error::{ReadError, TaskError};
pub use handling::{try_with_task, try_with_task_by, try_with_task_by_with, try_with_task_with};
pub use received::ReceivedTask;
pub use task::Task;
