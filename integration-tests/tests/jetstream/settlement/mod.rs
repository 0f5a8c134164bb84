//! Messages of a stream, settled by the outcome of their handlers, and by hand.

mod batches;
mod by_hand;
mod concurrent;
mod consumers;
mod dropped;
mod failing;
mod killed;
mod orders;
mod outcomes;
