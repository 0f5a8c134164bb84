//! JSON as Celery reads it, and the numbers that it cannot express.

use serde::Serialize;
use serde::ser::{self, Serializer};
use std::fmt;

/// Writes the value as JSON.
///
/// serde_json writes a float that is not a finite number as `null`, which a worker would take for
/// `None`: here it is an error.
pub(crate) fn write(
    json: &mut Vec<u8>,
    value: &(impl Serialize + ?Sized),
) -> Result<(), serde_json::Error> {
    let start = json.len();
    serde_json::to_writer(&mut *json, value)?;
    // Only where there may be such a `null`: some values can be serialised only once.
    if json[start..].windows(4).any(|four| four == b"null")
        && let Err(Unlike::NotFinite(number)) = value.serialize(Finite)
    {
        let told = format_args!("JSON has no number {number}");
        return Err(ser::Error::custom(told));
    }
    Ok(())
}

/// Why a value was not looked at to its end.
#[derive(Debug)]
enum Unlike {
    NotFinite(f64),
    /// An error of the value's own. It was written already, so it is good.
    Own,
}

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value differs from what was written")
    }
}

impl std::error::Error for Unlike {}

impl ser::Error for Unlike {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Own
    }
}

/// Looks at a value, writes nothing, and fails at the first float that is not a finite number.
#[derive(Clone, Copy)]
struct Finite;

type Seen = Result<(), Unlike>;

macro_rules! seen {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, _: $type) -> Seen {
            Ok(())
        }
    )*};
}

impl Serializer for Finite {
    type Ok = ();
    type Error = Unlike;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    seen! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_char: char,
        serialize_str: &str,
        serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    }

    fn serialize_f32(self, number: f32) -> Seen {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Seen {
        if number.is_finite() {
            Ok(())
        } else {
            Err(Unlike::NotFinite(number))
        }
    }

    fn serialize_none(self) -> Seen {
        Ok(())
    }

    fn serialize_unit(self) -> Seen {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Seen {
        Ok(())
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Seen {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Seen {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T>(self, _: &'static str, value: &T) -> Seen
    where
        T: Serialize + ?Sized,
    {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Seen
    where
        T: Serialize + ?Sized,
    {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Unlike> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Unlike> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unlike> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unlike> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Unlike> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unlike> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unlike> {
        Ok(self)
    }
}

macro_rules! sees_each {
    ($($trait:ident: $method:ident($($name:ty)?),)*) => {$(
        impl ser::$trait for Finite {
            type Ok = ();
            type Error = Unlike;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Seen {
                value.serialize(*self)
            }

            fn end(self) -> Seen {
                Ok(())
            }
        }
    )*};
}

sees_each! {
    SerializeSeq: serialize_element(),
    SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(&'static str),
    SerializeStructVariant: serialize_field(&'static str),
}

impl ser::SerializeMap for Finite {
    type Ok = ();
    type Error = Unlike;

    // serde_json refuses such a key itself.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Seen {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Seen {
        value.serialize(*self)
    }

    fn end(self) -> Seen {
        Ok(())
    }
}
