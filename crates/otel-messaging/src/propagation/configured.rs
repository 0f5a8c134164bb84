//! The propagator that reads and writes the headers of messages: the chosen one.

use crate::boundary::{Behind, Boundary};
use crate::bridge::{CarrierExtractor, CarrierInjector};
use crate::carried::Carried;
use crate::carrier::{Carrier, CarrierMut};
use crate::dropped;
use crate::instrumentation::empty_context;
use crate::propagation::{self, FIELDS, TRACEPARENT, W3cPropagator};
use opentelemetry::propagation::{Injector, TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::{Context, global};
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

/// One each: what always fails to read may write well.
struct Boundaries {
    reading: Boundary,
    writing: Boundary,
}

impl Boundaries {
    const fn new() -> Self {
        Self {
            reading: Boundary::new(Behind::Propagator),
            writing: Boundary::new(Behind::Propagator),
        }
    }
}

static OF_GLOBAL: Boundaries = Boundaries::new();

#[derive(Clone, Copy)]
enum Way {
    Read,
    Write,
    /// Only the fields, which are asked for between messages that cannot be written: they end no
    /// row of panics.
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

/// A name, and its value.
type Field = (Cow<'static, str>, String);

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
        // Written aside first: so what half a propagator wrote goes out with no message, and
        // OpenTelemetry's lock is held no longer than the propagator takes.
        let written = self.ask(Way::Write, |propagator| {
            let fields: Vec<_> = propagator.fields().map(known).collect();
            let mut aside = Aside(Vec::with_capacity(fields.len()));
            propagator.inject_context(context, &mut aside);
            (fields, aside.0)
        });
        match written {
            Asked::Done((fields, written)) => {
                let mut injector = CarrierInjector::with_budget(headers, budget);
                for field in &fields {
                    injector.remove(field);
                }
                for (name, value) in written {
                    injector.set(&name, value);
                }
                true
            }
            Asked::Nobody => {
                propagation::inject(context, headers, budget);
                true
            }
            Asked::Failed => false,
        }
    }

    /// Reads a context; where the propagator fails, none.
    #[inline(never)]
    pub(crate) fn extract<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Context {
        let extracted = self.ask(Way::Read, |propagator| {
            propagator.extract_with_context(&empty_context(), &CarrierExtractor::new(headers))
        });
        match extracted {
            Asked::Done(context) => context,
            Asked::Nobody => propagation::extract(headers),
            Asked::Failed => empty_context(),
        }
    }

    /// As [`extract`](Self::extract); it also tells who sent the message where contexts contradict
    /// each other, and whether the propagator failed.
    #[inline(never)]
    pub(crate) fn read<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Carried {
        let read = self.ask(Way::Read, |propagator| {
            let extractor = CarrierExtractor::new(headers);
            let context = propagator.extract_with_context(&empty_context(), &extractor);
            let mut carried = Carried::from(context);
            if !carried.has_sender() && propagator.fields().any(|field| field == TRACEPARENT) {
                carried.contradicting = extractor.contradicting();
            }
            carried
        });
        match read {
            Asked::Done(carried) => carried,
            Asked::Nobody => propagation::read(headers),
            Asked::Failed => Carried::unread(),
        }
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

    #[inline]
    fn ask<T>(&self, way: Way, mut work: impl FnMut(&dyn TextMapPropagator) -> T) -> Asked<T> {
        let boundaries = match self {
            Self::W3c => return Asked::Nobody,
            Self::Global => &OF_GLOBAL,
            Self::Given(given) => &given.boundaries,
        };
        let boundary = match way {
            Way::Read => &boundaries.reading,
            Way::Write | Way::Name => &boundaries.writing,
        };
        let row = boundary.row();
        // Said when the propagator is done: a log that is itself sent as messages would come back here.
        let mut held = None;
        let done = boundary.ask(|| match self {
            Self::Given(given) => {
                held = Some(dropped::Hold::new());
                Some(work(&given.propagator))
            }
            _ => global::get_text_map_propagator(|propagator| {
                // OpenTelemetry's own default has no fields.
                propagator.fields().next()?;
                held = Some(dropped::Hold::new());
                Some(work(propagator))
            }),
        });
        drop(held);
        match done {
            Some(Some(done)) => {
                if !matches!(way, Way::Name) {
                    boundary.went_well(row);
                }
                Asked::Done(done)
            }
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

/// What a propagator writes, in its order.
struct Aside(Vec<Field>);

impl Injector for Aside {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((known(key), value));
    }
}
