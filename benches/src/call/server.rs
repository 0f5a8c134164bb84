//! Servers that say as much of their protocol as a client wants to hear before it sends, and read
//! whatever comes then. The clients that are measured are real, so they want a connection; a broker
//! would be one more thing to install for counts that do not depend on it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// RabbitMQ's part of AMQP 0.9.1 until a channel is open. Its end of the connection comes by the
/// receiver.
pub(super) fn amqp() -> (SocketAddr, Receiver<TcpStream>) {
    serve(speak_amqp)
}

/// The NATS server's part of its protocol until the client is connected.
pub(super) fn nats() -> SocketAddr {
    serve(speak_nats).0
}

/// Tells the client that this server takes no messages: it keeps them until it is told otherwise.
pub(super) fn block(mut amqp: &TcpStream) -> io::Result<()> {
    amqp.write_all(&method(0, 10, 60, b"\0"))
}

pub(super) fn unblock(mut amqp: &TcpStream) -> io::Result<()> {
    amqp.write_all(&method(0, 10, 61, b""))
}

/// Serves one connection, until the client closes it.
fn serve(speak: fn(TcpStream) -> io::Result<()>) -> (SocketAddr, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (accepted, receiver) = channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        // The client waits for small frames.
        stream.set_nodelay(true)?;
        // Not everybody wants it.
        let _ = accepted.send(stream.try_clone()?);
        speak(stream)
    });
    (address, receiver)
}

fn speak_amqp(mut stream: TcpStream) -> io::Result<()> {
    let mut protocol = [0; 8];
    stream.read_exact(&mut protocol)?;
    // connection.start: version 0.9, no properties, mechanisms and locales.
    stream.write_all(&method(
        0,
        10,
        10,
        b"\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US",
    ))?;
    loop {
        // Type, channel and size; the payload; one byte at the end.
        let mut head = [0; 7];
        stream.read_exact(&mut head)?;
        let [kind, channel @ .., a, b, c, d] = head;
        let size = u32::from_be_bytes([a, b, c, d]);
        let mut payload = Vec::new();
        (&stream)
            .take(u64::from(size) + 1)
            .read_to_end(&mut payload)?;
        let answer = match (kind, &payload[..]) {
            // connection.start-ok, to which connection.tune: 2,047 channels, frames of 128 KiB and
            // no heartbeats.
            (1, [0, 10, 0, 11, ..]) => method(0, 10, 30, b"\x07\xff\0\x02\0\0\0\0"),
            // connection.open
            (1, [0, 10, 0, 40, ..]) => method(0, 10, 41, b"\0"),
            // channel.open
            (1, [0, 20, 0, 10, ..]) => method(u16::from_be_bytes(channel), 20, 11, b"\0\0\0\0"),
            _ => continue,
        };
        stream.write_all(&answer)?;
    }
}

fn method(channel: u16, class: u16, method: u16, arguments: &[u8]) -> Vec<u8> {
    let size = u32::try_from(4 + arguments.len()).expect("a small frame");
    let mut frame = vec![1];
    frame.extend(channel.to_be_bytes());
    frame.extend(size.to_be_bytes());
    frame.extend(class.to_be_bytes());
    frame.extend(method.to_be_bytes());
    frame.extend(arguments);
    frame.push(0xce);
    frame
}

fn speak_nats(mut stream: TcpStream) -> io::Result<()> {
    let info = r#"INFO {"server_id":"1","version":"2.10.0","headers":true,"max_payload":1048576}"#;
    write!(stream, "{info}\r\n")?;
    let lines = BufReader::new(stream.try_clone()?).lines();
    for line in lines {
        if line?.starts_with("PING") {
            stream.write_all(b"PONG\r\n")?;
        }
    }
    Ok(())
}
