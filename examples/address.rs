//! A broker's address, as it may be shown.

use std::fmt;

/// An address as it was given; shown without user and password.
#[derive(Debug, Clone)]
pub struct Address(String);

impl Address {
    /// The address as it was given.
    pub fn new(given: impl Into<String>) -> Self {
        Self(given.into())
    }

    /// The address that an argument or a variable gives. An empty one counts as not set.
    pub fn given(value: Option<&str>) -> Option<Self> {
        value.filter(|value| !value.is_empty()).map(Self::new)
    }

    /// The address with everything in it, for the client alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What went wrong with the broker at this address.
    pub fn failure(&self, broker: &str, what: impl fmt::Display) -> anyhow::Error {
        // Some errors quote the address.
        let what = one_line(what).replace(&self.0, &self.to_string());
        anyhow::anyhow!("{broker} at {self}: {what}")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.0.find("://").map_or(0, |scheme| scheme + 3);
        // The last `@`: a password that is not escaped may hold others, and slashes.
        let host = self.0.rfind('@').map_or(start, |at| at + 1).max(start);
        write!(f, "{}{}", &self.0[..start], &self.0[host..])
    }
}

/// The text with its line ends and other control characters as spaces.
pub fn one_line(text: impl fmt::Display) -> String {
    text.to_string()
        .split(char::is_control)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_not_shown() {
        for (given, shown) in [
            (
                "amqp://guest:se/c@ret@host:5672/%2f",
                "amqp://host:5672/%2f",
            ),
            ("user:secret@host", "host"),
            ("nats://token@host:4222", "nats://host:4222"),
            ("a:9092,b:9092", "a:9092,b:9092"),
            ("", ""),
        ] {
            assert_eq!(Address::new(given).to_string(), shown);
        }
    }

    #[test]
    fn an_empty_one_counts_as_not_set() {
        let given = |value| Address::given(value).map(|address| address.to_string());
        assert_eq!(given(Some("a:9092")).as_deref(), Some("a:9092"));
        assert_eq!(given(Some("")), None);
        assert_eq!(given(None), None);
    }

    #[test]
    fn an_error_that_quotes_the_address_is_cleaned() {
        let address = Address::new("amqp://u:secret@host");
        let failure = address.failure("RabbitMQ", "no 'amqp://u:secret@host'\nthere");
        assert_eq!(
            failure.to_string(),
            "RabbitMQ at amqp://host: no 'amqp://host' there"
        );
    }
}
