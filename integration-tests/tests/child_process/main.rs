//! The trace of the processes that a program starts: real ones, of ours and in Python.

mod job;
mod parent;
mod python;
mod rust;
