//! Messages whose trace goes on, and whose sampled flag does not count.

use crate::program::{NOT_SAMPLED, Program, SAMPLED, full, message, sender};
use opentelemetry::Context;
use opentelemetry::trace::{Span, SpanContext, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::Sampler;
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::instrumentation::{Finding, Relation};
use otel_messaging::sdk::Resampler;
use otel_messaging::trust::IncomingPolicy::{Continue, Resample};
use otel_messaging::{Instrumentation, producer};

fn resampling(root: Sampler) -> Program {
    Program::sampling(Resampler::new(Sampler::ParentBased(Box::new(root))))
}

fn handled(by: &Instrumentation, traceparent: &str) -> SpanContext {
    let span = by.process(&message([("traceparent", traceparent)]));
    span.context().span().span_context().clone()
}

#[test]
fn the_first_message_is_sampled_as_a_root_in_its_trace() {
    for (root, expected) in [(Sampler::AlwaysOn, true), (Sampler::AlwaysOff, false)] {
        let program = resampling(root);
        let by = program.incoming(Resample);
        for traceparent in [SAMPLED, NOT_SAMPLED, SAMPLED] {
            let span = handled(&by, traceparent);
            assert_eq!(span.trace_id(), sender().trace_id());
            assert_eq!(span.is_sampled(), expected);
        }
        assert!(!by.self_check().contains(&Finding::NoResampler));
        // The span that finds the sampler is not exported.
        assert_eq!(program.ended().len(), if expected { 3 } else { 0 });
    }
}

#[test]
fn spans_of_the_handler_follow_the_decision() {
    for (root, expected) in [(Sampler::AlwaysOn, true), (Sampler::AlwaysOff, false)] {
        let program = resampling(root);
        let tracer = program.provider.tracer("application");
        let _entered = program.incoming(Resample).process(&full()).enter();
        tracer.in_span("write", |context| {
            assert_eq!(context.span().span_context().is_sampled(), expected);
        });
    }
}

#[test]
fn without_the_sampler_the_trace_restarts_with_a_link() {
    // Others have one.
    drop(resampling(Sampler::AlwaysOn));
    for sampler in [
        Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
        Sampler::AlwaysOn,
    ] {
        let program = Program::sampling(sampler);
        let by = program.incoming(Resample);
        assert!(by.self_check().contains(&Finding::NoResampler));
        for traceparent in [SAMPLED, NOT_SAMPLED] {
            assert_ne!(handled(&by, traceparent).trace_id(), sender().trace_id());
            // The span that looks for the sampler is not exported.
            assert_eq!(
                program.only().links[0].span_context.span_id(),
                sender().span_id()
            );
        }
        let (_, batch) = by.process_batch([full()]);
        let context = batch[0].context();
        assert_ne!(
            context.span().span_context().trace_id(),
            sender().trace_id()
        );
    }
}

#[test]
fn without_spans_nothing_of_the_sender_goes_on() {
    let by = Instrumentation::builder()
        .with_tracer_provider(&opentelemetry::trace::noop::NoopTracerProvider::new())
        .with_incoming(otel_messaging::trust::Messages::all(), Resample)
        .build();
    let span = by.process(&full());
    assert!(!span.context().span().span_context().is_valid());
}

#[test]
fn a_random_flag_is_not_believed_either() {
    let program = resampling(Sampler::AlwaysOff);
    let by = program.incoming(Resample);
    let with_random = SAMPLED.replace("-01", "-03");
    let _entered = by.process(&message([("traceparent", with_random)])).enter();
    let mut sent = crate::program::headers::<&str>([]);
    by.outgoing("send", &message::<&str>([]))
        .inject(&mut sent, None);
    assert!(sent["traceparent"].ends_with("-00"), "{sent:?}");
}

#[test]
fn the_sampler_leaves_all_else_alone() {
    let program = resampling(Sampler::AlwaysOff);
    let by = program.incoming(Continue);
    assert!(handled(&by, SAMPLED).is_sampled());
    assert!(!handled(&by, NOT_SAMPLED).is_sampled());
    let tracer = program.provider.tracer("application");
    assert!(!tracer.start("root").span_context().is_sampled());
    // A span of the handler is remote to a span of another process, and no longer to be decided on.
    let resampled = program.incoming(Resample).process(&full());
    let context = resampled.context();
    let remote = SpanContext::new(
        sender().trace_id(),
        context.span().span_context().span_id(),
        opentelemetry::TraceFlags::SAMPLED,
        true,
        Default::default(),
    );
    let within = context.with_remote_span_context(remote);
    let child = tracer.start_with_context("elsewhere", &within);
    assert!(child.span_context().is_sampled());
}

#[test]
fn polls_and_joins_link_by_ids_alone() {
    let program = resampling(Sampler::AlwaysOn);
    let by = program.incoming(Resample);
    let consumer = by.consumer(ConsumerInfo::new());
    let poll = consumer.receive(std::future::ready(full()));
    futures_util::FutureExt::now_or_never(poll).expect("ready");
    let mut join = producer::Join::new();
    join.add_message(&by, &full());
    join.call(|| drop_sent(&by));
    for span in program.ended() {
        let link = &span.links[0].span_context;
        assert_eq!(link.span_id(), sender().span_id());
        assert!(
            !link.is_sampled() && link.trace_state().header().is_empty(),
            "{span:?}"
        );
    }
    assert_eq!(program.ended().len(), 2);
}

fn drop_sent(by: &Instrumentation) {
    let outgoing = by.outgoing("send", &message::<&str>([]));
    outgoing.finish(otel_messaging::adapter::Outcome::accepted());
}

/// In a trace of its own the sampler decides anyway, and inside of another span the other's flag counts.
#[test]
fn other_relations_do_not_need_it() {
    let program = resampling(Sampler::AlwaysOff);
    let by = program.incoming(Resample).to_builder();
    let apart = by.clone().with_relation(Relation::Link).build();
    let span = handled(&apart, SAMPLED);
    assert!(span.trace_id() != sender().trace_id() && !span.is_sampled());
    let within = by.with_relation(Relation::ChildOfCurrent).build();
    let around = Context::new().with_remote_span_context(sender());
    let _attached = around.attach();
    assert!(handled(&within, NOT_SAMPLED).is_sampled());
}
