//! What goes out on the wire, as a broker sees it.

mod batch;
mod broker;
mod disabled;
mod frame_size;
mod metrics;
