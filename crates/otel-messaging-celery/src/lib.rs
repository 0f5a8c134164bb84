#![doc = include_str!("../README.md")]

mod answer;
mod arrived;
mod client;
mod error;
mod json;
mod received;
mod task;
mod try_with_task;

pub use answer::Answer;
pub use error::{ReadError, TaskError};
pub use received::ReceivedTask;
pub use task::Task;
pub use try_with_task::{
    try_with_task, try_with_task_by, try_with_task_by_with, try_with_task_with,
};
