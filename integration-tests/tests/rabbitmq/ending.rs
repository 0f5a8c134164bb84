//! How a program leaves RabbitMQ.

use integration_tests::client::{address, in_time};
use integration_tests::{apply, broker_test};
use lapin::{Connection, ConnectionProperties, ErrorKind};
use otel_messaging_lapin::InjectingProducer;

async fn connect() -> Connection {
    let url = address("AMQP_URL");
    let connecting = Connection::connect(&url, ConnectionProperties::default());
    let connected = in_time("a connection", connecting).await;
    connected.expect("a connection")
}

async fn close(connection: &Connection) -> lapin::Result<()> {
    in_time("the close", connection.close(200, "done".into())).await
}

/// What lapin does without this library: it closes a dropped channel in the background. When that
/// finds the connection closing already, lapin gives out its failure as the connection's.
///
/// Fails once lapin is mended: then the limit in the adapter's README goes. Many channels on each
/// connection make the race likely.
#[apply(broker_test)]
async fn lapin_alone_fails_to_close_after_a_channel_was_dropped() {
    for _ in 0..CONNECTIONS {
        let connection = connect().await;
        let mut channels = Vec::new();
        for _ in 0..CHANNELS {
            channels.push(connection.create_channel().await.expect("a channel"));
        }
        drop(channels);
        if let Err(error) = close(&connection).await {
            let kind = error.kind();
            assert!(
                matches!(kind, ErrorKind::InvalidChannelState(..)),
                "{error}"
            );
            return;
        }
    }
    panic!(
        "{CONNECTIONS} connections were closed without an error. Either the race did not happen: run \
         this test again. Or lapin is mended: take the limit out of the README."
    );
}

const CONNECTIONS: usize = 500;
const CHANNELS: usize = 20;

/// What the README says to do.
#[apply(broker_test)]
async fn a_connection_closes_before_its_wrapper_is_dropped_or_after_the_channel_is_closed() {
    for _ in 0..50 {
        let connection = connect().await;
        let kept = connection.create_channel().await.expect("a channel");
        let kept = InjectingProducer::new(kept);
        let closed = connection.create_channel().await.expect("a channel");
        let closed = InjectingProducer::new(closed);
        let closing = closed.get_ref().close(200, "done".into());
        in_time("the channel's close", closing)
            .await
            .expect("closed");
        drop(closed);
        close(&connection).await.expect("closed");
        drop(kept);
    }
}
