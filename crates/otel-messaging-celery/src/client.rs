//! The client, as the spans of tasks name it.

use otel_messaging::adapter::Client;
use otel_messaging_lapin::Lapin;
use std::any::Any;
use std::borrow::Cow;

/// The marker of this crate's messages: their spans have its name and version in their instrumentation
/// scope. The carrier is lapin's, with lapin's marker.
#[derive(Debug, Clone, Copy)]
pub enum Celery {}

impl Client for Celery {
    const SYSTEM: &'static str = "rabbitmq";
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    fn error_type(error: &(dyn Any + 'static)) -> Option<Cow<'static, str>> {
        Lapin::error_type(error)
    }
}
