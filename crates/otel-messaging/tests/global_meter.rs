//! The global meter provider may be set when messages are under way already, and be replaced. A test in a
//! process of its own.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;
#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/meter.rs"]
mod meter;

use message::{NOWHERE, message};
use meter::{Meter, meter};
use opentelemetry::global;
use otel_messaging::adapter::{Outcome, semconv};
use otel_messaging::{Instrumentation, process};
use std::thread;
use std::time::{Duration, Instant};

const SENT: &str = semconv::MESSAGING_CLIENT_SENT_MESSAGES;

fn send() {
    let outgoing = Instrumentation::global().outgoing("publish", &NOWHERE);
    outgoing.finish(Outcome::accepted());
}

fn sent(meter: &Meter) -> u64 {
    meter.series(SENT).iter().map(|series| series.count).sum()
}

/// Sends until the provider counts, and says after how many messages it did.
fn until_counted(meter: &Meter) -> u64 {
    let since = Instant::now();
    let mut messages = 0;
    while sent(meter) == 0 {
        send();
        messages += 1;
        assert!(since.elapsed() < Duration::from_secs(30), "never counted");
        thread::yield_now();
    }
    messages
}

#[test]
fn a_provider_that_is_set_later_or_replaced_counts() {
    drop(process(&message()));
    send();

    let first = meter();
    global::set_meter_provider(first.provider.clone());
    let since = Instant::now();
    until_counted(&first);
    assert!(since.elapsed() < Duration::from_secs(5), "a second at most");
    let before = sent(&first);
    send();
    assert_eq!(sent(&first), before + 1);

    let second = meter();
    global::set_meter_provider(second.provider.clone());
    until_counted(&second);
    let before = sent(&first);
    send();
    assert_eq!(sent(&first), before, "the replaced one counts no more");
    drop(process(&message()));
    let processed = second.only(semconv::MESSAGING_PROCESS_DURATION);
    assert_eq!(processed.count, 1);
}
