//! The names that the author of an adapter needs.
//!
//! An adapter has the same files as the adapters for lapin, rdkafka and async-nats:
//!
//! | file | what it has |
//! | --- | --- |
//! | `headers.rs` | [`Carrier`] and [`CarrierMut`] for the client's headers; the marker type, with [`Client`] |
//! | `received.rs` | [`Describe`] and [`Received`](crate::Received) for the client's messages |
//! | `relay.rs` | what each property and header means when a message is sent on ([`Meaning`]), for [`Sender::relay`] |
//! | `wire_size.rs` | what headers take on the wire, for [`CarrierMut::left_of`] |
//! | `error_type.rs` | names for the client's errors, for `error.type` |
//! | `settle.rs` | [`Settle`](crate::consumer::Settle) for what settles a delivery, and [`Unsettled`](crate::consumer::Unsettled) for messages that have it |
//! | `limits.rs` | messages that a destination refuses for their size, with [`RefusedSizes`] and [`Outgoing::leave_out`]; only if the client does not know how large they may be |
//! | a file per wrapped client type, named for it | the sending methods. Each calls [`Sender::outgoing`], [`Outgoing::inject`], the client's method and [`Outgoing::finish`] |
//!
//! The example `channel_adapter` of this crate is an adapter for an in-process channel, with its tests and
//! the conformance kit. It is short enough to be copied.
//!
//! A wrapper holds a [`Sender`], which is an instrumentation, and a batch if the wrapper sends one. A wrapper
//! without batches calls [`Instrumentation::outgoing`] and [`Instrumentation::relay`].
//!
//! [`Instrumentation::outgoing`]: crate::Instrumentation::outgoing
//! [`Instrumentation::relay`]: crate::Instrumentation::relay

pub use crate::carrier::headers::{Carrier, CarrierMut};
pub use crate::carrier::maps::TextMap;
pub use crate::field::name::is_name;
pub use crate::field::sets::{Contexts, FieldSet};
pub use crate::field::value::FieldValue;
pub use crate::loss::count::count_dropped_fields;
pub use crate::loss::reason::CarrierError;
pub use crate::message::attributes::Attributes;
pub use crate::message::destination::Destination;
pub use crate::message::info::MessageInfo;
pub use crate::message::received::{Client, Describe};
pub use crate::policy::refused_sizes::RefusedSizes;
pub use crate::producer::dead_letter::DeadLetter;
pub use crate::producer::outcome::Outcome;
pub use crate::producer::outgoing::Outgoing;
pub use crate::producer::relay::{Meaning, Relay};
pub use crate::producer::sender::Sender;
pub use crate::telemetry::semconv;
