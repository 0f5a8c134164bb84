//! What a received message tells.

use crate::carrier::Carrier;
use crate::description::Description;
use std::rc::Rc;
use std::sync::Arc;

/// A message that a client has received: where its headers are, and what the conventions want to
/// know of it.
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
    message = "`{Self}` is no received message that otel-messaging knows",
    note = "the adapter of its client implements `Received`: is it a dependency, is it named \
            somewhere (`use otel_messaging_lapin as _;` will do), and is the client of the same \
            version?"
)]
pub trait Received<C> {
    /// The client's type of headers.
    type Headers: Carrier<C> + ?Sized;

    /// The convention's name of the messaging system, such as `kafka`.
    const SYSTEM: &'static str;

    /// The message's headers, if it has any.
    fn carried_headers(&self) -> Option<&Self::Headers>;

    /// Tells the destination and the attributes that the client knows.
    fn describe_message(&self, description: &mut Description);
}

macro_rules! received_through {
    ($($pointer:ty),*) => {$(
        impl<C, M: Received<C> + ?Sized> Received<C> for $pointer {
            type Headers = M::Headers;

            const SYSTEM: &'static str = M::SYSTEM;

            fn carried_headers(&self) -> Option<&Self::Headers> {
                (**self).carried_headers()
            }

            fn describe_message(&self, description: &mut Description) {
                (**self).describe_message(description);
            }
        }
    )*};
}

received_through!(&M, Box<M>, Rc<M>, Arc<M>);
