//! librdkafka's own calls on headers, and on a client's configuration.
//!
//! Why not rdkafka's safe API: reading a header whose name is not UTF-8 panics there, and any
//! remote party can send one; and there is no way to remove a header. A client does not give out its
//! configuration.
//!
//! What this relies on: a `&BorrowedHeaders` is librdkafka's `rd_kafka_headers_t *`. rdkafka makes
//! it by that cast, reads through it in its own safe methods by the same cast, and gives the
//! pointer out in no other way. The tests below hold it to that. The type is a public unit struct,
//! so safe code can make one that is no such pointer; rdkafka's own methods are undefined on it,
//! and so are these.
#![expect(unsafe_code, reason = "librdkafka is a C library")]

use rdkafka::bindings;
use rdkafka::message::{BorrowedHeaders, Headers, OwnedHeaders};
use rdkafka::types::{RDKafkaConfRes, RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{ClientContext, client::Client};
use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr;

/// The name and the value of a header; the value may be null.
pub(crate) type RawHeader<'a> = (&'a [u8], Option<&'a [u8]>);

fn pointer(headers: &BorrowedHeaders) -> *mut bindings::rd_kafka_headers_t {
    ptr::from_ref(headers).cast_mut().cast()
}

/// The header at `index`, or `None` past the last.
pub(crate) fn get(headers: &BorrowedHeaders, index: usize) -> Option<RawHeader<'_>> {
    entry(headers, index).map(Entry::read)
}

/// Every header, in the order of the message.
pub(crate) fn all(headers: &BorrowedHeaders) -> impl Iterator<Item = RawHeader<'_>> {
    (0..headers.count()).filter_map(|index| get(headers, index))
}

/// The headers whose names begin with the same letter as one of these, with their places.
///
/// librdkafka does not tell how long a name is, so to read one is to measure it. Most are told apart by
/// their first letter.
#[inline]
pub(crate) fn likely<'a>(
    headers: &'a BorrowedHeaders,
    names: &[&str],
) -> impl Iterator<Item = (usize, RawHeader<'a>)> {
    // A bit for each letter: the low five bits of capitals are the same.
    let bit = |letter: u8| 1_u32 << (letter & 0x1f);
    let letters = names
        .iter()
        .map(|name| bit(name.as_bytes().first().copied().unwrap_or(0)));
    let letters = letters.fold(0, |all, letter| all | letter);
    (0..headers.count()).filter_map(move |index| {
        let entry = entry(headers, index)?;
        (letters & bit(entry.first()) != 0).then(|| (index, entry.read()))
    })
}

/// A header that has not been read yet: where its name is, a C string, and its value, unless null
/// of `size` bytes. Both live inside the headers, which the borrow keeps from being changed.
pub(crate) struct Entry<'a> {
    name: *const c_char,
    value: *const c_void,
    size: usize,
    headers: PhantomData<&'a BorrowedHeaders>,
}

/// The header at `index`, or `None` past the last.
#[inline]
pub(crate) fn entry(headers: &BorrowedHeaders, index: usize) -> Option<Entry<'_>> {
    let mut name: *const c_char = ptr::null();
    let mut value: *const c_void = ptr::null();
    let mut size = 0;
    // SAFETY: the pointer is librdkafka's (see above), valid for as long as the borrow, and the
    // call only reads.
    let answer = unsafe {
        bindings::rd_kafka_header_get_all(pointer(headers), index, &mut name, &mut value, &mut size)
    };
    if answer != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
        return None;
    }
    Some(Entry {
        name,
        value,
        size,
        headers: PhantomData,
    })
}

impl<'a> Entry<'a> {
    /// The first byte of the name; 0 if the name is empty.
    #[inline]
    pub(crate) fn first(&self) -> u8 {
        // SAFETY: a C string has one byte at least.
        unsafe { *self.name.cast() }
    }

    #[inline]
    pub(crate) fn read(self) -> RawHeader<'a> {
        // SAFETY: on success, the call in `entry` gives a C string and, unless null, `size` bytes;
        // both live for as long as the borrow.
        unsafe {
            let value = (!self.value.is_null())
                .then(|| std::slice::from_raw_parts(self.value.cast(), self.size));
            (CStr::from_ptr(self.name).to_bytes(), value)
        }
    }
}

/// Appends a header. Returns whether librdkafka took it.
#[inline]
pub(crate) fn add(headers: &mut OwnedHeaders, (name, value): RawHeader<'_>) -> bool {
    let (Ok(name_size), Ok(value_size)) = (
        isize::try_from(name.len()),
        isize::try_from(value.map_or(0, <[u8]>::len)),
    ) else {
        return false;
    };
    // SAFETY: the headers are owned and borrowed for this change alone; librdkafka copies name
    // and value.
    let answer = unsafe {
        bindings::rd_kafka_header_add(
            pointer(headers.as_borrowed()),
            name.as_ptr().cast(),
            name_size,
            value.map_or(ptr::null(), <[u8]>::as_ptr).cast(),
            value_size,
        )
    };
    answer == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// Removes every header of exactly this name.
pub(crate) fn remove(headers: &mut OwnedHeaders, name: &CStr) {
    // SAFETY: the headers are owned and borrowed for this change alone; the name is read only.
    unsafe {
        bindings::rd_kafka_header_remove(pointer(headers.as_borrowed()), name.as_ptr());
    }
}

/// A property of the client's configuration; `None` if it is not set, or if it is not UTF-8.
pub(crate) fn property<C: ClientContext>(client: &Client<C>, name: &CStr) -> Option<String> {
    let mut size = 0;
    // SAFETY: the client's handle is librdkafka's, valid for as long as the borrow; its configuration is
    // only read, and without a buffer the call writes only the size that one needs.
    let answer = unsafe {
        let configuration = bindings::rd_kafka_conf(client.native_ptr());
        bindings::rd_kafka_conf_get(configuration, name.as_ptr(), ptr::null_mut(), &mut size)
    };
    if answer != RDKafkaConfRes::RD_KAFKA_CONF_OK || size == 0 {
        return None;
    }
    let mut text = vec![0_u8; size];
    // SAFETY: as above; the call writes no more than `size` bytes.
    let answer = unsafe {
        let configuration = bindings::rd_kafka_conf(client.native_ptr());
        let buffer = text.as_mut_ptr().cast();
        bindings::rd_kafka_conf_get(configuration, name.as_ptr(), buffer, &mut size)
    };
    if answer != RDKafkaConfRes::RD_KAFKA_CONF_OK {
        return None;
    }
    let text = CStr::from_bytes_until_nul(&text).ok()?;
    Some(text.to_str().ok()?.to_owned())
}

/// librdkafka's name of an error, such as `NOT_ENOUGH_REPLICAS`; its own errors, as against the
/// broker's, begin with `_`.
pub(crate) fn error_name(code: RDKafkaErrorCode) -> &'static str {
    let Ok(code) = RDKafkaRespErr::try_from(code as i32) else {
        return "_OTHER";
    };
    // SAFETY: for a code that librdkafka knows, the answer is a static C string.
    let name = unsafe {
        let name = bindings::rd_kafka_err2name(code);
        (!name.is_null()).then(|| CStr::from_ptr(name))
    };
    name.and_then(|name| name.to_str().ok()).unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests;
