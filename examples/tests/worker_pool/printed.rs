//! What the program says of its orders and pallets.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(crate) struct Printed {
    /// By number.
    pub(crate) orders: BTreeMap<u32, Order>,
    pub(crate) pallets: Vec<Pallet>,
}

#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) trace: String,
    pub(crate) workers: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Pallet {
    /// Its offset.
    pub(crate) number: i64,
    pub(crate) trace: String,
    pub(crate) parcels: Vec<Parcel>,
}

#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) linked_trace: String,
    pub(crate) linked_span: String,
    pub(crate) order: u32,
    pub(crate) article: String,
}

impl Printed {
    pub(crate) fn read(said: &str) -> Self {
        let mut printed = Self::default();
        for line in said.lines() {
            if let Some(order) = line.strip_prefix("order ") {
                let (number, rest) = order.split_once(", trace ").expect(line);
                let (trace, workers) = rest.split_once(", packed by ").expect(line);
                let order = Order {
                    trace: trace.to_owned(),
                    workers: workers.split(' ').map(str::to_owned).collect(),
                };
                let before = printed.orders.insert(number.parse().expect(line), order);
                assert!(before.is_none(), "{line}");
            } else if let Some(pallet) = line.strip_prefix("pallet ") {
                let (number, rest) = pallet.split_once(", trace ").expect(line);
                let (trace, _) = rest.split_once(", of the orders ").expect(line);
                printed.pallets.push(Pallet {
                    number: number.parse().expect(line),
                    trace: trace.to_owned(),
                    parcels: Vec::new(),
                });
            } else if let Some(parcel) = line.strip_prefix("    ") {
                let (link, what) = parcel.split_once(": ").expect(line);
                let (trace, span) = link.split_once('-').expect(line);
                let (article, order) = what.split_once(" of order ").expect(line);
                let pallet = printed.pallets.last_mut().expect(line);
                pallet.parcels.push(Parcel {
                    linked_trace: trace.to_owned(),
                    linked_span: span.to_owned(),
                    order: order.parse().expect(line),
                    article: article.to_owned(),
                });
            }
        }
        printed
    }

    /// Each parcel's link is to a span of its own, in the trace of its order; each pallet is in
    /// neither of these traces.
    pub(crate) fn assert_linked(&self) {
        let mut spans = BTreeSet::new();
        for pallet in &self.pallets {
            for parcel in &pallet.parcels {
                let order = &self.orders[&parcel.order];
                assert_eq!(parcel.linked_trace, order.trace, "{parcel:?}");
                assert!(spans.insert(&parcel.linked_span), "{parcel:?}");
                assert_ne!(pallet.trace, order.trace, "{pallet:?}");
            }
        }
    }
}
