//! A consumer of a stream in a process of its own, to be killed: it handles 16 messages at once, prints the
//! payload of each when it is handled, and settles it after that. When it has handled so many, the handlers
//! of all others wait for ever.
//!
//! ```text
//! stream-consumer URL STREAM CONSUMER COUNT
//! ```

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, Message};
use futures_util::TryStreamExt;
use otel_messaging_async_nats::with_settlement;
use std::future::pending;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, str};

#[tokio::main]
async fn main() -> Result<(), async_nats::Error> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [url, stream, consumer, count] = &*arguments else {
        return Err("usage: stream-consumer URL STREAM CONSUMER COUNT".into());
    };
    let left = AtomicUsize::new(count.parse()?);
    let context = jetstream::new(async_nats::connect(url).await?);
    let consumer: PullConsumer = context.get_consumer_from_stream(consumer, stream).await?;
    let messages = consumer.messages().await?.map_err(async_nats::Error::from);
    let settled = messages.try_for_each_concurrent(16, async |message| {
        let handled = with_settlement(&message, |message| handle(message, &left));
        handled.await?.map_err(Into::into)
    });
    settled.await
}

async fn handle(message: &Message, left: &AtomicUsize) -> io::Result<()> {
    // So that several are under way.
    tokio::task::yield_now().await;
    if left.load(Ordering::SeqCst) == 0 {
        return pending().await;
    }
    left.fetch_sub(1, Ordering::SeqCst);
    let order = str::from_utf8(&message.payload).map_err(io::Error::other)?;
    let mut output = io::stdout().lock();
    writeln!(output, "{order}")?;
    output.flush()
}
