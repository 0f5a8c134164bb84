//! What `tracing` says is current, and its spans while they are entered.

mod current;
mod entered;
mod hidden;
mod innermost;
pub(crate) mod layer;
mod left;
pub(crate) mod step;

use crate::loss::boundary;

pub(crate) use current::{current, to_take_along};
pub(crate) use entered::{Entered, enter, enter_owned};
pub(crate) use innermost::Innermost;
pub(crate) use layer::is_nobody_there;
pub(crate) use left::is_attached;
pub(crate) use tracing::Span;

pub(crate) fn none() -> Span {
    Span::none()
}

/// Drops a handle. It may be the last one, and then the layers' code closes the span.
pub(crate) fn release(span: &mut Span) {
    if !span.is_none() {
        boundary::release(std::mem::replace(span, Span::none()));
    }
}
