//! RabbitMQ: messages with a table of headers of any bytes.

use crate::client::{address, in_time};
use bytes::{Buf, BufMut};
use lapin::uri::AMQPUri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const FRAME_END: u8 = 0xce;

/// A method's class and number.
type Method = (u16, u16);

const START: Method = (10, 10);
const START_OK: Method = (10, 11);
const TUNE: Method = (10, 30);
const TUNE_OK: Method = (10, 31);
const OPEN: Method = (10, 40);
const OPEN_OK: Method = (10, 41);
const CHANNEL_OPEN: Method = (20, 10);
const CHANNEL_OPEN_OK: Method = (20, 11);
const CONFIRM_SELECT: Method = (85, 10);
const CONFIRM_SELECT_OK: Method = (85, 11);
const BASIC_PUBLISH: Method = (60, 40);
const BASIC_ACK: Method = (60, 80);

/// A connection of its own, with one channel on which confirms are enabled.
pub struct Connection {
    stream: TcpStream,
    /// What the server offers: the size of a whole frame in bytes.
    pub frame_max: usize,
    /// The server's version, as it tells it; empty where it does not.
    pub version: String,
}

impl Connection {
    /// To AMQP_URL.
    pub async fn open() -> Self {
        let uri: AMQPUri = address("AMQP_URL").parse().expect("an address");
        let server = (uri.authority.host.as_str(), uri.authority.port);
        let stream = TcpStream::connect(server).await.expect("a connection");
        let mut connection = Self {
            stream,
            frame_max: 0,
            version: String::new(),
        };
        connection.write(b"AMQP\0\0\x09\x01").await;
        connection.version = version(&connection.answer(START).await);

        let login = uri.authority.userinfo;
        let mut arguments = Vec::new();
        arguments.put_u32(0); // client properties: none
        short_string(&mut arguments, b"PLAIN");
        let login = format!("\0{}\0{}", login.username, login.password);
        arguments.put_u32(size(login.len()));
        arguments.put_slice(login.as_bytes());
        short_string(&mut arguments, b"en_US");
        connection.call(0, START_OK, &arguments).await;

        let tune = connection.answer(TUNE).await;
        let (channels, frame_max) = ((&tune[..]).get_u16(), (&tune[2..]).get_u32());
        connection.frame_max = usize::try_from(frame_max).expect("a size");
        let mut arguments = Vec::new();
        arguments.put_u16(channels);
        arguments.put_u32(frame_max);
        arguments.put_u16(0); // no heartbeats
        connection.call(0, TUNE_OK, &arguments).await;

        let mut arguments = Vec::new();
        short_string(&mut arguments, uri.vhost.as_bytes());
        arguments.put_slice(&[0, 0]);
        connection.call(0, OPEN, &arguments).await;
        connection.answer(OPEN_OK).await;
        connection.call(1, CHANNEL_OPEN, &[0]).await;
        connection.answer(CHANNEL_OPEN_OK).await;
        connection.call(1, CONFIRM_SELECT, &[0]).await;
        connection.answer(CONFIRM_SELECT_OK).await;
        connection
    }

    /// Publishes through the default exchange with these entries as the headers, and waits until
    /// the server has the message.
    pub async fn publish(&mut self, queue: &str, headers: &[u8]) {
        let mut arguments = vec![0, 0]; // reserved
        short_string(&mut arguments, b""); // the default exchange
        short_string(&mut arguments, queue.as_bytes());
        arguments.put_u8(0); // neither mandatory nor immediate
        self.call(1, BASIC_PUBLISH, &arguments).await;

        let payload = b"order";
        let mut header = Vec::new();
        header.put_u16(BASIC_PUBLISH.0);
        header.put_u16(0); // weight
        header.put_u64(payload.len().try_into().expect("a size"));
        header.put_u16(0x2000); // of the properties, headers alone
        header.put_u32(size(headers.len()));
        header.put_slice(headers);
        self.frame(HEADER, 1, &header).await;
        self.frame(BODY, 1, payload).await;
        self.answer(BASIC_ACK).await;
    }

    /// The bytes of entries that [`publish`](Self::publish) gets into one frame: 7 before the
    /// frame's content, 14 before the table, 4 for its size, and the end.
    pub fn room(&self) -> usize {
        self.frame_max - 7 - 14 - 4 - 1
    }

    async fn call(&mut self, channel: u16, method: Method, arguments: &[u8]) {
        let mut content = Vec::new();
        content.put_u16(method.0);
        content.put_u16(method.1);
        content.put_slice(arguments);
        self.frame(METHOD, channel, &content).await;
    }

    async fn frame(&mut self, kind: u8, channel: u16, content: &[u8]) {
        let mut frame = vec![kind];
        frame.put_u16(channel);
        frame.put_u32(size(content.len()));
        frame.put_slice(content);
        frame.put_u8(FRAME_END);
        self.write(&frame).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        let written = in_time("a write", self.stream.write_all(bytes)).await;
        written.expect("the server takes it");
    }

    /// Waits for a method, and gives its arguments.
    async fn answer(&mut self, expected: Method) -> Vec<u8> {
        let mut head = [0; 7];
        let read = in_time("an answer", self.stream.read_exact(&mut head)).await;
        read.expect("an answer");
        let length = (&head[3..]).get_u32() + 1; // and the end of the frame
        let mut content = vec![0; usize::try_from(length).expect("a size")];
        let read = in_time("an answer", self.stream.read_exact(&mut content)).await;
        read.expect("an answer");
        let mut rest = &content[..];
        let method = (rest.get_u16(), rest.get_u16());
        let text = String::from_utf8_lossy(rest);
        assert_eq!(method, expected, "{text}");
        rest.to_vec()
    }
}

/// The text "version" among the server's properties, which the arguments of `START` hold.
fn version(start: &[u8]) -> String {
    let name = b"\x07versionS";
    let place = start.windows(name.len()).position(|window| window == name);
    let text = place.and_then(|place| {
        let (size, rest) = start[place + name.len()..].split_first_chunk()?;
        rest.get(..usize::try_from(u32::from_be_bytes(*size)).ok()?)
    });
    String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
}

/// One entry of a table: its name, the tag of its type, and its value's bytes.
pub fn entry(name: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    let mut entry = Vec::new();
    short_string(&mut entry, name);
    entry.put_u8(tag);
    entry.put_slice(value);
    entry
}

/// An entry of the type that text has.
pub fn text(name: &[u8], value: &[u8]) -> Vec<u8> {
    entry(name, b'S', &sized(value))
}

/// A value with its size in front: long string, byte array, table or array.
pub fn sized(value: &[u8]) -> Vec<u8> {
    let mut sized = Vec::new();
    sized.put_u32(size(value.len()));
    sized.put_slice(value);
    sized
}

/// An entry that is a table in a table in a table.
pub fn nested_tables(name: &[u8], depth: usize) -> Vec<u8> {
    (0..depth).fold(Vec::new(), |inner, _| entry(name, b'F', &sized(&inner)))
}

fn short_string(buffer: &mut Vec<u8>, text: &[u8]) {
    buffer.put_u8(text.len().try_into().expect("at most 255 bytes"));
    buffer.put_slice(text);
}

fn size(length: usize) -> u32 {
    length.try_into().expect("a size")
}
