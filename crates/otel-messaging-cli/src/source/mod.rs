//! Where messages come from: a look at them that leaves their consumers alone.

mod bounds;
mod scan;
