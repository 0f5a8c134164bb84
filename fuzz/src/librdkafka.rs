//! Kafka headers as a remote party may send them, and as they are.
//!
//! rdkafka's safe API takes names that are UTF-8 alone, and panics when it reads others. Both are
//! what the target is about, so it calls librdkafka, as
//! `crates/otel-messaging-rdkafka/src/native.rs` does; the layout assumption is explained there.
//! This crate is not shipped.
#![expect(unsafe_code, reason = "librdkafka is a C library")]

use rdkafka::bindings;
use rdkafka::message::{Headers, OwnedHeaders};
use rdkafka::types::RDKafkaRespErr;
use std::ffi::CStr;
use std::ptr;

/// The name and the value of a header.
pub type Entry = (Vec<u8>, Option<Vec<u8>>);

/// Appends a header.
pub fn add(headers: &mut OwnedHeaders, name: &[u8], value: Option<&[u8]>) {
    let size = |bytes: &[u8]| isize::try_from(bytes.len()).expect("a slice's length");
    // SAFETY: the pointer is librdkafka's own, and the headers are borrowed for this call alone;
    // librdkafka copies name and value.
    let answer = unsafe {
        bindings::rd_kafka_header_add(
            ptr::from_ref(headers.as_borrowed()).cast_mut().cast(),
            name.as_ptr().cast(),
            size(name),
            value.map_or(ptr::null(), <[u8]>::as_ptr).cast(),
            value.map_or(0, size),
        )
    };
    assert_eq!(answer, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
}

/// All headers, in order.
pub fn entries(headers: &OwnedHeaders) -> Vec<Entry> {
    (0..headers.count())
        .map(|index| {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: as above; the call only reads.
            let answer = unsafe {
                bindings::rd_kafka_header_get_all(
                    ptr::from_ref(headers.as_borrowed()).cast_mut().cast(),
                    index,
                    &mut name,
                    &mut value,
                    &mut size,
                )
            };
            assert_eq!(answer, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
            // SAFETY: on success the name is a C string and the value, unless null, `size` bytes,
            // both for as long as the headers are not changed.
            unsafe {
                let value = (!value.is_null())
                    .then(|| std::slice::from_raw_parts(value.cast::<u8>(), size).to_vec());
                (CStr::from_ptr(name).to_bytes().to_vec(), value)
            }
        })
        .collect()
}
