//! How contexts are read and written: the chosen propagator, within a budget.

use crate::carrier::headers::{Carrier, CarrierMut};
use crate::propagation::carried::Carried;
use crate::propagation::configured::Configured;
use crate::propagation::w3c;
use opentelemetry::Context;

/// 8,192 bytes of baggage, 512 of tracestate, the 55 of a traceparent, their names, and some.
const BUDGET: usize = 9 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct Propagation {
    pub(crate) propagator: Configured,
    /// In bytes, names and values.
    pub(crate) budget: usize,
}

impl Default for Propagation {
    fn default() -> Self {
        Self {
            propagator: Configured::Global,
            budget: BUDGET,
        }
    }
}

impl Propagation {
    /// Injects in at most `room` bytes and at most the budget. Says whether the headers may be sent:
    /// `false` where the propagator failed, after which they are as they were.
    #[inline]
    pub(crate) fn inject_within<C, H>(
        &self,
        context: &Context,
        headers: &mut H,
        room: usize,
    ) -> bool
    where
        H: CarrierMut<C> + ?Sized,
    {
        if context.is_telemetry_suppressed() {
            return true;
        }
        let budget = room.min(self.budget);
        match &self.propagator {
            Configured::W3c => {
                w3c::inject(context, headers, budget);
                true
            }
            others => others.inject(context, headers, budget),
        }
    }

    #[inline]
    pub(crate) fn extract<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Context {
        match &self.propagator {
            Configured::W3c => w3c::extract(headers),
            others => others.extract(headers),
        }
    }

    /// Reads as [`extract`](Self::extract) does, and tells who sent a message whose contexts
    /// contradict each other.
    #[inline]
    pub(crate) fn read<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Carried {
        match &self.propagator {
            Configured::W3c => w3c::read(headers),
            others => others.read(headers),
        }
    }

    /// Removes the propagator's fields from these headers, in every spelling.
    pub(crate) fn remove<C, H: CarrierMut<C> + ?Sized>(&self, headers: &mut H) {
        let fields = self.propagator.fields();
        let names: Vec<&str> = fields.iter().map(|field| &**field).collect();
        headers.remove(&names);
    }
}
