//! Python with Celery and OpenTelemetry's instrumentation of it.

use crate::script::path_from;
use std::path::PathBuf;

/// The interpreter that has what `integration-tests/requirements.txt` lists. The first call on a
/// machine may take a minute: it installs that.
///
/// # Panics
///
/// When it cannot be made, with what `integration-tests/python` says.
pub fn interpreter() -> PathBuf {
    path_from(concat!(env!("CARGO_MANIFEST_DIR"), "/python"))
}
