//! Where a message goes to, or came from.

use std::fmt::{self, Write as _};

/// The destination of a message: borrowed, and cheap to make.
///
/// `Display` writes its parts with `:` between them, such as `{exchange}:{routing key}`. It joins them
/// only when it writes them. The parts may be any text: if a subscription has a wildcard, the sender
/// chooses them.
///
/// ```
/// use otel_messaging::adapter::Destination;
///
/// assert_eq!(Destination::named("orders").to_string(), "orders");
/// let with_key = Destination::of_parts(["shop", "orders.new", ""]);
/// assert_eq!(with_key.to_string(), "shop:orders.new");
/// assert!(Destination::temporary("_INBOX.17").is_temporary());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'m> {
    parts: [&'m str; 3],
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Unknown,
    Lasting,
    Temporary,
    Anonymous,
}

impl<'m> Destination<'m> {
    /// No destination: the message's type does not know it.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            parts: [""; 3],
            kind: Kind::Unknown,
        }
    }

    /// A topic, a subject or a queue, for the span's name and `messaging.destination.name`.
    #[must_use]
    pub const fn named(name: &'m str) -> Self {
        Self::of_parts([name, "", ""])
    }

    /// A destination of several parts, such as exchange, routing key and queue. Empty parts are left
    /// out.
    #[must_use]
    pub const fn of_parts(parts: [&'m str; 3]) -> Self {
        Self {
            parts,
            kind: Kind::Lasting,
        }
    }

    /// A destination that lives as long as one connection or one request, such as a reply inbox. Its
    /// name stays out of the span's name, which would otherwise be a new one each time (conventions,
    /// "Span name").
    #[must_use]
    pub const fn temporary(name: &'m str) -> Self {
        Self {
            parts: [name, "", ""],
            kind: Kind::Temporary,
        }
    }

    /// A temporary destination to which the broker gave its name, such as `amq.gen-…`.
    #[must_use]
    pub const fn anonymous(name: &'m str) -> Self {
        Self {
            parts: [name, "", ""],
            kind: Kind::Anonymous,
        }
    }

    /// The same with a queue as its last part, unless the part before it is the same (conventions for
    /// RabbitMQ, "Span name"). A temporary destination stays as it is, and an unknown one is the queue.
    #[must_use]
    pub fn with_queue(mut self, queue: &'m str) -> Self {
        if !self.is_known() {
            return Self::named(queue);
        }
        let [first, key, _] = self.parts;
        let is_there = key == queue || (key.is_empty() && first == queue);
        if matches!(self.kind, Kind::Lasting) && !is_there {
            self.parts[2] = queue;
        }
        self
    }

    /// The same without a queue of [`with_queue`](Self::with_queue).
    pub(crate) fn without_queue(mut self) -> Self {
        self.parts[2] = "";
        self
    }

    /// Works with the text that `Display` writes.
    pub(crate) fn with_text<T>(self, work: impl FnOnce(&str) -> T) -> T {
        let mut parts = self.parts();
        match (parts.next(), parts.next()) {
            (Some(text), None) => work(text),
            (None, _) => work(""),
            _ => work(&self.to_string()),
        }
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// All three parts: exchange, key and queue, or the name alone.
    pub(crate) const fn all_parts(self) -> [&'m str; 3] {
        self.parts
    }

    /// The parts that are not empty.
    pub fn parts(&self) -> impl Iterator<Item = &'m str> {
        self.parts.into_iter().filter(|part| !part.is_empty())
    }

    /// Whether there is a destination at all.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self.kind, Kind::Unknown)
    }

    /// Whether it lives as long as one connection or one request; an anonymous one does.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self.kind, Kind::Temporary | Kind::Anonymous)
    }

    /// Whether the broker gave it its name.
    #[must_use]
    pub const fn is_anonymous(&self) -> bool {
        matches!(self.kind, Kind::Anonymous)
    }
}

impl fmt::Display for Destination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.parts().enumerate() {
            if place > 0 {
                f.write_char(':')?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_stands_once() {
        for (parts, queue, expected) in [
            (["shop", "orders", ""], "billing", "shop:orders:billing"),
            (["shop", "billing", ""], "billing", "shop:billing"),
            (["shop", "", ""], "billing", "shop:billing"),
            (["", "billing", ""], "billing", "billing"),
            (["billing", "", ""], "billing", "billing"),
        ] {
            let destination = Destination::of_parts(parts).with_queue(queue);
            assert_eq!(destination.to_string(), expected);
        }
        let unknown = Destination::unknown().with_queue("billing");
        assert_eq!(unknown, Destination::named("billing"));
        let temporary = Destination::temporary("reply");
        assert_eq!(temporary.with_queue("billing"), temporary);
    }

    #[test]
    fn parts_are_joined_when_they_are_written() {
        for (parts, expected) in [
            (["", "", ""], ""),
            (["a", "", ""], "a"),
            (["", "b", ""], "b"),
            (["a", "b", "c"], "a:b:c"),
            (["a", "", "c"], "a:c"),
        ] {
            assert_eq!(Destination::of_parts(parts).to_string(), expected);
        }
    }
}
