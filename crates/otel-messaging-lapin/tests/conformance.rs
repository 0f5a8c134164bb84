//! The carrier keeps the rules of the core's conformance kit, whichever type its text has.

use lapin::types::{AMQPValue, FieldTable, ShortString};
use otel_messaging::conformance::{Entry, Rule, Subject, Value, check};
use otel_messaging_lapin::Lapin;

/// How the sender writes text.
enum Table {
    LongString,
    ByteArray,
    ShortString,
}

impl Table {
    fn text(&self, text: &str) -> Option<AMQPValue> {
        Some(match self {
            Table::LongString => AMQPValue::LongString(text.into()),
            Table::ByteArray => AMQPValue::ByteArray(text.as_bytes().into()),
            Table::ShortString => AMQPValue::ShortString(ShortString::try_new(text).ok()?),
        })
    }

    fn bytes(&self, bytes: &[u8]) -> Option<AMQPValue> {
        match self {
            Table::LongString => Some(AMQPValue::LongString(bytes.to_vec().into())),
            Table::ByteArray => Some(AMQPValue::ByteArray(bytes.into())),
            Table::ShortString => None,
        }
    }

    fn other(&self) -> AMQPValue {
        match self {
            Table::LongString => AMQPValue::LongInt(7),
            Table::ByteArray => AMQPValue::FieldArray(vec![AMQPValue::Boolean(true)].into()),
            Table::ShortString => {
                let mut table = FieldTable::default();
                table.insert("order".into(), AMQPValue::LongString("7".into()));
                AMQPValue::FieldTable(table)
            }
        }
    }
}

impl Subject for Table {
    type Marker = Lapin;
    type Headers = FieldTable;

    // lapin keeps a table sorted by name.
    const ORDERED: bool = false;
    const EXACT_FIRST: bool = true;

    fn build(&self, entries: &[Entry<'_>]) -> Option<FieldTable> {
        let mut headers = FieldTable::default();
        for entry in entries {
            let value = match entry.value {
                Value::Text(text) => self.text(text)?,
                Value::Bytes(bytes) => self.bytes(bytes)?,
                Value::Null => AMQPValue::Void,
                Value::Other => self.other(),
                _ => return None,
            };
            headers.insert(ShortString::try_new(entry.name()?).ok()?, value);
        }
        // A table has each name once.
        (headers.inner().len() == entries.len()).then_some(headers)
    }

    fn list(&self, headers: &FieldTable) -> Vec<(Vec<u8>, Vec<u8>)> {
        let headers = headers.inner().iter();
        headers
            .map(|(name, value)| (name.as_str().into(), format!("{value:?}").into()))
            .collect()
    }
}

#[test]
fn a_table_keeps_the_rules() {
    for table in [Table::LongString, Table::ByteArray, Table::ShortString] {
        assert_eq!(check(&table).unwrap().untested(), <[Rule; 0]>::default());
    }
}
