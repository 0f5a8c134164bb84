//! What a poll of a client gives: messages, or none, or an error.

use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::info::MessageInfo;
use crate::message::received::{Client, Received};
use crate::propagation::settings::Propagation;
use crate::telemetry::span_builder::describe;
use opentelemetry::trace::Link;
use std::any::type_name;
use std::borrow::Cow;
use std::fmt;

/// What a poll of a client gives, for [`Consumer::receive`](crate::consumer::Consumer::receive): a message,
/// or an `Option`, a `Result` or a `Vec` of them, in any nesting.
///
/// `C` is the adapter's marker, and `S` stands for the nesting. The compiler infers both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a poll of a client gives",
    note = "`receive` takes the future of a message that implements `Received` of otel-messaging, or of an \
            `Option`, a `Result` or a `Vec` of such messages"
)]
pub trait Polled<C, S> {
    /// The client library of the messages: the marker.
    type Client: Client;

    /// Shows each message, or the error.
    fn show<'a>(&'a self, came: &mut Came<'a>);
}

/// A message itself, for [`Polled`].
#[derive(Debug)]
pub enum One {}
/// What may be there, for [`Polled`].
#[derive(Debug)]
pub struct Maybe<S>(S);
/// What may have failed, for [`Polled`].
#[derive(Debug)]
pub struct Fallible<S>(S);
/// Several, for [`Polled`].
#[derive(Debug)]
pub struct Many<S>(S);

impl<C, M: Received<C>> Polled<C, One> for M {
    type Client = M::Client;

    fn show<'a>(&'a self, came: &mut Came<'a>) {
        came.add(self);
    }
}

impl<C, S, P: Polled<C, S>> Polled<C, Maybe<S>> for Option<P> {
    type Client = P::Client;

    fn show<'a>(&'a self, came: &mut Came<'a>) {
        if let Some(polled) = self {
            polled.show(came);
        }
    }
}

impl<C, S, P: Polled<C, S>> Polled<C, Many<S>> for Vec<P> {
    type Client = P::Client;

    fn show<'a>(&'a self, came: &mut Came<'a>) {
        came.is_batch = true;
        for polled in self {
            polled.show(came);
        }
    }
}

impl<C, S, P, E> Polled<C, Fallible<S>> for Result<P, E>
where
    P: Polled<C, S>,
    E: fmt::Display + 'static,
{
    type Client = P::Client;

    fn show<'a>(&'a self, came: &mut Came<'a>) {
        match self {
            Ok(polled) => polled.show(came),
            Err(error) => {
                let known = P::Client::error_type(error);
                came.error = Some((known.unwrap_or(type_name::<E>().into()), error));
            }
        }
    }
}

/// What came with a poll, as it is shown.
pub struct Came<'a> {
    /// Reads the senders of the messages, if they are wanted.
    senders: Option<&'a Propagation>,
    pub(crate) links: Vec<Link>,
    /// The attributes of one message, if they are wanted.
    pub(crate) attributes: Option<Attributes>,
    pub(crate) messages: u64,
    pub(crate) is_batch: bool,
    /// The destination of all messages, if they have the same.
    destination: Option<Destination<'a>>,
    pub(crate) partition: Option<u32>,
    pub(crate) error: Option<(Cow<'static, str>, &'a dyn fmt::Display)>,
}

impl<'a> Came<'a> {
    pub(crate) fn new() -> Self {
        Self {
            senders: None,
            links: Vec::new(),
            attributes: None,
            messages: 0,
            is_batch: false,
            destination: None,
            partition: None,
            error: None,
        }
    }

    /// To find out who sent the messages.
    pub(crate) fn with_senders(by: &'a Propagation) -> Self {
        Self {
            senders: Some(by),
            ..Self::new()
        }
    }

    /// To find out the attributes of the message.
    pub(crate) fn with_attributes() -> Self {
        Self {
            attributes: Some(Attributes::default()),
            ..Self::new()
        }
    }

    fn add<C, M: Received<C>>(&mut self, message: &'a M) {
        let info = message.message_info();
        if self.messages == 0 {
            self.destination = Some(info.destination());
            self.partition = info.partition();
        } else {
            let of_all = |known: &Destination<'_>| *known == info.destination();
            self.destination = self.destination.filter(of_all);
            self.partition = self
                .partition
                .filter(|known| Some(*known) == info.partition());
        }
        self.messages += 1;
        if let Some(by) = self.senders
            && let Some(headers) = message.message_headers()
        {
            self.links.extend(by.read(headers).links());
        }
        if let Some(attributes) = &mut self.attributes {
            // The span of the poll has described the destination.
            let rest = info.clone().with_destination(Destination::unknown());
            describe(attributes, &rest, None);
            message.set_attributes(&info, attributes);
        }
    }

    /// What is known of all messages.
    pub(crate) fn info(&self) -> MessageInfo<'a> {
        let destination = self.destination.unwrap_or(Destination::unknown());
        MessageInfo::new(destination).with_partition(self.partition)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages == 0 && self.error.is_none()
    }
}

impl fmt::Debug for Came<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Came")
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}
