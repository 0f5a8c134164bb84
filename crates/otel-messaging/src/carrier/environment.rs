//! The environment as a carrier: from a process to the processes that it starts.

use crate::carrier::headers::{Carrier, CarrierMut};
use crate::carrier::maps::TextMap;
use crate::field::value::FieldValue;
use crate::loss::reason::CarrierError;
use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::process::Command;
use std::sync::OnceLock;

/// What a variable may take with its name and the `=`, in bytes. Windows takes 32,767 characters,
/// Linux 131,072 bytes; beyond, the process would not start.
const LONGEST: usize = 32_767;

/// The environment of this process as a carrier, to join the trace of the process that started it.
///
/// The variables are `TRACEPARENT`, `TRACESTATE` and `BAGGAGE`, or another propagator's fields: in
/// upper case, with `_` for every character that is no ASCII letter, digit or `_`, and with `_`
/// before a leading digit (OpenTelemetry specification, "Environment Variables as Context
/// Propagation Carriers", release candidate, section "Key Name Normalization"). Values are taken as
/// they are; what they mean is the propagator's affair. On the way out, a [`Command`] is the carrier:
/// the fields are set or removed for the process that it will start, and never in this one.
///
/// ```
/// use otel_messaging::propagation::Environment;
/// use otel_messaging::{current_context, extract, inject};
/// use std::io;
/// use std::process::{Child, Command};
///
/// /// Wherever a process is started.
/// fn start() -> io::Result<Child> {
///     let mut command = Command::new("thumbnails");
///     inject(&current_context(), &mut command);
///     command.spawn()
/// }
///
/// /// That of `thumbnails`.
/// fn main() {
///     let _attached = extract(&Environment::of_process()).attach();
///     // Until its end, spans started on this thread join the trace.
/// }
/// ```
///
/// With tokio, the context is that of `main`'s future. What `main` spawns does not inherit it, as
/// anywhere:
///
/// ```
/// use opentelemetry::trace::FutureExt;
/// use otel_messaging::propagation::Environment;
/// use otel_messaging::{current_context, extract, inject};
/// use tokio::process::Command;
///
/// #[tokio::main]
/// async fn main() {
///     let context = extract(&Environment::of_process());
///     run().with_context(context).await;
/// }
///
/// async fn run() {
///     let mut command = Command::new("thumbnails");
///     inject(&current_context(), command.as_std_mut());
/// #   let _ = command;
/// }
/// ```
///
/// # The processes that are started
///
/// - Without [`inject`](crate::inject), a process inherits the variables as they came in: it joins
///   the span that started *this* process. With it, nothing inherited is left of the propagator's
///   fields; a context without baggage removes `BAGGAGE`, and one without a span makes the other a
///   root. While telemetry is suppressed, the command stays as it is.
/// - Other variables that were set on the command stay, and so does `env_clear` before the inject;
///   after it, `env_clear` takes the context too. A command that starts several processes gives all
///   of them the same context: inject before each.
/// - What the environment cannot represent, a NUL or a variable of more than 32,767 bytes with its
///   name, is left out and counted in [`dropped_fields`](crate::loss::dropped_fields); the process starts
///   all the same. The [budget](crate::instrumentation::Builder::with_injection_budget) holds as for a
///   message: baggage loses members first, then tracestate.
/// - For a process that somebody else starts, such as a container with an `env` list,
///   [`Command::get_envs`] has the names and values.
///
/// # What comes in
///
/// - A variable is read when a propagator first asks for it, and kept from then on. No other value
///   is kept, and none is shown by `Debug`.
/// - A variable that is not UTF-8 reads as absent; what is malformed is refused as in a message.
/// - Names have no spellings: a variable `traceparent` is neither read nor removed, as the
///   specification says. On Windows, the system takes it for `TRACEPARENT`.
/// - A propagator that goes by [`keys`](Carrier::keys) sees normalised names, and only those.
#[derive(Default)]
pub struct Environment {
    first: OnceLock<Box<Variable>>,
    names: OnceLock<Vec<String>>,
}

/// A variable that was asked for, and behind it those that were asked for later. What is lent out
/// of the list stays where it is when the list grows.
struct Variable {
    name: String,
    value: Option<String>,
    next: OnceLock<Box<Variable>>,
}

impl Environment {
    /// The environment of this process. Read it at the start of the program: that is when it says
    /// who started the process (specification, section "Environment Variable Immutability").
    #[must_use]
    pub fn of_process() -> Self {
        Self::default()
    }

    fn value(&self, name: &str) -> Option<&str> {
        let name = variable_name(name);
        let mut place = &self.first;
        loop {
            let variable = place.get_or_init(|| Box::new(Variable::read(&name)));
            if variable.name == name {
                return variable.value.as_deref();
            }
            place = &variable.next;
        }
    }
}

impl Drop for Environment {
    /// One after the other: a long list that drops itself would use up the stack.
    fn drop(&mut self) {
        let mut next = self.first.take();
        while let Some(mut variable) = next {
            next = variable.next.take();
        }
    }
}

impl Variable {
    fn read(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: env::var_os(name).and_then(|value| value.into_string().ok()),
            next: OnceLock::new(),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

impl Carrier<TextMap> for Environment {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.value(name).into_iter()
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        let names = self.names.get_or_init(|| {
            let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
            names.filter(|name| is_variable_name(name)).collect()
        });
        names.iter().map(String::as_str)
    }
}

/// What was set on the command itself; what the process will inherit is not looked at. See
/// [`Environment`].
impl Carrier<TextMap> for Command {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = variable_name(name);
        let named = self.get_envs().filter(move |(key, _)| is_named(key, &name));
        named.filter_map(|(_, value)| value?.to_str())
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        let set = self.get_envs().filter(|(_, value)| value.is_some());
        let names = set.filter_map(|(name, _)| name.to_str());
        names.filter(|name| is_variable_name(name))
    }
}

/// For the process that the command will start; see [`Environment`].
impl CarrierMut<TextMap> for Command {
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        let name = variable_name(name);
        let size = name.len() + 1 + value.as_bytes().len();
        // With a NUL, or a variable that is too long, the command would not start.
        if size > LONGEST || (!value.is_printable() && value.as_bytes().contains(&0)) {
            return Err(CarrierError::InvalidValue);
        }
        self.env(name, value.into_string());
        Ok(())
    }

    fn remove(&mut self, names: &[&str]) {
        for name in names {
            self.env_remove(variable_name(name));
        }
    }
}

/// The name of the variable for a field (specification, section "Key Name Normalization").
fn variable_name(field: &str) -> String {
    let mut name = String::with_capacity(field.len() + 1);
    if field.is_empty() || field.starts_with(|first: char| first.is_ascii_digit()) {
        name.push('_');
    }
    name.extend(field.chars().map(|character| match character {
        'a'..='z' => character.to_ascii_uppercase(),
        'A'..='Z' | '0'..='9' => character,
        _ => '_',
    }));
    name
}

/// Whether a name is one that [`variable_name`] gives.
fn is_variable_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    name.bytes().next().is_some_and(is_letter)
        && name
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

/// Whether the system takes the one name for the other.
fn is_named(key: &OsStr, name: &str) -> bool {
    if cfg!(windows) {
        key.eq_ignore_ascii_case(name)
    } else {
        key == name
    }
}
