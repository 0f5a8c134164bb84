//! One look at messages, while it goes on.

use crate::examine::examination::Examination;
use crate::message::Message;
use crate::report::End;
use crate::source::bounds::Bounds;
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

/// What a source gives its messages to.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) examination: Examination,
    pub(crate) bounds: Bounds,
    /// Cancelled by Ctrl-C.
    pub(crate) stop: CancellationToken,
    /// Hidden where standard error is no terminal. A source that knows how many messages there are sets its length.
    pub(crate) progress: ProgressBar,
    /// What a reader of the report has to know.
    pub(crate) notes: Vec<String>,
}

impl Scan {
    /// Takes a message into account. Gives the reason if the look has to end with it.
    pub(crate) fn see(&mut self, message: &Message<'_>) -> Option<End> {
        self.examination.see(message);
        self.progress.inc(1);
        if self.stop.is_cancelled() {
            Some(End::Interrupted)
        } else if self.examination.messages() >= self.bounds.max {
            Some(End::Max)
        } else {
            None
        }
    }
}
