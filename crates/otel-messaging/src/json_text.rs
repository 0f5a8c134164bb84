//! Asking serde_json for the text of a value.
//!
//! RFC 8259 allows what serde_json refuses to interpret: numbers beyond an `f64`, halves of surrogate
//! pairs, more than 127 maps and lists in each other. Their text it gives nonetheless.
//!
//! Whether it is serde_json is told by the names of types. Names need not tell types apart, but they
//! may: whatever is asked needlessly, or is not asked, gives the same for all that serde_json
//! interprets.

use serde::de::{Deserializer, Visitor};
use std::any::type_name;

/// What serde_json's `RawValue` asks with. It is the name of the newtype that is asked for, and then
/// the only key of a map, whose value is the text.
pub(crate) const TOKEN: &str = "$serde_json::private::RawValue";

/// Whether serde_json reads a text by this deserializer, perhaps through a wrapper such as
/// serde_path_to_error's.
///
/// Other formats would look for a newtype of that name. A `Value` of serde_json's is no text: all in
/// it was interpreted already, and it would be written out to be read again.
pub(crate) fn is_read_from_json<'de, D: Deserializer<'de>>() -> bool {
    let of_a_value = [
        type_name::<serde_json::Value>(),
        type_name::<&serde_json::Value>(),
    ];
    type_name::<D::Error>() == type_name::<serde_json::Error>()
        && !of_a_value.contains(&type_name::<D>())
}

/// Whether this is serde_json's own deserializer of a map's key. A wrapper wants to see the key as a
/// string: serde_path_to_error says it in errors, and serde_ignored fails without.
pub(crate) fn is_key_in_json<'de, D: Deserializer<'de>>() -> bool {
    type_name::<D>().starts_with("serde_json::")
}

/// Gives the visitor a map of [`TOKEN`] and the text. A deserializer that does not know what is asked
/// of it gives what `visit_newtype_struct` gets, or the value.
pub(crate) fn ask<'de, D, V>(deserializer: D, visitor: V) -> Result<V::Value, D::Error>
where
    D: Deserializer<'de>,
    V: Visitor<'de>,
{
    deserializer.deserialize_newtype_struct(TOKEN, visitor)
}
