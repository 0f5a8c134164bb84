//! A global propagator that comes back while it is asked. One test, because the setting belongs to
//! the whole process.

use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::{Context, global};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Injects and extracts while it does so itself, once: it would read the setting again while another
/// thread waits to change it, and such a lock lets nobody in before the one who waits.
#[derive(Debug)]
struct ComesBack;

thread_local! {
    static IS_BACK: Cell<bool> = const { Cell::new(false) };
}

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| ["x-trace".to_owned()]);

impl TextMapPropagator for ComesBack {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        if !IS_BACK.replace(true) {
            otel_messaging::inject(context, &mut BTreeMap::new());
            IS_BACK.set(false);
        }
        injector.set("x-trace", "7".to_owned());
    }

    fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
        if !IS_BACK.replace(true) {
            let _ = otel_messaging::extract(&BTreeMap::<String, String>::new());
            IS_BACK.set(false);
        }
        context.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

#[test]
fn a_global_propagator_that_comes_back_waits_for_nobody() {
    global::set_text_map_propagator(ComesBack);
    let (done, waiting) = mpsc::channel();
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    let setting = thread::spawn(|| {
        while !IS_OVER.load(Ordering::Relaxed) {
            global::set_text_map_propagator(ComesBack);
        }
    });
    thread::spawn(move || {
        for _ in 0..2_000 {
            let mut headers = BTreeMap::new();
            otel_messaging::inject(&Context::new(), &mut headers);
            assert_eq!(headers["x-trace"], "7");
            let _ = otel_messaging::extract(&headers);
        }
        done.send(()).unwrap();
    });
    waiting
        .recv_timeout(Duration::from_secs(60))
        .expect("nobody waits for himself");
    IS_OVER.store(true, Ordering::Relaxed);
    setting.join().unwrap();
}
