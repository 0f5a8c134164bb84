//! A message's context on one thread, for handlers that are not asynchronous.

use crate::context::scope::Scope;
use crate::operation::span::MessageSpan;
use opentelemetry::Context;
use std::borrow::Cow;
use std::fmt;

impl MessageSpan {
    /// Makes the message's context current on this thread until the guard is dropped, which also
    /// ends the span. For synchronous handlers; hold the guard across no `.await`.
    ///
    /// Do not forget the guard (`std::mem::forget`): its context then stays current. If one thread
    /// holds 8,192 guards, this crate detaches all of them and logs it.
    pub fn enter(self) -> Entered {
        Entered {
            _attached: self.current().enter(),
            span: self,
            already_panicking: std::thread::panicking(),
        }
    }
}

/// A message's context, current on this thread until this guard is dropped; made by
/// [`MessageSpan::enter`]. Do not forget it (`std::mem::forget`): its context then stays current.
#[derive(Debug)]
#[must_use = "dropping it detaches the message's context"]
pub struct Entered {
    // Dropped before the span ends: what has ended should not be current.
    _attached: Scope,
    span: MessageSpan,
    /// Entered in a destructor, while somebody else's panic unwinds.
    already_panicking: bool,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.already_panicking {
            self.span.panicked();
        }
    }
}

impl Entered {
    /// The context of the handling, to be moved to other threads.
    pub fn context(&self) -> &Context {
        self.span.context()
    }

    /// Marks the span as failed; see [`MessageSpan::fail`].
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        self.span.fail(error_type, description);
    }
}
