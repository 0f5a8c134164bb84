//! The future of a publish.

use crate::error_type::error_type;
use crate::publisher_confirm::PublisherConfirm;
use lapin::{Channel, Result};
use otel_messaging::adapter::{Outcome, Outgoing};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A publish that is under way: the channel's own future, and the message's span. An asynchronous block
    /// would keep the message's properties twice, beside that future and in it.
    pub(crate) struct Publishing<'a, F> {
        #[pin]
        pub(crate) published: F,
        pub(crate) channel: &'a Channel,
        // `None` when the channel has taken the message.
        pub(crate) outgoing: Option<Outgoing>,
    }
}

impl<F: Future<Output = Result<lapin::PublisherConfirm>>> Future for Publishing<'_, F> {
    type Output = Result<PublisherConfirm>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(outgoing) = this.outgoing {
            outgoing.hand_over();
        }
        let published = ready!(this.published.poll(cx));
        let outgoing = this.outgoing.take();
        Poll::Ready(match published {
            Ok(confirm) if this.channel.status().confirm() => {
                Ok(PublisherConfirm::new(confirm, outgoing))
            }
            Ok(confirm) => {
                finish(outgoing, Outcome::accepted());
                Ok(PublisherConfirm::new(confirm, None))
            }
            Err(error) => {
                finish(outgoing, Outcome::failed(error_type(&error), &error));
                Err(error)
            }
        })
    }
}

fn finish(outgoing: Option<Outgoing>, outcome: Outcome<'_>) {
    if let Some(outgoing) = outgoing {
        outgoing.finish(outcome);
    }
}
