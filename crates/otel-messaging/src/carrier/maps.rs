//! The string maps of the standard library as carriers.

use crate::carrier::headers::{Carrier, CarrierMut};
use crate::field::value::FieldValue;
use crate::loss::reason::CarrierError;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// The marker for the string maps of the standard library, and for the environment of processes.
#[derive(Debug, Clone, Copy)]
pub enum TextMap {}

impl<S: BuildHasher> Carrier<TextMap> for HashMap<String, String, S> {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        values(self.iter(), name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        HashMap::keys(self).map(String::as_str)
    }
}

impl<S: BuildHasher> CarrierMut<TextMap> for HashMap<String, String, S> {
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.insert(name.to_owned(), value.into_string());
        Ok(())
    }

    fn remove(&mut self, names: &[&str]) {
        self.retain(|key, _| !names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    }
}

impl Carrier<TextMap> for BTreeMap<String, String> {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        values(self.iter(), name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        BTreeMap::keys(self).map(String::as_str)
    }
}

impl CarrierMut<TextMap> for BTreeMap<String, String> {
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.insert(name.to_owned(), value.into_string());
        Ok(())
    }

    fn remove(&mut self, names: &[&str]) {
        self.retain(|key, _| !names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    }
}

fn values<'a>(
    entries: impl Iterator<Item = (&'a String, &'a String)>,
    name: &str,
) -> impl Iterator<Item = &'a str> {
    entries
        .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_up_ignores_case_and_differing_values_are_none() {
        let mut map = BTreeMap::from([
            ("Traceparent".to_owned(), "a".to_owned()),
            ("traceparent".to_owned(), "a".to_owned()),
        ]);
        assert_eq!(Carrier::get(&map, "TRACEPARENT"), Some("a"));
        map.insert("traceparent".to_owned(), "b".to_owned());
        assert_eq!(Carrier::get(&map, "traceparent"), None);
        assert_eq!(Carrier::get_all(&map, "traceparent").count(), 2);
    }

    #[test]
    fn set_replaces_every_spelling_and_leaves_the_rest() {
        let mut map: HashMap<String, String> = HashMap::from([
            ("Traceparent".to_owned(), "old".to_owned()),
            ("Order".to_owned(), "7".to_owned()),
        ]);
        CarrierMut::set(&mut map, "traceparent", "new".into()).unwrap();
        let expected = [("traceparent", "new"), ("Order", "7")];
        assert_eq!(
            map,
            expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        );
    }
}
