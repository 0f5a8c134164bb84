//! Spans from Jaeger.
//!
//! Asked is the query API that Jaeger's own pages used for most of their life, at `/api/traces`: version 1 and version 2
//! have it, and so have other stores that can stand in for Jaeger, such as VictoriaTraces.

mod client;
mod query;

pub(crate) use client::Client;
pub(crate) use query::query;
