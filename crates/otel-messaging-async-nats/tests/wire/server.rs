//! As much of a server as a client needs to publish and to be asked (NATS, "Client Protocol").

use async_nats::Client;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

/// A test that takes longer has failed.
const LONG: Duration = Duration::from_secs(30);

/// A message to this subject makes the server close the connection.
const HANG_UP: &str = "hang-up";

/// The server sends its requests to this subject.
pub(crate) const ORDERS: &str = "orders";

/// A server with a size of the largest message for each connection, one after the other.
pub(crate) struct Server {
    port: u16,
    published: UnboundedReceiver<Vec<u8>>,
}

impl Server {
    pub(crate) fn start<const N: usize>(max_payloads: [usize; N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, published) = unbounded_channel();
        thread::spawn(move || -> Result<()> {
            for max_payload in max_payloads {
                let (client, _) = listener.accept()?;
                serve(client, max_payload, &sender)?;
            }
            Ok(())
        });
        Self { port, published }
    }

    pub(crate) async fn connect(&self) -> Client {
        let url = format!("nats://127.0.0.1:{}", self.port);
        async_nats::connect(url).await.expect("a connection")
    }

    /// The next message that is published, as it is on the wire: headers and payload.
    pub(crate) async fn published(&mut self) -> Vec<u8> {
        let published = timeout(LONG, self.published.recv()).await;
        published.expect("to be in time").expect("a message")
    }
}

/// Has the client connect anew, to a server that takes this much.
pub(crate) async fn reconnect(client: &Client, max_payload: usize) {
    let publish = client.publish(HANG_UP, "".into());
    publish.await.expect("to be published");
    let connected = async {
        while client.max_payload() != max_payload {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let connected = timeout(LONG, connected);
    connected.await.expect("a connection");
}

/// Whether these bytes stand in a message.
pub(crate) fn has(message: &[u8], bytes: &str) -> bool {
    let mut windows = message.windows(bytes.len());
    windows.any(|window| window == bytes.as_bytes())
}

/// Serves one connection. A service is asked as soon as it subscribes.
fn serve(
    mut client: TcpStream,
    max_payload: usize,
    published: &UnboundedSender<Vec<u8>>,
) -> Result<()> {
    let info = format!(r#"{{"headers":true,"version":"2.12.0","max_payload":{max_payload}}}"#);
    write!(client, "INFO {info}\r\n")?;
    let mut lines = BufReader::new(client.try_clone()?);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match &*line.split_whitespace().collect::<Vec<_>>() {
            ["PING"] => write!(client, "PONG\r\n")?,
            ["SUB", ORDERS, .., id] => {
                write!(client, "MSG {ORDERS} {id} inbox 0\r\n\r\n")?;
            }
            ["PUB", HANG_UP, ..] => return Ok(()),
            ["PUB" | "HPUB", .., size] => {
                let size: usize = size.parse().expect("a size");
                let mut message = vec![0; size + "\r\n".len()];
                lines.read_exact(&mut message)?;
                message.truncate(size);
                // A test that is over waits for nothing.
                let _ = published.send(message);
            }
            _ => {}
        }
    }
}
