//! The outbox as programs: what is delivered, in which trace, and what is left when they are killed.

mod broken;
mod crash;
mod delivery;
mod embedded;
mod line;
mod postgres;
mod program;
mod setup;
mod sqlite;
