//! A URL that may be printed.

/// The URL without its user and password, and without what follows a `?`.
///
/// Not a parser: a URL that none accepts may have a password in it too.
pub(crate) fn without_credentials(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    let (scheme, rest) = match url.find("://") {
        Some(at) => url.split_at(at + "://".len()),
        None => ("", url),
    };
    // A password may have any character in it that somebody forgot to encode, a slash too.
    let host = rest.rsplit('@').next().unwrap_or_default();
    format!("{scheme}{host}")
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn no_part_of_a_password_is_left() {
        for (url, expected) in [
            (
                "amqp://guest:guest@localhost:5672/shop",
                "amqp://localhost:5672/shop",
            ),
            (
                "amqp://guest:p@ss/w@rd@localhost/%2f",
                "amqp://localhost/%2f",
            ),
            ("nats://token@localhost:4222", "nats://localhost:4222"),
            ("guest:secret@localhost", "localhost"),
            ("localhost:4222", "localhost:4222"),
            ("amqps://broker/?password=secret", "amqps://broker/"),
        ] {
            assert_eq!(without_credentials(url), expected, "{url}");
        }
    }
}
