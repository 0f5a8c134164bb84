use benches::client::*;
use benches::counted::counted;
use opentelemetry::Context;
use opentelemetry::trace::*;
fn run<C: Client>(what: &str, n: usize) {
    let sc = SpanContext::new(TraceId::from(0x4bf92f3577b34da6a3ce929d0e0e4736), SpanId::from(0x00f067aa0ba902b7), TraceFlags::SAMPLED, true, TraceState::default());
    let cx = Context::new().with_remote_span_context(sc);
    let e = vec![("traceparent".to_owned(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned())];
    let headers: Vec<_> = (0..n).map(|_| C::received(&e)).collect();
    for h in &headers {
        match what {
            "inject" => drop(counted(&cx, |cx| C::inject_by_hand(cx))),
            "extract" => drop(counted(h, |h| C::extract_by_hand(h))),
            _ => drop(counted(&cx, |cx| { let mut h = C::Headers::default(); otel_messaging::Instrumentation::default().inject(cx, &mut h); h })),
        }
    }
}
fn main() {
    let a: Vec<_> = std::env::args().collect();
    let n = a[3].parse().unwrap();
    match a[1].as_str() { "a" => run::<Amqp>(&a[2], n), "k" => run::<Kafka>(&a[2], n), _ => run::<Nats>(&a[2], n) }
}
