//! The steps of a span of `tracing` beside those of every span.

use crate::loss::row::{STEPS, Step};

/// Looking for what is current.
pub(crate) const LOOK: Step = Step(Step::COMMON);
/// Opening the span.
pub(crate) const OPEN: Step = Step(Step::COMMON + 1);
pub(crate) const ENTER: Step = Step(Step::COMMON + 2);
pub(crate) const LEAVE: Step = Step(Step::COMMON + 3);
/// Closing the span.
pub(crate) const CLOSE: Step = Step(Step::COMMON + 4);

// Panics of a step without a row would never turn anything off.
const _: () = assert!(CLOSE.0 + 1 == STEPS);
