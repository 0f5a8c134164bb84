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

/// The environment of this process as a carrier. With it, a program joins the trace of the process that
/// started it.
///
/// The variables are `TRACEPARENT`, `TRACESTATE` and `BAGGAGE`, or the fields of another propagator.
/// Names are in upper case. Each character that is not an ASCII letter, a digit or `_` becomes `_`, and a
/// leading digit gets `_` in front (OpenTelemetry specification, "Environment Variables as Context
/// Propagation Carriers", release candidate, section "Key Name Normalization"). The propagator reads the
/// values as they are. To give a context to another process, inject into its [`Command`]: that sets or
/// removes the fields for the new process only.
///
/// ```
/// use otel_messaging::propagation::Environment;
/// use otel_messaging::{current_context, extract, inject};
/// use std::io;
/// use std::process::{Child, Command};
///
/// /// Starts a process.
/// fn start() -> io::Result<Child> {
///     let mut command = Command::new("thumbnails");
///     inject(&current_context(), &mut command);
///     command.spawn()
/// }
///
/// /// The `main` of `thumbnails`.
/// fn main() {
///     let _attached = extract(&Environment::of_process()).attach();
///     // Until its end, spans started on this thread join the trace.
/// }
/// ```
///
/// With tokio, run `main`'s future in the context. Tasks that it spawns do not inherit the context:
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
/// - Without [`inject`](crate::inject), a process inherits the variables as they came in: it joins the
///   span that started *this* process. `inject` removes or replaces all inherited fields of the
///   propagator. A context without baggage removes `BAGGAGE`, and a context without a span makes the new
///   process start its own trace. While telemetry is suppressed, the command stays as it is.
/// - Other variables that were set on the command stay, and so does an `env_clear` before the inject. If
///   `env_clear` is called after the inject, it removes the context. A command that starts several
///   processes gives all of them the same context: inject before each.
/// - A field that the environment cannot represent (it has a NUL, or the variable would have more than
///   32,767 bytes with its name) is left out and counted in
///   [`dropped_fields`](crate::loss::dropped_fields), and the process starts. The
///   [budget](crate::instrumentation::Builder::with_injection_budget) holds as for a message: baggage
///   loses members first, then tracestate.
/// - For a process that another program starts, such as a container with an `env` list,
///   [`Command::get_envs`] has the names and values.
///
/// # What comes in
///
/// - A variable is read when a propagator first asks for it, and kept from then on. No other value is
///   kept, and `Debug` shows none.
/// - A variable that is not UTF-8 reads as absent. Malformed values are refused as in a message.
/// - The names are exact: a variable `traceparent` is neither read nor removed, as the specification
///   requires. Windows itself takes it for `TRACEPARENT`.
/// - [`keys`](Carrier::keys) lists only names in this form.
#[derive(Default)]
pub struct Environment {
    first: OnceLock<Box<Variable>>,
    names: OnceLock<Vec<String>>,
}

/// A variable that was asked for, and behind it the variables that were asked for later. Values that are
/// lent out of the list do not move when the list grows.
struct Variable {
    name: String,
    value: Option<String>,
    next: OnceLock<Box<Variable>>,
}

impl Environment {
    /// Reads the environment of this process. Call it when the program starts (specification, section
    /// "Environment Variable Immutability").
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

/// Reads the variables that were set on the command itself, and not those that the process will inherit.
/// See [`Environment`].
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
