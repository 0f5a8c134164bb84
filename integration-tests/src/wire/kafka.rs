//! Kafka: records with headers of any bytes, and what a record's headers are in the log.

use crate::client::{PATIENCE, in_time};
use crate::kafka::Topic;
use bytes::{Buf, BufMut};
use rdkafka::consumer::Consumer;
use std::time::SystemTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;

/// The name and the value of a header; the value may be null.
pub type Header = (Vec<u8>, Option<Vec<u8>>);

/// A connection to the broker that leads partition 0 of a topic.
pub struct Leader {
    stream: TcpStream,
    topic: String,
}

impl Leader {
    /// Asks for it and connects.
    pub async fn of(topic: &Topic) -> Self {
        let metadata = topic.consumer.fetch_metadata(Some(&topic.name), PATIENCE);
        let metadata = metadata.expect("the topic's brokers");
        let leader = metadata.topics()[0].partitions()[0].leader();
        let mut brokers = metadata.brokers().iter();
        let broker = brokers.find(|broker| broker.id() == leader);
        let broker = broker.expect("the leader");
        let port = u16::try_from(broker.port()).expect("a port");
        let stream = TcpStream::connect((broker.host(), port)).await;
        Self {
            stream: stream.expect("a connection"),
            topic: topic.name.clone(),
        }
    }

    /// Appends a record with these headers. Returns the broker's error code, 0 for none.
    pub async fn produce(&mut self, headers: &[Header]) -> i16 {
        let batch = batch(headers);
        let mut body = Vec::new();
        body.put_i16(-1); // no transaction
        body.put_i16(-1); // acknowledged by all
        body.put_i32(30_000);
        body.put_i32(1);
        string(&mut body, &self.topic);
        body.put_i32(1);
        body.put_i32(0); // the partition
        body.put_i32(length(batch.len()));
        body.put_slice(&batch);
        let answer = self.call(PRODUCE, 3, &body).await;
        let mut answer = &answer[4 + 2 + self.topic.len() + 4 + 4..];
        answer.get_i16()
    }

    /// The headers of the record at `offset`, which has to be alone in its batch.
    pub async fn fetch(&mut self, offset: i64) -> Vec<Header> {
        let mut body = Vec::new();
        body.put_i32(-1); // no replica
        body.put_i32(30_000);
        body.put_i32(1); // at least a byte
        body.put_i32(4 << 20);
        body.put_i8(0);
        body.put_i32(1);
        string(&mut body, &self.topic);
        body.put_i32(1);
        body.put_i32(0); // the partition
        body.put_i64(offset);
        body.put_i32(4 << 20);
        let answer = self.call(FETCH, 4, &body).await;
        let mut answer = &answer[4 + 4 + 2 + self.topic.len() + 4 + 4..];
        assert_eq!(answer.get_i16(), 0, "the broker's error code");
        let (_high_watermark, _stable) = (answer.get_i64(), answer.get_i64());
        let aborted = answer.get_i32();
        assert!(aborted <= 0);
        let _size = answer.get_i32();
        headers_of(answer, offset)
    }

    async fn call(&mut self, key: i16, version: i16, body: &[u8]) -> Vec<u8> {
        let mut request = Vec::new();
        request.put_i16(key);
        request.put_i16(version);
        request.put_i32(7); // to know the answer by
        string(&mut request, "");
        request.put_slice(body);
        let stream = &mut self.stream;
        let exchange = async {
            stream.write_i32(length(request.len())).await?;
            stream.write_all(&request).await?;
            let size = stream.read_i32().await?;
            let mut answer = vec![0; usize::try_from(size).expect("a size")];
            stream.read_exact(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = in_time("an answer", exchange).await.expect("an answer");
        assert_eq!((&answer[..]).get_i32(), 7);
        answer[4..].to_vec()
    }
}

/// What [`batch`] adds to the headers' own bytes, at most.
pub const OVERHEAD: usize = 100;

/// A batch of one record in format 2, as the broker counts it.
pub fn batch(headers: &[Header]) -> Vec<u8> {
    let mut record = vec![0]; // attributes
    varint(&mut record, 0); // later by no time
    varint(&mut record, 0); // the first
    bytes(&mut record, Some(b"7"));
    bytes(&mut record, Some(b"order"));
    varint(&mut record, i64::from(length(headers.len())));
    for (name, value) in headers {
        bytes(&mut record, Some(name));
        bytes(&mut record, value.as_deref());
    }

    let now = SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("a time")
        .as_millis();
    let now = i64::try_from(now).expect("a time");
    let mut checked = Vec::new();
    checked.put_i16(0); // attributes: not compressed
    checked.put_i32(0); // the last record is the first
    checked.put_i64(now);
    checked.put_i64(now);
    checked.put_i64(-1); // no producer that counts
    checked.put_i16(-1);
    checked.put_i32(-1);
    checked.put_i32(1);
    varint(&mut checked, i64::from(length(record.len())));
    checked.put_slice(&record);

    let mut batch = Vec::new();
    batch.put_i64(0); // the broker gives the offset
    batch.put_i32(length(checked.len() + 9));
    batch.put_i32(-1);
    batch.put_i8(2);
    batch.put_u32(crc32c::crc32c(&checked));
    batch.put_slice(&checked);
    batch
}

fn headers_of(mut batch: &[u8], offset: i64) -> Vec<Header> {
    assert_eq!(batch.get_i64(), offset, "a batch of its own");
    batch.advance(4 + 4 + 1 + 4);
    assert_eq!(batch.get_i16() & 7, 0, "not compressed");
    batch.advance(4 + 8 + 8 + 8 + 2 + 4);
    assert_eq!(batch.get_i32(), 1, "a record of its own");
    let _size = take_varint(&mut batch);
    batch.advance(1);
    let (_time, _place) = (take_varint(&mut batch), take_varint(&mut batch));
    let (_key, _payload) = (take_bytes(&mut batch), take_bytes(&mut batch));
    (0..take_varint(&mut batch))
        .map(|_| {
            (
                take_bytes(&mut batch).expect("a name"),
                take_bytes(&mut batch),
            )
        })
        .collect()
}

fn string(buffer: &mut Vec<u8>, text: &str) {
    buffer.put_i16(text.len().try_into().expect("a size"));
    buffer.put_slice(text.as_bytes());
}

fn length(length: usize) -> i32 {
    length.try_into().expect("a size")
}

fn bytes(buffer: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            varint(buffer, i64::from(length(bytes.len())));
            buffer.put_slice(bytes);
        }
        None => varint(buffer, -1),
    }
}

/// Zigzag, then seven bits a byte.
fn varint(buffer: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    loop {
        let low = u8::try_from(rest & 0x7f).expect("seven bits");
        rest >>= 7;
        if rest == 0 {
            return buffer.put_u8(low);
        }
        buffer.put_u8(low | 0x80);
    }
}

fn take_varint(bytes: &mut &[u8]) -> i64 {
    let (mut number, mut shift) = (0_u64, 0);
    loop {
        let byte = bytes.get_u8();
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
        }
    }
}

fn take_bytes(from: &mut &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(take_varint(from)).ok()?;
    Some(from.copy_to_bytes(length).to_vec())
}
