//! The rules of a carrier, tried on any [`Carrier`] and [`CarrierMut`]: for the tests of an
//! adapter (feature `conformance`).
//!
//! [`check`] makes headers of every kind that the protocol has, hostile ones among them, has the
//! carrier read and change them, and looks at them without the carrier. It names each [`Rule`]
//! that is broken, with the headers that show it. The carriers of this project's own adapters are
//! held to it.
//!
//! # A carrier and its subject
//!
//! All that a client needs whose headers are the user properties of MQTT 5. Where they are a type
//! of the client's and not one of the adapter's, Rust allows the two `impl`s in the adapter all
//! the same, because the adapter supplies the marker `Mqtt`.
//!
//! ```
//! use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut, FieldValue, is_name};
//! use otel_messaging::conformance;
//!
//! /// In the order of the packet, which MQTT keeps; a name may stand there several times.
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
//! - What becomes of the headers on the wire is not tried; nor is time, which belongs into
//!   benchmarks.
//! - [`Rule::Room`] does not know how many bytes the protocol uses around names and values. An adapter's
//!   own tests compare the count with the wire. The kit tries headers of up to 8 KiB. It does not try
//!   whether empty headers fit into a room that is smaller than what the protocol puts around headers,
//!   or whether counting ends where the room does.
//! - Rules of one protocol alone, such as which of two spellings counts, are the adapter's to test.
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

/// Tries every rule on a carrier.
///
/// # Errors
///
/// The rules that it breaks. If the [`Subject`] itself is wrong ([`Rule::Subject`]), no other is
/// tried.
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

/// Tries the rules of reading, on a carrier that cannot be written.
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
