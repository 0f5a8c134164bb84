//! Tests of the rules for any [`Carrier`] and [`CarrierMut`], for the tests of an adapter (feature
//! `conformance`).
//!
//! [`check`] builds headers of every kind that the protocol has, hostile ones included, lets the carrier
//! read and change them, and inspects the result without the carrier. It names each broken [`Rule`], with
//! the headers that show it. The adapters of this project pass it.
//!
//! # A carrier and its subject
//!
//! This is a whole carrier for a client whose headers are the user properties of MQTT 5. If the headers
//! are the client's type and not the adapter's, Rust still allows the two `impl`s, because the adapter
//! supplies the marker `Mqtt`.
//!
//! ```
//! use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut, FieldValue, is_name};
//! use otel_messaging::conformance;
//!
//! /// In the order of the packet, which MQTT keeps; a name may occur several times.
//! struct UserProperties(Vec<(String, String)>);
//!
//! /// The marker.
//! enum Mqtt {}
//!
//! impl Carrier<Mqtt> for UserProperties {
//!     fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
//!         let named = self.0.iter().filter(move |(key, _)| is_name(key.as_bytes(), name));
//!         named.map(|(_, value)| value.as_str())
//!     }
//!
//!     fn keys(&self) -> impl Iterator<Item = &str> {
//!         self.0.iter().map(|(key, _)| key.as_str())
//!     }
//! }
//!
//! impl CarrierMut<Mqtt> for UserProperties {
//!     fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
//!         // At most 65,535 bytes and no NUL (MQTT 5, section 1.5.4).
//!         let is_string = |text: &[u8]| text.len() <= 65_535 && !text.contains(&0);
//!         if !is_string(name.as_bytes()) {
//!             return Err(CarrierError::InvalidName);
//!         }
//!         if !is_string(value.as_bytes()) {
//!             return Err(CarrierError::InvalidValue);
//!         }
//!         self.0.push((name.to_owned(), value.into_string()));
//!         Ok(())
//!     }
//!
//!     fn remove(&mut self, names: &[&str]) {
//!         self.0.retain(|(key, _)| !names.iter().any(|name| is_name(key.as_bytes(), name)));
//!     }
//! }
//!
//! // In a test of the adapter:
//! struct Subject;
//!
//! impl conformance::Subject for Subject {
//!     type Marker = Mqtt;
//!     type Headers = UserProperties;
//!
//!     fn build(&self, entries: &[conformance::Entry<'_>]) -> Option<UserProperties> {
//!         let entries = entries.iter().map(|entry| entry.as_text());
//!         let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
//!         entries.map(|entry| entry.map(owned)).collect::<Option<_>>().map(UserProperties)
//!     }
//!
//!     fn list(&self, headers: &UserProperties) -> Vec<(Vec<u8>, Vec<u8>)> {
//!         let bytes = |(name, value): (String, String)| (name.into_bytes(), value.into_bytes());
//!         headers.0.iter().cloned().map(bytes).collect()
//!     }
//! }
//!
//! let report = conformance::check(&Subject).unwrap();
//! // All values are text, and the carrier does not count what headers take.
//! let untested = [conformance::Rule::Unreadable, conformance::Rule::Room];
//! assert_eq!(report.untested(), untested);
//! ```
//!
//! # Limits
//!
//! - The kit does not test what happens to headers on the wire, or how long anything takes.
//! - [`Rule::Room`] does not know how many bytes the protocol uses around names and values. An adapter's
//!   own tests compare the count with the wire. The kit tries headers of up to 8 KiB. It does not try
//!   whether empty headers fit into a room that is smaller than the protocol's bytes around headers, or
//!   whether counting ends when the room is used up.
//! - An adapter must test the rules of its own protocol, such as which of two spellings counts.
//! - A panic is reported as a violation, unless the test is compiled with `panic = "abort"`.

mod context;
mod counting;
mod field_sets;
mod get_each;
mod injection;
mod many;
mod reading;
mod report;
mod room;
mod rule;
mod subject;
mod trial;
mod writing;

pub use report::{Report, Violation, Violations};
pub use rule::Rule;
pub use subject::{Duplicates, Entry, Subject, Value};

#[cfg(doc)]
use crate::carrier::headers::Carrier;
use crate::carrier::headers::CarrierMut;
use trial::Trial;

/// Tests every rule on a carrier.
///
/// # Errors
///
/// The rules that the carrier breaks. If the [`Subject`] itself is wrong ([`Rule::Subject`]), the kit
/// tests no other rule.
pub fn check<S>(subject: &S) -> Result<Report, Violations>
where
    S: Subject<Headers: CarrierMut<S::Marker>>,
{
    let mut trial = Trial::new(subject);
    read(&mut trial);
    if !trial.is_unfit() {
        trial.rule(Rule::SetReplaces, writing::replaces);
        trial.rule(Rule::ReadBack, writing::read_back);
        trial.rule(Rule::SetRefuses, writing::refuses);
        trial.rule(Rule::Add, writing::add);
        trial.rule(Rule::Remove, writing::remove);
        trial.rule(Rule::OthersKept, writing::others_kept);
        trial.rule(Rule::WriteAmongMany, many::write);
        trial.rule(Rule::Room, room::room);
        trial.rule(Rule::RoundTrip, injection::round_trip);
        trial.rule(Rule::StaleContext, injection::stale);
        trial.rule(Rule::Injector, injection::injector);
    }
    trial.end()
}

/// Tests the rules of reading, on a carrier that cannot be written.
///
/// # Errors
///
/// As [`check`].
pub fn check_reading<S: Subject>(subject: &S) -> Result<Report, Violations> {
    let mut trial = Trial::new(subject);
    read(&mut trial);
    trial.end()
}

fn read<S: Subject>(trial: &mut Trial<'_, S>) {
    trial.rule(Rule::Subject, reading::subject);
    if trial.is_unfit() {
        return;
    }
    trial.rule(Rule::LookUp, reading::look_up);
    trial.rule(Rule::GetAll, reading::get_all);
    trial.rule(Rule::EqualDuplicates, reading::equal_duplicates);
    trial.rule(Rule::DifferingDuplicates, reading::differing_duplicates);
    trial.rule(Rule::Unreadable, reading::unreadable);
    trial.rule(Rule::Keys, reading::keys);
    trial.rule(Rule::GetEach, get_each::get_each);
    trial.rule(Rule::Context, context::context);
    trial.rule(Rule::HostileContext, context::hostile);
    trial.rule(Rule::FieldSets, field_sets::field_sets);
    trial.rule(Rule::Extractor, context::extractor);
    trial.rule(Rule::ReadAmongMany, many::read);
}
