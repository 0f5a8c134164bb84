//! How long to listen where nothing is kept.

use crate::source::bounds::Bounds;
use std::time::Duration;

/// Without `--for`.
const TIME: Duration = Duration::from_secs(10);

pub(crate) fn time(bounds: &Bounds) -> Duration {
    bounds.listen_for.unwrap_or(TIME)
}
