//! Celery: real workers and clients in Python, with OpenTelemetry's instrumentation of it.

mod answers;
mod chain;
mod delayed;
mod hostile;
mod incoming;
mod outgoing;
mod place;
mod program;
mod survival;
mod wire;
