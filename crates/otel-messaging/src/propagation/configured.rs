//! The propagator that reads and writes the headers of messages: the chosen one.

use crate::carrier::extractor::CarrierExtractor;
use crate::carrier::headers::{Carrier, CarrierMut};
use crate::carrier::injector::CarrierInjector;
use crate::context::derived::empty_context;
use crate::field::name::{FIELDS, TRACEPARENT};
use crate::loss::boundary::Boundary;
use crate::loss::catch::Behind;
use crate::loss::count::Hold;
use crate::loss::finding::Finding;
use crate::loss::row::Step;
use crate::loss::witness::{self, Seen};
use crate::propagation::carried::Carried;
use crate::propagation::global;
use crate::propagation::w3c::{self, W3cPropagator};
use opentelemetry::propagation::{Injector, TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::{Context, global as opentelemetry_global};
use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(crate) enum Configured {
    /// OpenTelemetry's global one if the application set it, else the W3C pair.
    Global,
    /// The W3C pair, which needs no trait object between a context and the headers.
    W3c,
    Given(Arc<Given<dyn TextMapPropagator + Send + Sync>>),
    /// Nothing is read or written: instrumentation is disabled.
    Off,
}

/// A propagator of the application's.
pub(crate) struct Given<P: ?Sized> {
    boundaries: Boundaries,
    propagator: P,
}

impl<P: fmt::Debug + ?Sized> fmt::Debug for Given<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Given").field(&&self.propagator).finish()
    }
}

/// One each: what always fails to read may write well, and what cannot be written has fields.
struct Boundaries {
    reading: Boundary,
    writing: Boundary,
    naming: Boundary,
}

impl Boundaries {
    const fn new() -> Self {
        Self {
            reading: Boundary::new(Behind::Propagator),
            writing: Boundary::new(Behind::Propagator),
            naming: Boundary::new(Behind::Propagator),
        }
    }
}

static OF_GLOBAL: Boundaries = Boundaries::new();

#[derive(Clone, Copy)]
enum Way {
    Read,
    Write,
    Name,
}

/// What came of asking a propagator.
enum Asked<T> {
    Done(T),
    /// The application has set none: the W3C pair is to do it.
    Nobody,
    /// It panicked, or is off, or is being asked already.
    Failed,
}

impl Configured {
    pub(crate) fn given<P>(propagator: P) -> Self
    where
        P: TextMapPropagator + Send + Sync + 'static,
    {
        let boundaries = Boundaries::new();
        if TypeId::of::<P>() == TypeId::of::<W3cPropagator>() {
            Self::W3c
        } else if propagator.fields().next().is_none() {
            // It propagates nothing; but OpenTelemetry's no-op one hands out the current context.
            let propagator = TextMapCompositePropagator::new(Vec::new());
            Self::Given(Arc::new(Given {
                boundaries,
                propagator,
            }))
        } else {
            Self::Given(Arc::new(Given {
                boundaries,
                propagator,
            }))
        }
    }

    /// Writes a context, in place of any that stands there. Where the propagator fails the headers
    /// stay as they are, and the answer is `false`.
    #[inline(never)]
    pub(crate) fn inject<C, H>(&self, context: &Context, headers: &mut H, budget: usize) -> bool
    where
        H: CarrierMut<C> + ?Sized,
    {
        if !self.is_w3c() {
            match self.ask_to_write(context) {
                Asked::Done(written) => {
                    written.put(headers, budget);
                    return true;
                }
                Asked::Failed => {
                    // Also while it is off: the message goes without its context all the same.
                    witness::note(Seen::PANICKED);
                    return false;
                }
                Asked::Nobody => {}
            }
        }
        w3c::inject(context, headers, budget);
        true
    }

    /// Written aside first: so what half a propagator wrote goes out with no message, and
    /// OpenTelemetry's lock is held no longer than the propagator takes.
    #[inline(never)]
    fn ask_to_write(&self, context: &Context) -> Asked<Written> {
        self.ask(Way::Write, |propagator| {
            // Room for W3C's fields, removed and written.
            let mut written = Written(Vec::with_capacity(2 * FIELDS.len()));
            let fields = propagator.fields().map(|field| (known(field), None));
            written.0.extend(fields);
            propagator.inject_context(context, &mut written);
            written
        })
    }

    /// Reads a context; where the propagator fails, none.
    #[inline(never)]
    pub(crate) fn extract<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Context {
        // One call of what most programs need, which is then done in place.
        if !self.is_w3c() {
            match self.ask_for_context(headers) {
                Asked::Done(context) => return context,
                Asked::Failed => return empty_context(),
                Asked::Nobody => {}
            }
        }
        w3c::extract(headers)
    }

    #[inline(never)]
    fn ask_for_context<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Asked<Context> {
        self.ask(Way::Read, |propagator| {
            propagator.extract_with_context(&empty_context(), &CarrierExtractor::new(headers))
        })
    }

    /// As [`extract`](Self::extract); it also tells who sent the message where contexts contradict
    /// each other, and whether the propagator failed.
    #[inline(never)]
    pub(crate) fn read<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Carried {
        if !self.is_w3c() {
            match self.ask_what_is_carried(headers) {
                Asked::Done(carried) => return carried,
                Asked::Failed => return Carried::unread(),
                Asked::Nobody => {}
            }
        }
        w3c::read(headers)
    }

    #[inline(never)]
    fn ask_what_is_carried<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Asked<Carried> {
        self.ask(Way::Read, |propagator| {
            let extractor = CarrierExtractor::new(headers);
            let context = propagator.extract_with_context(&empty_context(), &extractor);
            let mut carried = Carried::from(context);
            if !carried.has_sender() && propagator.fields().any(|field| field == TRACEPARENT) {
                carried.senders = extractor.contradicting();
                // Another propagator does not say why it has read none.
                if headers.get_all(TRACEPARENT).next().is_some() {
                    witness::note(Seen::MALFORMED);
                }
            }
            carried
        })
    }

    /// The fields, as the propagator spells them; none where it fails.
    pub(crate) fn fields(&self) -> Vec<Cow<'static, str>> {
        let fields = self.ask(Way::Name, |propagator| {
            propagator.fields().map(known).collect()
        });
        match fields {
            Asked::Done(fields) => fields,
            Asked::Nobody => FIELDS.map(Cow::Borrowed).into(),
            Asked::Failed => Vec::new(),
        }
    }

    /// Whether the W3C pair is to do it. In front of the work, and of no type of headers: most programs set no other,
    /// and pay for this alone.
    #[inline]
    fn is_w3c(&self) -> bool {
        matches!(self, Self::Global) && global::is_w3c(&OF_GLOBAL.naming)
    }

    /// Looks at OpenTelemetry's global propagator now.
    pub(crate) fn look_at_global() {
        global::look(&OF_GLOBAL.naming);
    }

    /// What is wrong with it, if anything.
    pub(crate) fn finding(&self) -> Option<Finding> {
        match (self, self.ask(Way::Name, |it| it.fields().next().is_none())) {
            (Self::Global, Asked::Nobody) => Some(Finding::NoGlobalPropagator),
            (_, Asked::Done(true)) => Some(Finding::PropagatorWithoutFields),
            _ => None,
        }
    }

    #[inline]
    fn ask<T>(&self, way: Way, mut work: impl FnMut(&dyn TextMapPropagator) -> T) -> Asked<T> {
        let boundaries = match self {
            Self::W3c => return Asked::Nobody,
            Self::Off => return Asked::Failed,
            Self::Global => &OF_GLOBAL,
            Self::Given(given) => &given.boundaries,
        };
        let boundary = match way {
            Way::Read => &boundaries.reading,
            Way::Write => &boundaries.writing,
            Way::Name => &boundaries.naming,
        };
        // Said when the propagator is done: a log that is itself sent as messages would come back here.
        let mut held = None;
        let done = boundary.ask(Step::START, || match self {
            Self::Given(given) => {
                held = Some(Hold::new());
                Some(work(&given.propagator))
            }
            _ => opentelemetry_global::get_text_map_propagator(|propagator| {
                // It may have been replaced since.
                propagator.fields().next()?;
                held = Some(Hold::new());
                Some(work(propagator))
            }),
        });
        drop(held);
        match done {
            Some(Some(done)) => Asked::Done(done),
            Some(None) => Asked::Nobody,
            None => Asked::Failed,
        }
    }
}

/// A name that is most often one of W3C's.
fn known(name: &str) -> Cow<'static, str> {
    let known = FIELDS.into_iter().find(|field| *field == name);
    known.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)
}

/// What a propagator writes: its fields, without a value, and what is to stand there.
struct Written(Vec<(Cow<'static, str>, Option<String>)>);

impl Injector for Written {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((known(key), Some(value)));
    }
}

impl Written {
    /// Writes it in place of the propagator's fields that stand there.
    fn put<C, H: CarrierMut<C> + ?Sized>(self, headers: &mut H, budget: usize) {
        let mut injector = CarrierInjector::with_budget(headers, budget);
        for (name, value) in self.0 {
            match value {
                Some(value) => injector.set(&name, value),
                None => injector.remove(&name),
            }
        }
    }
}
