//! The checks themselves, over a client, tables and tests that are made up.

use crate::claim::{Claim, claims_in};
use crate::client::{LAPIN, client_of};
use crate::difference::{differences, unclaimed, unfounded, unlisted};
use crate::outside::Outside;
use crate::source::Source;
use crate::surface::surface;
use crate::table::Table;
use std::path::Path;

const CLIENT: &str = r#"
    mod channel {
        use crate::pull::Config as PullConfig;
        pub struct Channel;
        impl Channel {
            pub async fn send(&self) {}
            pub fn id(&self) -> u16 { 7 }
            pub(crate) fn internal(&self) {}
            fn private(&self) {}
            #[cfg(test)]
            pub fn tested(&self) {}
            #[cfg(feature = "rare")]
            pub fn rare(&self) {}
        }
        pub struct Hidden;
        impl Hidden { pub fn unreachable(&self) {} }
        pub struct Consumer<C>(C);
        impl<C> Consumer<C> { pub fn name(&self) {} }
        impl Consumer<PullConfig> { pub fn fetch(&self) {} }
        impl Consumer<super::push::Config> { pub fn messages(&self) {} }
    }
    pub use channel::{Channel, Consumer as Reader};
    pub type PullReader = Reader<pull::Config>;
    pub struct Outgoing;
    impl futures::Sink<Outgoing> for Channel {}
    impl<'a> std::future::IntoFuture for &'a Channel {}
    impl Clone for Channel {}
    impl traits::Sender for Channel { fn send_on(&self) {} }
    pub mod traits {
        pub trait Sender { fn send_on(&self); }
        trait Private { fn never(&self); }
    }
    pub mod pull { pub struct Config; impl Config { pub fn new() -> Self { Self } } }
    pub mod push { pub struct Config; impl Config { pub fn new() -> Self { Self } } }
    pub fn connect() {}
    #[cfg(test)]
    mod tests { pub struct Trial; impl Trial { pub fn run(&self) {} } }
"#;

const CALLS: [&str; 13] = [
    "Channel: IntoFuture",
    "Channel: Sender",
    "Channel: Sink<Outgoing>",
    "Channel::id",
    "Channel::rare",
    "Channel::send",
    "PullReader::fetch",
    "Reader::name",
    "Reader<push::Config>::messages",
    "Sender::send_on",
    "connect",
    "pull::Config::new",
    "push::Config::new",
];

const README: &str = "
# A client

| not | a | table |

## Every call

| call | span | ends |
| --- | --- | --- |
| `Channel::send`, `Channel::rare` | `send`, PRODUCER | at once |
| `Channel: IntoFuture`, `Channel: Sink<Outgoing>` | raw: use get_ref() | |

In between.

| call | span | ends |
| --- | --- | --- |
| `PullReader::fetch`, `Reader<push::Config>::messages` | none | |
| `Channel: Sender`, `Sender::send_on` | none | |

## Else

| `Nothing::here` |
";

const LIST: &str = "\
# A connection.
Channel::id
connect

# Consumers, and their settings.
Reader::*
pull::Config::*
push::Config::*
";

fn found(readme: &str, list: &str) -> Vec<String> {
    let surface = surface(&Source::of_text(CLIENT));
    let (table, outside) = (Table::of_readme(readme), Outside::of_list(list));
    differences(&LAPIN, &surface, &table, &outside)
}

fn claims(file: &str, text: &str) -> Vec<Claim> {
    claims_in(Path::new(file), text)
}

/// What a check found: as many lines as there are groups of words, with the words of each.
#[track_caller]
fn assert_lines(found: &[String], expected: &[&[&str]]) {
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (line, words) in found.iter().zip(expected) {
        assert!(
            words.iter().all(|word| line.contains(word)),
            "{words:?} in {line}"
        );
    }
}

#[test]
fn what_users_can_call_is_listed_as_they_write_it() {
    let calls: Vec<String> = surface(&Source::of_text(CLIENT)).into_iter().collect();
    assert_eq!(calls, CALLS);
}

#[test]
fn a_table_and_a_list_with_every_call_are_right() {
    assert_lines(&found(README, LIST), &[]);
}

#[test]
fn new_calls_are_named_all_at_once_with_the_place_for_them() {
    let (readme, list) = (
        README.replace(", `Channel::rare`", ""),
        LIST.replace("connect\n", ""),
    );
    let places = ["otel-messaging-lapin/README.md", "calls/lapin.txt"];
    assert_lines(
        &found(&readme, &list),
        &[
            &["`Channel::rare`", "nowhere", places[0], places[1]],
            &["`connect`", "nowhere", places[0], places[1]],
        ],
    );
}

#[test]
fn calls_that_are_no_more_are_named_with_their_lines() {
    let readme = README.replace("`Channel::send`", "`Channel::send`, `Channel::gone`");
    let list = LIST.replace("pull::Config::*", "pull::Config::*\npull::Gone::*");
    assert_lines(
        &found(&readme, &list),
        &[
            &["README.md:10:", "`Channel::gone`", "take it out"],
            &["lapin.txt:8:", "`pull::Gone::*`", "take it out"],
        ],
    );
}

#[test]
fn a_call_in_two_places_is_named_with_both() {
    let readme = README.replace("`Channel::rare`", "`Channel::rare`, `Channel::id`");
    let twice = README.replace("`Channel::rare`", "`Channel::rare`, `Channel::send`");
    let list = LIST.replace("Channel::id", "Channel::*");
    let both: &[&str] = &["`Channel::id`", "README.md:10", "lapin.txt:2"];
    assert_lines(&found(&readme, LIST), &[both]);
    assert_lines(
        &found(&twice, LIST),
        &[&["README.md:10:", "`Channel::send`", "line 10"]],
    );
    // All of a type is no way around the table.
    let calls = [
        "IntoFuture`",
        "Sender`",
        "Sink<Outgoing>`",
        "::rare`",
        "::send`",
    ];
    let lines = calls.map(|call| [call, "lapin.txt:2"]);
    assert_lines(
        &found(README, &list),
        &lines.each_ref().map(|line| &line[..]),
    );
}

#[test]
fn tables_and_lists_that_are_malformed_are_faults() {
    let headless = README.replacen("| call | span | ends |", "| call | ends |", 1);
    assert_lines(
        &found(&headless, LIST),
        &[&["README.md:8:", "| call | span | ends |"]],
    );
    let spanless = README.replace("| `send`, PRODUCER |", "| |");
    assert_lines(&found(&spanless, LIST), &[&["README.md:10:", "its span"]]);
    let nameless = README.replace("## Else", "| the rest | none | |\n\n## Else");
    assert!(found(&nameless, LIST)[0].contains("a table begins with"));
    let uncalled = README.replace("\n\n## Else", "\n| the rest | none | |\n\n## Else");
    assert_lines(
        &found(&uncalled, LIST),
        &[&["README.md:19:", "names a call"]],
    );
    let unsorted = LIST.replace("Channel::id\nconnect", "connect\nChannel::id");
    assert_lines(
        &found(README, &unsorted),
        &[&["lapin.txt:3:", "not sorted"]],
    );
    let unexplained = LIST.replace("# Consumers, and their settings.\n", "");
    assert_lines(
        &found(README, &unexplained),
        &[&["lapin.txt:5:", "comment"]],
    );
    let nothing = found("", LIST);
    assert!(nothing[0].contains("## Every call"), "{nothing:#?}");
    assert_eq!(
        nothing.len(),
        1 + 8,
        "the call of each row is nowhere: {nothing:#?}"
    );
}

#[test]
fn a_call_that_no_test_claims_is_named() {
    let table = Table::of_readme(README);
    let text = "
        /// What it is for.
        ///
        /// Calls: `Channel::send`,
        /// `Channel: IntoFuture`, `Sender::send_on`.
        ///
        /// `Channel::rare` is another story.
        #[tokio::test]
        async fn sent() { helped(|| macros!(channel.send())); }
        fn helped() { other.send_on() }
        /// Calls of lapin: `PullReader::fetch`, `Channel: Sink<Outgoing>`.
        #[test]
        fn fetched() { reader.fetch(); }
        /// Calls of rdkafka: `Channel: Sender`.
        #[test]
        fn anothers() {}
    ";
    let claims = claims("tests/rabbitmq/sending.rs", text);
    assert_lines(&unfounded(&claims), &[]);
    assert_lines(&unlisted(&LAPIN, &table, &claims), &[]);
    assert_lines(
        &unclaimed(&LAPIN, &table, &claims),
        &[
            &["README.md:10:", "`Channel::rare`"],
            &["README.md:17:", "`Reader<push::Config>::messages`"],
            &["README.md:18:", "`Channel: Sender`"],
        ],
    );
}

#[test]
fn a_claim_that_does_not_hold_is_named() {
    let table = Table::of_readme(README);
    let text = r#"
        /// Calls: `Channel::send`.
        #[test]
        fn says_only() { println!("send"); /* send */ }
        /// Calls: `Channel::send`.
        fn no_test() { channel.send() }
        /// Calls: `Channel::send`.
        #[test]
        #[ignore]
        fn sleeps() { channel.send() }
        /// Calls: `Channel::id`.
        #[test]
        fn of_no_table() { channel.id() }
    "#;
    let claimed = claims("tests/rabbitmq.rs", text);
    assert_lines(
        &unfounded(&claimed),
        &[
            &[
                "tests/rabbitmq.rs: says_only",
                "`Channel::send`",
                "not in its body",
            ],
            &["tests/rabbitmq.rs: no_test", "`Channel::send`", "no test"],
            &["tests/rabbitmq.rs: sleeps", "`Channel::send`", "ignored"],
        ],
    );
    let unlisted = unlisted(&LAPIN, &table, &claimed);
    assert_lines(
        &unlisted,
        &[&["of_no_table", "`Channel::id`", "in no table"]],
    );

    let nobodys = "/// Calls: `Channel::send`.\n#[test]\nfn sent() { channel.send() }";
    let nobodys = claims("tests/several.rs", nobodys);
    assert_lines(
        &unfounded(&nobodys),
        &[&["tests/several.rs: sent", "whose `Channel::send`?"]],
    );
    let scenario = "impl Client for RabbitMq {
        /// Calls: `Channel::send`.
        fn give(&self) { self.channel.send() }
    }";
    assert_lines(&unfounded(&claims("src/rabbitmq.rs", scenario)), &[]);
}

#[test]
fn a_file_tells_its_client() {
    let of = |path| client_of(Path::new(path));
    assert_eq!(of("tests/rabbitmq_confirms.rs"), Some("lapin"));
    assert_eq!(of("tests/embedded_kafka.rs"), Some("rdkafka"));
    assert_eq!(of("tests/hostile/kafka.rs"), Some("rdkafka"));
    assert_eq!(of("tests/service.rs"), Some("async-nats"));
    assert_eq!(of("tests/jetstream/consumers.rs"), Some("async-nats"));
    assert_eq!(of("tests/sending_on.rs"), None);
}
