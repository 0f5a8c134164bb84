//! Ids as spans write them: hex in either case, or base64 as the JSON mapping of protobuf has it.

use crate::explain::foreign::base64;
use serde::de::{Deserialize, Deserializer};

/// An id of a trace or a span. Zero stands for none, and for what is not an id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) u128);

impl Id {
    pub(crate) fn span(self) -> u64 {
        u64::try_from(self.0).unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let text = text.strip_prefix("0x").unwrap_or(text);
        // Jaeger once left out leading zeros.
        if (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Self(u128::from_str_radix(text, 16).unwrap_or_default());
        }
        Self(number(text).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = super::scalar::Scalar::deserialize(deserializer)?;
        Ok(text.as_text().map(Self::parse).unwrap_or_default())
    }
}

/// The number that 8 or 16 bytes in base64 are, with their padding.
fn number(text: &str) -> Option<u128> {
    let (digits, length) = match text.len() {
        12 => (text.strip_suffix('=')?, 8),
        24 => (text.strip_suffix("==")?, 16),
        _ => return None,
    };
    let bytes = base64(digits).filter(|bytes| bytes.len() == length)?;
    let number = |number, byte: &u8| number << 8 | u128::from(*byte);
    Some(bytes.iter().fold(0, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_is_the_same_id() {
        let trace = 0x4bf92f3577b34da6a3ce929d0e0e4736;
        for text in [
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "4BF92F3577B34DA6A3CE929D0E0E4736",
            "0x4bf92f3577b34da6a3ce929d0e0e4736",
            "S/kvNXezTaajzpKdDg5HNg==",
        ] {
            assert_eq!(Id::parse(text).0, trace, "{text}");
        }
        for text in ["00f067aa0ba902b7", "f067aa0ba902b7", "APBnqgupArc="] {
            assert_eq!(Id::parse(text).span(), 0x00f067aa0ba902b7, "{text}");
        }
    }

    #[test]
    fn what_is_not_an_id_is_none() {
        for text in [
            "",
            "0000000000000000",
            "x",
            "4bf92f3577b34da6a3ce929d0e0e47360",
            "S/kvNXezTaajzpKdDg5HNg",
            "APBnqgup*rc=",
            "äöü",
        ] {
            assert_eq!(Id::parse(text), Id(0), "{text}");
        }
        // A trace's id where a span's belongs.
        assert_eq!(Id::parse("4bf92f3577b34da6a3ce929d0e0e4736").span(), 0);
    }
}
