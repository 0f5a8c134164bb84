//! Where messages come from: a look at them that leaves their consumers alone.

pub(crate) mod bounds;
pub(crate) mod kafka;
mod listening;
pub(crate) mod nats;
pub(crate) mod rabbitmq;
pub(crate) mod scan;
