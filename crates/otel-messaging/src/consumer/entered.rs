//! A message's context on one thread, for handlers that are not asynchronous.

use crate::context::scope::Scope;
use crate::operation::span::MessageSpan;
use opentelemetry::Context;
use std::borrow::Cow;
use std::fmt;

impl MessageSpan {
    /// Makes the message's context current on this thread until the returned guard is dropped. The guard
    /// also ends the span. Use it for synchronous handlers, and do not hold the guard across an `.await`.
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

/// Keeps a message's context current on this thread until it is dropped. [`MessageSpan::enter`] makes it.
/// Do not forget it (`std::mem::forget`): the context then stays current.
#[derive(Debug)]
#[must_use = "dropping it detaches the message's context"]
pub struct Entered {
    // Dropped before the span ends: an ended span should not be current.
    _attached: Scope,
    span: MessageSpan,
    /// Entered in a destructor, while another panic unwinds.
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
    /// The message's context, to be given to other threads.
    pub fn context(&self) -> &Context {
        self.span.context()
    }

    /// Marks the span as failed; see [`MessageSpan::fail`].
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        self.span.fail(error_type, description);
    }
}
