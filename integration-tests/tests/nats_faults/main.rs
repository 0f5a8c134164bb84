//! NATS, core and JetStream, when something fails: every span ends once, and says how.

mod cancellation;
mod recorded;
mod restart;
mod settlement;
