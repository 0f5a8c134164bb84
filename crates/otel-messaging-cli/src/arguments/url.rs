//! A URL that may be printed.

/// The URL without its user and password, and without what follows a `?` or a `#`. Of several that commas separate, each.
///
/// Not a parser: a URL that none accepts may have a password in it too, with any character that somebody forgot to
/// encode. So all that stands before the last `@` goes first, and of it nothing but the first scheme is left.
pub(crate) fn without_credentials(urls: &str) -> String {
    let (before, hosts) = urls.rsplit_once('@').unwrap_or(("", urls));
    let hosts = hosts.split(',').map(|url| {
        let url = url.split(['?', '#']).next().unwrap_or_default();
        url.trim()
    });
    let hosts = hosts.collect::<Vec<_>>().join(",");
    match before.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme.trim()) => format!("{}://{hosts}", scheme.trim()),
        _ => hosts,
    }
}

/// Whether it may be printed: a user with a password has other characters.
fn is_scheme(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
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
            ("amqp://guest:top?secret@localhost:1", "amqp://localhost:1"),
            ("amqp://guest:top#secret@localhost:1", "amqp://localhost:1"),
            (
                "http://u:top?secret@localhost:1/?a=b#c",
                "http://localhost:1/",
            ),
            ("nats://user:pa,ss@localhost:1", "nats://localhost:1"),
            ("nats://one:1, tls://two:2?a", "nats://one:1,tls://two:2"),
            ("nats://a:b@one:1,nats://c:d,e@two:2", "nats://two:2"),
            ("nats://a:b@one:1,two:2", "nats://one:1,two:2"),
            ("guest:pa://ss@host", "host"),
        ] {
            assert_eq!(without_credentials(url), expected, "{url}");
        }
    }
}
