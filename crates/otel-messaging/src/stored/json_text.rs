//! Asks serde_json for the text of a value.
//!
//! RFC 8259 allows values that serde_json does not interpret: numbers beyond an `f64`, halves of
//! surrogate pairs, more than 127 maps and lists in each other. It gives their text nonetheless.
//!
//! The names of types tell whether serde_json reads. Rust does not promise that two types have two
//! names. A wrong guess is harmless: asking for the text and reading the value give the same for all
//! that serde_json interprets.

use serde::de::{Deserializer, Visitor};
use std::any::type_name;

/// The name with which serde_json's `RawValue` asks for a newtype. serde_json answers with a map that
/// has this one key; its value is the text.
pub(crate) const TOKEN: &str = "$serde_json::private::RawValue";

/// Whether serde_json reads a text by this deserializer, perhaps through a wrapper such as
/// serde_path_to_error's.
///
/// Other formats would look for a newtype with the name of the token. A `Value` of serde_json's is
/// excluded because it would write itself out as text, which gains nothing.
pub(crate) fn is_read_from_json<'de, D: Deserializer<'de>>() -> bool {
    let values = [
        type_name::<serde_json::Value>(),
        type_name::<&serde_json::Value>(),
    ];
    type_name::<D::Error>() == type_name::<serde_json::Error>()
        && !values.contains(&type_name::<D>())
}

/// Whether this is serde_json's own deserializer for the key of a map. A wrapper needs the key as a
/// string: serde_path_to_error puts it into its errors, and serde_ignored fails without it.
pub(crate) fn is_key_in_json<'de, D: Deserializer<'de>>() -> bool {
    type_name::<D>().starts_with("serde_json::")
}

/// Asks for the text. serde_json calls the visitor's `visit_map`, with [`TOKEN`] and the text. A
/// deserializer that does not know the token calls `visit_newtype_struct`, or visits the value.
pub(crate) fn ask<'de, D, V>(deserializer: D, visitor: V) -> Result<V::Value, D::Error>
where
    D: Deserializer<'de>,
    V: Visitor<'de>,
{
    deserializer.deserialize_newtype_struct(TOKEN, visitor)
}
