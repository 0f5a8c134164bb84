//! How the services end with the program that has started them.

use crate::program::{PATIENCE, shop};
use crate::serving::Serving;
use integration_tests::client::unique;
use integration_tests::{apply, broker_test};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nobody tells the services to end. Log lines are hidden, too.
#[apply(broker_test)]
async fn services_end_when_their_program_is_killed() {
    let prefix = format!("{}-", unique("shop"));
    let mut command = shop(&prefix, "http://127.0.0.1:1");
    command.env("RUST_LOG", "off");
    let mut shop = Serving::start(command).await;
    let address = shop.url.trim_start_matches("http://");
    let address = address.trim_end_matches("/orders").to_owned();
    TcpStream::connect(&address).await.expect("a gateway");
    shop.child.kill().await.expect("killed");
    let gone = async { while TcpStream::connect(&address).await.is_ok() {} };
    timeout(PATIENCE, gone).await.expect("the gateway ends");
    // The last one that has the other end of the pipe.
    timeout(PATIENCE, shop.ended())
        .await
        .expect("all services end");
}
