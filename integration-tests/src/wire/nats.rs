//! NATS: messages with a header block of any bytes.

use crate::client::{address, in_time};
use async_nats::ServerAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A connection of its own.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// To the first server of NATS_URL.
    pub async fn open() -> Self {
        let url = address("NATS_URL");
        let server = url.split(',').next().unwrap_or_default();
        let server: ServerAddr = server.parse().expect("an address");
        let stream = TcpStream::connect((server.host(), server.port())).await;
        let mut connection = Self(BufReader::new(stream.expect("a connection")));
        connection.await_line("INFO ").await;
        let login = match (server.username(), server.password()) {
            (Some(user), Some(password)) => format!(r#","user":"{user}","pass":"{password}""#),
            (Some(token), None) => format!(r#","auth_token":"{token}""#),
            _ => String::new(),
        };
        let connect = format!("CONNECT {{\"verbose\":false,\"headers\":true{login}}}\r\n");
        connection.write(connect.as_bytes()).await;
        connection
    }

    /// Publishes with these bytes as the whole header block, which should begin with `NATS/1.0`,
    /// and waits until the server has taken the message.
    pub async fn publish(&mut self, subject: &str, headers: &[u8], payload: &[u8]) {
        let (header_size, size) = (headers.len(), headers.len() + payload.len());
        let line = format!("HPUB {subject} {header_size} {size}\r\n");
        for part in [line.as_bytes(), headers, payload, b"\r\nPING\r\n"] {
            self.write(part).await;
        }
        self.await_line("PONG").await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        let written = in_time("a write", self.0.get_mut().write_all(bytes)).await;
        written.expect("the server takes it");
    }

    async fn await_line(&mut self, start: &str) {
        loop {
            let mut line = String::new();
            let read = in_time("a line", self.0.read_line(&mut line)).await;
            assert_ne!(read.expect("a line"), 0, "the server hung up");
            assert!(!line.starts_with("-ERR"), "{line}");
            if line.starts_with(start) {
                return;
            }
        }
    }
}

/// A header block of these lines, which need not be such.
pub fn block(lines: &[&[u8]]) -> Vec<u8> {
    let mut block = b"NATS/1.0\r\n".to_vec();
    for line in lines {
        block.extend_from_slice(line);
        block.extend_from_slice(b"\r\n");
    }
    block.extend_from_slice(b"\r\n");
    block
}
