//! What a poll of a client gives: messages, or none, or an error.

use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::info::MessageInfo;
use crate::message::received::{Client, Received};
use crate::policy::destination::Destinations;
use crate::propagation::settings::Propagation;
use crate::telemetry::span_builder::describe;
use opentelemetry::trace::Link;
use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

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
    fn show<'a>(&'a self, messages: &mut PolledMessages<'a>);
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

    fn show<'a>(&'a self, messages: &mut PolledMessages<'a>) {
        messages.add(self);
    }
}

impl<C, S, P: Polled<C, S>> Polled<C, Maybe<S>> for Option<P> {
    type Client = P::Client;

    fn show<'a>(&'a self, messages: &mut PolledMessages<'a>) {
        if let Some(polled) = self {
            polled.show(messages);
        }
    }
}

impl<C, S, P: Polled<C, S>> Polled<C, Many<S>> for Vec<P> {
    type Client = P::Client;

    fn show<'a>(&'a self, messages: &mut PolledMessages<'a>) {
        messages.is_batch = true;
        for polled in self {
            polled.show(messages);
        }
    }
}

impl<C, S, P, E> Polled<C, Fallible<S>> for Result<P, E>
where
    P: Polled<C, S>,
    E: fmt::Display + 'static,
{
    type Client = P::Client;

    fn show<'a>(&'a self, messages: &mut PolledMessages<'a>) {
        match self {
            Ok(polled) => polled.show(messages),
            Err(error) => {
                let known = P::Client::error_type(error);
                messages.error = Some((known.unwrap_or(type_name::<E>().into()), error));
            }
        }
    }
}

/// What came with a poll, as it is shown.
pub struct PolledMessages<'a> {
    wanted: Wanted<'a>,
    pub(crate) links: Vec<Link>,
    /// The attributes of the messages. They are wanted of one alone.
    pub(crate) attributes: Attributes,
    pub(crate) count: u64,
    pub(crate) is_batch: bool,
    /// The destination of all messages, if they have the same.
    destination: Option<Destination<'a>>,
    /// The template of all messages, if they have the same.
    pub(crate) template: Option<Arc<str>>,
    partition: Option<u32>,
    pub(crate) error: Option<(Cow<'static, str>, &'a dyn fmt::Display)>,
}

/// What is to be found out. Links and attributes are for spans alone.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// How many messages there are, and what they have in common.
    Common(&'a Destinations),
    /// Who sent them.
    Links(&'a Propagation),
    /// Their attributes.
    Attributes,
}

impl<'a> PolledMessages<'a> {
    /// Looks at the output of a poll.
    pub(crate) fn of<C, S, P: Polled<C, S>>(output: &'a P, wanted: Wanted<'a>) -> Self {
        let mut messages = Self {
            wanted,
            links: Vec::new(),
            attributes: Attributes::default(),
            count: 0,
            is_batch: false,
            destination: None,
            template: None,
            partition: None,
            error: None,
        };
        output.show(&mut messages);
        messages
    }

    fn add<C, M: Received<C>>(&mut self, message: &'a M) {
        match self.wanted {
            Wanted::Common(destinations) => self.add_common(&message.message_info(), destinations),
            Wanted::Links(by) => {
                if let Some(headers) = message.message_headers() {
                    self.links.extend(by.read(headers).links());
                }
            }
            Wanted::Attributes => {
                let info = message.message_info();
                // The span of the poll has described the destination.
                let rest = info.clone().with_destination(Destination::unknown());
                describe(&mut self.attributes, &rest, None);
                message.set_attributes(&info, &mut self.attributes);
            }
        }
    }

    fn add_common(&mut self, info: &MessageInfo<'a>, destinations: &Destinations) {
        let template = destinations.template_of(info.destination());
        if self.count == 0 {
            self.destination = Some(info.destination());
            self.template = template;
            self.partition = info.partition();
        } else {
            if self.destination != Some(info.destination()) {
                self.destination = None;
            }
            if self.template != template {
                self.template = None;
            }
            if self.partition != info.partition() {
                self.partition = None;
            }
        }
        self.count += 1;
    }

    /// What is known of all messages.
    pub(crate) fn info(&self) -> MessageInfo<'a> {
        let destination = self.destination.unwrap_or(Destination::unknown());
        MessageInfo::new(destination).with_partition(self.partition)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0 && self.error.is_none()
    }
}

impl fmt::Debug for PolledMessages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolledMessages")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
