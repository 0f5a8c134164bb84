//! The pool of workers that send mails.

use crate::order::Mail;
use async_nats::jetstream;
use async_nats::jetstream::context::PublishError;
use futures_channel::mpsc;
use futures_util::{SinkExt, StreamExt};
use otel_messaging_async_nats::{InjectingProducer, Job};
use tokio::sync::oneshot;

/// How many mails are sent at once.
const WORKERS: usize = 4;

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    #[error("not a mail: {0}")]
    Mail(#[from] serde_json::Error),
    #[error("JetStream: {0}")]
    JetStream(#[from] PublishError),
    #[error("the workers have ended")]
    Ended,
}

/// A mail, and where its sender waits.
type Handed = (Job<Mail>, oneshot::Sender<Result<(), MailError>>);

/// Workers that send mails. They end when it is dropped.
pub(crate) struct Mailer(mpsc::Sender<Handed>);

impl Mailer {
    pub(crate) fn start(producer: InjectingProducer<jetstream::Context>, subject: String) -> Self {
        let (jobs, queue) = mpsc::channel::<Handed>(WORKERS);
        tokio::spawn(async move {
            let (producer, subject) = (&producer, &subject);
            let working = queue.for_each_concurrent(WORKERS, async |(job, done)| {
                let sent = job.run(|mail| send(producer, subject, mail)).await;
                // Nobody may wait for it any more.
                let _ = done.send(sent);
            });
            working.await;
        });
        Self(jobs)
    }

    /// Hands a mail to the workers, and waits until it is sent.
    pub(crate) async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let (done, sent) = oneshot::channel();
        let mut jobs = self.0.clone();
        let handed = jobs.send((Job::new(mail), done)).await; // in the trace of the parcel
        handed.map_err(|_| MailError::Ended)?;
        sent.await.unwrap_or(Err(MailError::Ended))
    }
}

async fn send(
    producer: &InjectingProducer<jetstream::Context>,
    subject: &str,
    mail: Mail,
) -> Result<(), MailError> {
    let payload = serde_json::to_vec(&mail)?;
    let sent = producer.publish(subject.to_owned(), payload.into());
    sent.await?.await?;
    tracing::info!(order = %mail.order, "mail sent");
    Ok(())
}
