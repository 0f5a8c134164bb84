//! Versions of servers, as they tell them: what is right depends on them in places.

use crate::wire::rabbitmq::Connection;

/// The first two numbers of a server's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl Version {
    /// That of the RabbitMQ at AMQP_URL.
    ///
    /// # Panics
    ///
    /// When the server tells none.
    pub async fn of_rabbitmq() -> Self {
        Self::parse(&Connection::open().await.version)
    }

    /// That of the nats-server with which the client is connected.
    ///
    /// # Panics
    ///
    /// When the server tells none.
    pub fn of_nats(client: &async_nats::Client) -> Self {
        Self::parse(&client.server_info().version)
    }

    fn parse(text: &str) -> Self {
        let mut numbers = text.split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Self(major, minor),
            _ => panic!("{text:?} is not a version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn later_versions_are_greater() {
        let versions = ["2.9.10", "2.12.15-RC.1", "3.10.8", "4.0.5"].map(Version::parse);
        assert_eq!(versions[1], Version(2, 12));
        assert!(versions.is_sorted());
    }

    #[test]
    #[should_panic(expected = "is not a version")]
    fn a_server_that_tells_none_is_named() {
        Version::parse("");
    }
}
