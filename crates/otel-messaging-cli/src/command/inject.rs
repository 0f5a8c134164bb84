//! `otel-messaging inject`.

mod form;

use crate::arguments::inject::InjectArguments;
use crate::command::output;
use crate::error::Error;
use crate::escape::cut;
use crate::explain::breach::Breach;
use crate::explain::{baggage, traceparent, tracestate};
use crate::headers::Headers;
use crate::input;
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::TraceContextExt;
use otel_messaging::adapter::{Carrier, CarrierMut};
use otel_messaging::propagation::Environment;
use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;

/// Where the trace id and the parent id stand in a traceparent.
const TRACE_ID: usize = 3;
const PARENT_ID: usize = 36;

pub(super) fn run(arguments: InjectArguments) -> Result<ExitCode, Error> {
    let headers = input::value(Some(arguments.headers.clone()))?;
    let mut headers = Headers::from_json(&headers)?;
    let context = context(&arguments, &Environment::of_process())?;
    otel_messaging::inject(&context, &mut headers);
    output::text(&form::write(&headers, arguments.form)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The context that the arguments ask for.
fn context<C>(
    arguments: &InjectArguments,
    environment: &impl Carrier<C>,
) -> Result<Context, Error> {
    let mut fields = Headers::default();
    let has_ids =
        arguments.trace_id.is_some() || arguments.parent_id.is_some() || arguments.not_sampled;
    let inherited = environment
        .get("traceparent")
        .filter(|value| !value.is_empty());
    let traceparent = match (&arguments.traceparent, inherited) {
        (Some(given), _) => checked("--traceparent", given)?.to_owned(),
        (None, Some(inherited)) if !has_ids => {
            for name in ["tracestate", "baggage"] {
                if let Some(value) = environment.get(name) {
                    set(&mut fields, name, value)?;
                }
            }
            checked("the environment variable TRACEPARENT", inherited)?.to_owned()
        }
        _ => new_traceparent(arguments)?,
    };
    set(&mut fields, "traceparent", &traceparent)?;
    if let Some(state) = &arguments.tracestate {
        if let Some(breach) = tracestate::check([state.as_str()]) {
            return Err(broken("--tracestate", state, breach, 0));
        }
        set(&mut fields, "tracestate", state)?;
    }
    let context = otel_messaging::extract(&fields);
    let mut members = Baggage::new();
    for (key, (value, properties)) in context.baggage() {
        members.insert_with_metadata(key.clone(), value.clone(), properties.clone());
    }
    for member in &arguments.baggage {
        let (key, value) = member_of(member)?;
        members.insert(key.to_owned(), value.to_owned());
        if members.get(key).is_none_or(|kept| kept.as_str() != value) {
            let what = format!(
                "--baggage {}: there is no room for it, a baggage has at most 64 keys and 8,192 bytes",
                cut(key, 60)
            );
            return Err(Error::new(what));
        }
    }
    debug_assert!(context.span().span_context().is_valid());
    Ok(context.with_baggage(members))
}

fn set(fields: &mut Headers, name: &str, value: &str) -> Result<(), Error> {
    let set = fields.set(name, value.into());
    set.map_err(|error| Error::new(format_args!("{name}: {error}")))
}

fn checked<'a>(named: &str, traceparent: &'a str) -> Result<&'a str, Error> {
    match traceparent::check(traceparent) {
        None => Ok(traceparent),
        Some(breach) => Err(broken(named, traceparent, breach, 0)),
    }
}

/// Of the ids that are given, and new ones for the others.
fn new_traceparent(arguments: &InjectArguments) -> Result<String, Error> {
    let flags = if arguments.not_sampled { "00" } else { "01" };
    let of = |trace_id: &str, parent_id: &str| format!("00-{trace_id}-{parent_id}-{flags}");
    let trace_id = match &arguments.trace_id {
        Some(given) => {
            // Beside an id that is right, every breach is of the one that is given.
            let breach = traceparent::check(&of(given, "0000000000000001"));
            id("--trace-id", given, breach, TRACE_ID, 32)?
        }
        None => format!("{:016x}{:016x}", random(), random()),
    };
    let parent_id = match &arguments.parent_id {
        Some(given) => {
            let breach = traceparent::check(&of(&trace_id, given));
            id("--parent-id", given, breach, PARENT_ID, 16)?
        }
        None => format!("{:016x}", random()),
    };
    Ok(of(&trace_id, &parent_id))
}

fn id(
    named: &str,
    given: &str,
    breach: Option<Breach>,
    place: usize,
    length: usize,
) -> Result<String, Error> {
    if let Some(breach) = breach.filter(|breach| breach.start < place + given.len().min(length)) {
        return Err(broken(named, given, breach, place));
    }
    if given.len() != length {
        let what = format!(
            "{named} has {} characters, and has to have {length} hexadecimal digits in lower case",
            given.chars().count()
        );
        return Err(Error::new(what));
    }
    Ok(given.to_owned())
}

/// `place` is where the value stands in what was checked.
fn broken(named: &str, value: &str, breach: Breach, place: usize) -> Error {
    let (start, end) = (
        breach.start - place.min(breach.start),
        breach.end - place.min(breach.end),
    );
    let bytes = cut(value.get(start..end).unwrap_or_default(), 40);
    let rule = breach.rule;
    let found = if bytes.is_empty() {
        String::new()
    } else {
        format!(" (`{bytes}`)")
    };
    Error::new(format_args!(
        "{named} is invalid at byte {start}{found}: {} ({}, section {})",
        rule.sentence(),
        rule.specification(),
        rule.section()
    ))
}

/// The key and the value of `key=value`. Only the key has a grammar: the value is encoded.
fn member_of(member: &str) -> Result<(&str, &str), Error> {
    let Some((key, value)) = member.split_once('=') else {
        let what = format!("--baggage {} has no `=`: give KEY=VALUE", cut(member, 60));
        return Err(Error::new(what));
    };
    let member = format!("{key}=");
    if key.contains([',', ' ', '\t']) || key.is_empty() {
        let what = format!(
            "--baggage: the key `{}` is not a token, which has visible ASCII without separators (W3C Baggage, section 3.3.1.2 key)",
            cut(key, 60)
        );
        return Err(Error::new(what));
    }
    match baggage::check([member.as_str()]) {
        Some(breach) => Err(broken("--baggage", &member, breach, 0)),
        None => Ok((key, value)),
    }
}

/// Not zero. The standard library seeds each state from the system's random numbers.
fn random() -> u64 {
    loop {
        let number = RandomState::new().hash_one(0);
        if number != 0 {
            return number;
        }
    }
}

#[cfg(test)]
mod tests;
