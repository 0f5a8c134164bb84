//! What an adapter implements for its client's messages.

use crate::carrier::headers::Carrier;
use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::info::MessageInfo;
use crate::message::producer_info::ProducerInfo;
use std::any::{Any, type_name};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

/// A client library. An adapter's marker type implements it, such as `Kafka`.
///
/// Callers never name the marker; generic functions infer it.
pub trait Client {
    /// The conventions' name of the messaging system, such as `kafka`.
    const SYSTEM: &'static str;

    /// The adapter's own name, and the name of the instrumentation scope of its spans
    /// (`env!("CARGO_PKG_NAME")`).
    const NAME: &'static str;

    /// The adapter's own version (`env!("CARGO_PKG_VERSION")`).
    const VERSION: &'static str;

    /// The client's own word for a poll: `messaging.operation.name` of the spans of
    /// [`Consumer::receive`](crate::consumer::Consumer::receive).
    const RECEIVE: &'static str = "receive";

    /// The name of a client's error for `error.type`, if the error is of this client.
    fn error_type(error: &(dyn Any + 'static)) -> Option<Cow<'static, str>> {
        let _ = error;
        None
    }
}

/// The `error.type` of an error: the client's name for it, or else the name of its Rust type.
pub(crate) fn error_type<C: Client, E: 'static>(error: &E) -> Cow<'static, str> {
    C::error_type(error).unwrap_or_else(|| type_name::<E>().into())
}

/// Describes a message, on its way out or in. An adapter implements it for each type of message. `C` is
/// the adapter's marker.
pub trait Describe<C> {
    /// The client library of the message: the marker.
    type Client: Client;

    /// Where the message goes to, or came from. It has to be cheap, and it should not allocate.
    fn destination(&self) -> Destination<'_>;

    /// What is known of the message beside its destination. The core asks for it only if a span is about
    /// to start, or a metric to be recorded.
    fn message_info(&self) -> MessageInfo<'_> {
        MessageInfo::new(self.destination())
    }

    /// The facts that the producer of an outgoing message knows: its server, its client.
    fn producer_info(&self) -> Option<&ProducerInfo> {
        None
    }

    /// The size of the payload, in bytes.
    fn body_size(&self) -> Option<usize> {
        None
    }

    /// The size of the payload and of what goes with it, such as key, headers and properties, in bytes of
    /// the wire. The core calls it only if the application wants sizes on spans.
    fn envelope_size(&self) -> Option<usize> {
        None
    }

    /// Adds the attributes of this messaging system alone, such as an offset. The core calls it only if a
    /// span records. `info` is the result of [`message_info`](Self::message_info).
    fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
        let _ = (info, attributes);
    }

    /// How many more attributes the span gets than every span has. Count those of
    /// [`set_attributes`](Self::set_attributes) and of the answer, the message's identifiers, and how long it waited.
    /// If there are more, the span's list grows. If there are fewer, the span holds the rest of the room until its end.
    /// The core keeps room for 64 at most.
    fn attribute_room(&self) -> usize {
        3
    }
}

/// A message that a client has received: it gives access to its headers, and describes itself.
///
/// Adapters implement it for their client's message types; the methods are named unlike the
/// clients' own. `C` is the adapter's marker, inferred by every call and by generic functions:
///
/// ```
/// use otel_messaging::{Received, with_message_context};
///
/// async fn handle_any<C, M: Received<C>>(message: M) {
///     with_message_context(&message, |_message| async { /* .. */ }).await;
/// }
/// ```
///
/// A generic type over messages has to carry the marker, in `PhantomData<C>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Received` of otel-messaging",
    note = "the adapter of the client implements `Received`. Add the adapter to the dependencies, name \
            it in the program (such as `use otel_messaging_lapin as _;`), and use the version of the \
            client that the adapter depends on"
)]
pub trait Received<C>: Describe<C> {
    /// The client's type of headers.
    type Headers: Carrier<C> + ?Sized;

    /// The message's headers, if it has any.
    fn message_headers(&self) -> Option<&Self::Headers>;
}

macro_rules! through {
    ($($pointer:ty),*) => {$(
        impl<C, M: Describe<C> + ?Sized> Describe<C> for $pointer {
            type Client = M::Client;

            fn destination(&self) -> Destination<'_> {
                (**self).destination()
            }

            fn message_info(&self) -> MessageInfo<'_> {
                (**self).message_info()
            }

            fn producer_info(&self) -> Option<&ProducerInfo> {
                (**self).producer_info()
            }

            fn body_size(&self) -> Option<usize> {
                (**self).body_size()
            }

            fn envelope_size(&self) -> Option<usize> {
                (**self).envelope_size()
            }

            fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
                (**self).set_attributes(info, attributes);
            }

            fn attribute_room(&self) -> usize {
                (**self).attribute_room()
            }
        }

        impl<C, M: Received<C> + ?Sized> Received<C> for $pointer {
            type Headers = M::Headers;

            fn message_headers(&self) -> Option<&Self::Headers> {
                (**self).message_headers()
            }
        }
    )*};
}

through!(&M, Box<M>, Rc<M>, Arc<M>);
