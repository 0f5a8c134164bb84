//! What a poll of a client gives: messages, or none, or an error.

use crate::consumer::several::{InCommon, Senders};
use crate::instrumentation::settings::Settings;
use crate::message::endpoint::Endpoint;
use crate::message::received::{Client, Received, error_type};
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
                messages.error = Some((error_type::<P::Client, _>(error), error));
            }
        }
    }
}

/// What came with a poll, as it is shown.
pub struct PolledMessages<'a> {
    wanted: Wanted<'a>,
    pub(crate) in_common: InCommon<'a>,
    pub(crate) senders: Senders,
    pub(crate) is_batch: bool,
    pub(crate) error: Option<(Cow<'static, str>, &'a dyn fmt::Display)>,
}

/// What is to be found out.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// How many messages there are, and what they have in common.
    Common(&'a Settings),
    /// Who sent them, and their attributes beside those. For spans alone.
    Senders(&'a Settings, &'a Endpoint, &'a InCommon<'a>),
}

impl<'a> PolledMessages<'a> {
    /// Looks at the output of a poll.
    pub(crate) fn of<C, S, P: Polled<C, S>>(output: &'a P, wanted: Wanted<'a>) -> Self {
        let mut messages = Self {
            wanted,
            in_common: InCommon::default(),
            senders: Senders::default(),
            is_batch: false,
            error: None,
        };
        output.show(&mut messages);
        messages
    }

    fn add<C, M: Received<C>>(&mut self, message: &'a M) {
        match self.wanted {
            Wanted::Common(by) => self
                .in_common
                .add(&message.message_info(), &by.destinations),
            Wanted::Senders(by, endpoint, in_common) => {
                let links = by.read(message, Some(endpoint)).links();
                let rest = in_common.rest_of(message, &message.message_info(), Some(endpoint), by);
                self.senders.add(links, rest);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_common.count == 0 && self.error.is_none()
    }
}

impl fmt::Debug for PolledMessages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolledMessages")
            .field("count", &self.in_common.count)
            .finish_non_exhaustive()
    }
}
