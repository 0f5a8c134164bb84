//! As much of a broker as a client needs to publish one message (AMQP 0.9.1, sections 1.4 and 2.3).

use lapin::{Channel, Connection, ConnectionProperties};
use std::io::{Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const END: u8 = 0xce;

/// A broker that agrees on a size of frames.
pub(crate) struct Broker {
    port: u16,
    published: Receiver<Vec<u8>>,
}

impl Broker {
    pub(crate) fn start(frame_max: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, published) = channel();
        thread::spawn(move || -> Result<()> {
            let (mut client, _) = listener.accept()?;
            open(&mut client, frame_max)?;
            loop {
                let (kind, content) = read(&mut client)?;
                if kind == HEADER {
                    // A test that is over waits for nothing.
                    let _ = sender.send(content);
                }
            }
        });
        Self { port, published }
    }

    /// A connection with this query in its URL, and the one channel that the broker opens.
    pub(crate) async fn connect(&self, query: &str) -> (Connection, Channel) {
        let url = format!("amqp://127.0.0.1:{}/%2f{query}", self.port);
        let connection = Connection::connect(&url, ConnectionProperties::default()).await;
        let connection = connection.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        (connection, channel)
    }

    /// The properties of the next message that is published, as they come in their frame.
    pub(crate) fn published(&self) -> Vec<u8> {
        let published = self.published.recv_timeout(Duration::from_secs(30));
        published.expect("a message")
    }
}

/// Whether these bytes stand in a frame.
pub(crate) fn has(frame: &[u8], bytes: &[u8]) -> bool {
    frame.windows(bytes.len()).any(|window| window == bytes)
}

/// Opens the connection and one channel.
fn open(client: &mut TcpStream, frame_max: u32) -> Result<()> {
    client.read_exact(&mut [0; 8])?; // the header of the protocol
    let start = [
        &[0, 10, 0, 10, 0, 9][..], // start, of version 0.9
        &[0; 4],                   // no properties
        &[0, 0, 0, 5],
        b"PLAIN",
        &[0, 0, 0, 5],
        b"en_US",
    ];
    send(client, 0, &start.concat())?;
    read(client)?; // start-ok
    let size = frame_max.to_be_bytes();
    let tune = [&[0, 10, 0, 30, 0, 0][..], &size, &[0, 0]]; // any number of channels, no heartbeat
    send(client, 0, &tune.concat())?;
    read(client)?; // tune-ok
    read(client)?; // open
    send(client, 0, &[0, 10, 0, 41, 0])?; // open-ok
    read(client)?; // channel.open
    send(client, 1, &[0, 20, 0, 11, 0, 0, 0, 0]) // channel.open-ok
}

fn send(client: &mut TcpStream, channel: u8, method: &[u8]) -> Result<()> {
    let size = u32::try_from(method.len()).expect("a short method");
    let frame = [
        &[METHOD, 0, channel][..],
        &size.to_be_bytes(),
        method,
        &[END],
    ];
    client.write_all(&frame.concat())
}

/// Reads a frame: its type, and its content.
fn read(client: &mut TcpStream) -> Result<(u8, Vec<u8>)> {
    let mut head = [0; 7];
    client.read_exact(&mut head)?;
    let [kind, _, _, size @ ..] = head;
    let mut content = vec![0; u32::from_be_bytes(size) as usize];
    client.read_exact(&mut content)?;
    client.read_exact(&mut [0])?; // its end
    Ok((kind, content))
}
