//! A network between a client and its broker.

use lapin::uri::AMQPUri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// An address that stays, in front of a broker that comes and goes, which can lose what the broker
/// answers: then confirms stay pending.
pub(crate) struct Proxy {
    /// For the client.
    pub(crate) uri: AMQPUri,
    loses: watch::Sender<bool>,
}

impl Proxy {
    pub(crate) async fn start(broker: &str) -> Self {
        let mut uri: AMQPUri = broker.parse().expect("an address");
        let broker = uri.authority.port;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        uri.authority.host = "127.0.0.1".to_owned();
        uri.authority.port = listener.local_addr().expect("a port").port();
        let (loses, lost) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, broker, lost.clone()));
            }
        });
        Self { uri, loses }
    }

    /// Loses what the broker answers from now on, or does no longer.
    pub(crate) fn lose_answers(&self, lose: bool) {
        self.loses.send_replace(lose);
    }
}

/// Until one of the two is gone; then the other loses its connection too.
async fn relay(client: TcpStream, broker: u16, lost: watch::Receiver<bool>) {
    let Ok(broker) = TcpStream::connect(("127.0.0.1", broker)).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_broker, mut to_broker) = broker.into_split();
    let answers = async {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from_broker.read(&mut buffer).await {
            if !*lost.borrow() && to_client.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        _ = tokio::io::copy(&mut from_client, &mut to_broker) => {}
        () = answers => {}
    }
}
