//! From the counts to the table and the verdict.

mod allocations;
mod counts;
mod kept;
mod results;
mod table;

pub use kept::Kept;
pub use results::Results;
pub use table::{verdict, write};
