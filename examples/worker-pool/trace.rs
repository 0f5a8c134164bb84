//! The spans of a run, and whether each is where it belongs.

use crate::ledger::{Ledger, OrderTaken, PalletLoaded, Position};
use crate::packing::{ARTICLE, ORDER};
use anyhow::{Context, bail, ensure};
use opentelemetry::Value;
use opentelemetry::trace::{SpanId, SpanKind, TraceId};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use otel_messaging::adapter::semconv;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(test)]
mod tests;

/// Where the exporter puts the spans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder {
    spans: Arc<Mutex<Vec<SpanData>>>,
}

impl SpanExporter for Recorder {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.extend(batch);
        Ok(())
    }
}

impl Recorder {
    /// The spans that have ended.
    pub(crate) fn spans(&self) -> Spans {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        Spans(spans.clone())
    }
}

pub(crate) struct Spans(Vec<SpanData>);

impl Spans {
    /// Whether they are what the ledger says.
    ///
    /// # Errors
    ///
    /// The first order or pallet of which the spans are not as they should be, and why.
    pub(crate) fn check(&self, ledger: &Ledger) -> anyhow::Result<()> {
        for order in &ledger.orders {
            self.check_order(order)
                .with_context(|| format!("order {}", order.number))?;
        }
        let articles: usize = ledger.orders.iter().map(|order| order.articles).sum();
        let packed = self.named("pack article").count();
        ensure!(
            packed == articles,
            "there are {packed} spans of packing, for {articles} articles"
        );
        for pallet in &ledger.pallets {
            self.check_pallet(pallet)
                .with_context(|| format!("pallet {}", pallet.position.offset))?;
        }
        let loaded = self.named("load pallet").count();
        let pallets = ledger.pallets.len();
        ensure!(
            loaded == pallets,
            "there are {loaded} spans of loading, for {pallets} pallets"
        );
        Ok(())
    }

    /// Handled in its sender's trace, and packed inside its handling.
    fn check_order(&self, order: &OrderTaken) -> anyhow::Result<()> {
        let handling = |span: &&SpanData| span.span_context == order.handling;
        let handling = only(self.0.iter().filter(handling), "its handling")?;
        ensure!(
            is_at(handling, order.position),
            "its handling is that of another message"
        );
        if order.sender.is_valid() {
            check_child(handling, order.sender.trace_id(), order.sender.span_id())
                .context("its handling")?;
        }
        let (trace_id, span_id) = ids(handling);
        let of_this = self.named("pack article").filter(|span| {
            span.parent_span_id == span_id
                && span.span_context.trace_id() == trace_id
                && attribute(span, ORDER) == Some(&Value::I64(order.number.into()))
        });
        let (packed, articles) = (of_this.count(), order.articles);
        ensure!(
            packed == articles,
            "{packed} of its {articles} articles were packed inside its handling"
        );
        Ok(())
    }

    /// Loaded in a trace of its own with a link to each parcel, sent from there and received.
    fn check_pallet(&self, pallet: &PalletLoaded) -> anyhow::Result<()> {
        let in_its_trace = |span: &&SpanData| span.span_context.trace_id() == pallet.trace_id;
        let loading = only(
            self.named("load pallet").filter(in_its_trace),
            "its loading",
        )?;
        ensure!(
            loading.parent_span_id == SpanId::INVALID,
            "its loading is no root"
        );
        let (links, parcels) = (loading.links.iter().count(), pallet.parcels.len());
        ensure!(
            links == parcels,
            "it has {links} links, for {parcels} parcels"
        );
        for (parcel, _) in &pallet.parcels {
            let is_packed_in = |span: &&SpanData| {
                attribute(span, ORDER) == Some(&Value::I64(parcel.order.into()))
                    && attribute(span, ARTICLE) == Some(&parcel.article.clone().into())
                    && loading
                        .links
                        .iter()
                        .any(|l| l.span_context == span.span_context)
            };
            let (order, article) = (parcel.order, &parcel.article);
            ensure!(
                self.named("pack article").any(|span| is_packed_in(&span)),
                "it has no link to {article} of order {order}"
            );
        }
        let of_kind = |kind: SpanKind| {
            let spans = self.0.iter().filter(in_its_trace);
            spans.filter(move |span| span.span_kind == kind)
        };
        let sending = only(of_kind(SpanKind::Producer), "its sending")?;
        let (trace_id, span_id) = ids(loading);
        check_child(sending, trace_id, span_id).context("its sending")?;
        let arrival = only(of_kind(SpanKind::Consumer), "its arrival")?;
        let (trace_id, span_id) = ids(sending);
        check_child(arrival, trace_id, span_id).context("its arrival")
    }

    fn named(&self, name: &'static str) -> impl Iterator<Item = &SpanData> {
        self.0.iter().filter(move |span| span.name == name)
    }
}

fn only<'a>(
    mut spans: impl Iterator<Item = &'a SpanData>,
    what: &str,
) -> anyhow::Result<&'a SpanData> {
    let span = spans
        .next()
        .with_context(|| format!("the span of {what} is missing"))?;
    match spans.next() {
        Some(_) => bail!("there is more than one span of {what}"),
        None => Ok(span),
    }
}

fn check_child(span: &SpanData, trace_id: TraceId, parent: SpanId) -> anyhow::Result<()> {
    let (is, name) = (span.span_context.trace_id(), &span.name);
    ensure!(
        is == trace_id,
        "`{name}` is in the trace {is}, not in {trace_id}"
    );
    ensure!(
        span.parent_span_id == parent,
        "the parent of `{name}` is another"
    );
    Ok(())
}

fn ids(span: &SpanData) -> (TraceId, SpanId) {
    (span.span_context.trace_id(), span.span_context.span_id())
}

fn is_at(span: &SpanData, position: Position) -> bool {
    let partition = position.partition.to_string();
    attribute(span, semconv::KAFKA_OFFSET) == Some(&Value::I64(position.offset))
        && attribute(span, semconv::MESSAGING_DESTINATION_PARTITION_ID) == Some(&partition.into())
}

fn attribute<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| &attribute.value)
}
