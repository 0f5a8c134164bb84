//! Reading a stream message by message, without a consumer: on a work queue one takes messages away from the others,
//! and where interest decides what is kept, it would be one more that is interested.

use crate::error::Error;
use crate::message::Place;
use crate::report::End;
use crate::source::bounds::From;
use crate::source::nats::connection::Connection;
use crate::source::nats::message::seen;
use crate::source::scan::Scan;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{DirectGetErrorKind, RawMessageErrorKind, Stream};
use futures_util::{StreamExt, stream};
use std::time::{Duration, Instant, SystemTime};

/// How many questions are under way at a time.
const AT_A_TIME: usize = 16;

/// How often the doctor asks for new messages.
const TURN: Duration = Duration::from_millis(200);

pub(crate) async fn look(
    connection: &Connection,
    stream: &Stream,
    subjects: &[String],
    scan: &mut Scan,
) -> Result<End, Error> {
    let filter = match subjects {
        [] => ">",
        [one] => one.as_str(),
        _ => {
            return Err(Error::new(format_args!(
                "the stream {} is a work queue or keeps by interest, and of such a stream one --subject can be \
                 looked at at a time",
                stream.cached_info().config.name
            )));
        }
    };
    let store = Store {
        connection,
        stream,
        filter,
    };
    let state = &stream.cached_info().state;
    let (first, last) = (state.first_sequence.max(1), state.last_sequence);
    let start = match scan.bounds.from {
        From::Last(count) => store.start_of_last(first, last, count).await?,
        From::Time(time) => store.first_since(first, last, time).await?,
    };
    let length = (last + 1).saturating_sub(start).min(state.messages);
    let length = match scan.bounds.from {
        From::Last(count) => length.min(count),
        From::Time(_) => length,
    };
    scan.progress.set_length(length.min(scan.bounds.max));
    if let Some(end) = store.read(start, last, scan).await? {
        return Ok(end);
    }
    match scan.bounds.listen_for {
        Some(time) => store.listen(last + 1, Instant::now() + time, scan).await,
        None => Ok(End::Complete),
    }
}

struct Store<'a> {
    connection: &'a Connection,
    stream: &'a Stream,
    filter: &'a str,
}

impl Store<'_> {
    /// The first message from this sequence on, if there is one.
    async fn at_or_after(&self, sequence: u64) -> Result<Option<StreamMessage>, Error> {
        if self.stream.cached_info().config.allow_direct {
            let asked = self.stream.direct_get_builder().sequence(sequence);
            return match asked.next_by_subject(self.filter).send().await {
                Ok(message) => Ok(Some(message)),
                Err(error) if matches!(error.kind(), DirectGetErrorKind::NotFound) => Ok(None),
                Err(error) => Err(self.connection.failure(&error)),
            };
        }
        let asked = self.stream.raw_message_builder().sequence(sequence);
        match asked.next_by_subject(self.filter).send().await {
            Ok(message) => Ok(Some(message)),
            Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => Ok(None),
            Err(error) => Err(self.connection.failure(&error)),
        }
    }

    /// Where the last so many messages begin, of those that the filter lets through.
    ///
    /// Without a filter and without gaps that is arithmetic. Otherwise each is searched for, from the end.
    async fn start_of_last(&self, first: u64, last: u64, count: u64) -> Result<u64, Error> {
        let messages = self.stream.cached_info().state.messages;
        let end = last.saturating_add(1);
        if count >= messages {
            return Ok(first);
        }
        if self.filter == ">" && end.saturating_sub(first) == messages {
            return Ok(end.saturating_sub(count).max(first));
        }
        let (mut start, mut gap) = (end, 1);
        for _ in 0..count {
            let Some(sequence) = self.last_before(start, first, gap).await? else {
                break;
            };
            // The next may be as far away.
            gap = start - sequence;
            start = sequence;
        }
        Ok(start)
    }

    /// The sequence of the last message before this one, looked for at such a distance first.
    async fn last_before(&self, end: u64, first: u64, gap: u64) -> Result<Option<u64>, Error> {
        let (mut gap, mut high) = (gap, end);
        let mut found = loop {
            let low = end.saturating_sub(gap).max(first);
            match self.at_or_after(low).await? {
                Some(message) if message.sequence < high => break message.sequence,
                _ if low <= first => return Ok(None),
                // From here to the end there is none.
                _ => (high, gap) = (low, gap.saturating_mul(2)),
            }
        };
        while found + 1 < high {
            let middle = found + 1 + (high - found - 1) / 2;
            match self.at_or_after(middle).await? {
                Some(message) if message.sequence < high => found = message.sequence,
                _ => high = middle,
            }
        }
        Ok(Some(found))
    }

    /// The sequence of the first message of this time or later; behind the last if there is none.
    async fn first_since(&self, first: u64, last: u64, time: SystemTime) -> Result<u64, Error> {
        let (mut low, mut high) = (first, last + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at_or_after(middle).await? {
                Some(message) if SystemTime::from(message.time) < time => {
                    low = message.sequence.saturating_add(1);
                }
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Reads these sequences. Gives the reason if the look ends with it.
    async fn read(&self, start: u64, last: u64, scan: &mut Scan) -> Result<Option<End>, Error> {
        let mut next = start;
        'gaps: while next <= last {
            let mut answers = stream::iter(next..=last)
                .map(|sequence| async move { (sequence, self.at_or_after(sequence).await) })
                .buffered(AT_A_TIME);
            while let Some((asked, answer)) = answers.next().await {
                let Some(message) = answer? else {
                    return Ok(None);
                };
                let sequence = message.sequence;
                if sequence > last {
                    return Ok(None);
                }
                // In a gap, many questions have the same answer.
                if sequence >= next {
                    if let Some(end) = seen_stored(&message, scan) {
                        return Ok(Some(end));
                    }
                    next = sequence.saturating_add(1);
                }
                if sequence - asked > AT_A_TIME as u64 {
                    continue 'gaps;
                }
            }
            break;
        }
        Ok(None)
    }

    async fn listen(&self, start: u64, until: Instant, scan: &mut Scan) -> Result<End, Error> {
        scan.progress.unset_length();
        let mut next = start;
        loop {
            if let Some(message) = self.at_or_after(next).await? {
                if let Some(end) = seen_stored(&message, scan) {
                    return Ok(end);
                }
                next = message.sequence.saturating_add(1);
                if Instant::now() < until {
                    continue;
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(End::Time);
            }
            tokio::time::sleep(left.min(TURN)).await;
        }
    }
}

fn seen_stored(message: &StreamMessage, scan: &mut Scan) -> Option<End> {
    let headers = (!message.headers.is_empty()).then_some(&message.headers);
    let place = Place::Sequence(message.sequence);
    seen(
        message.subject.as_str(),
        place,
        headers,
        &message.payload,
        scan,
    )
}
