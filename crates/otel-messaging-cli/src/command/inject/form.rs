//! Headers in a form that another program takes.

use crate::arguments::inject::Form;
use crate::error::Error;
use crate::escape::{self, cut};
use crate::headers::Headers;
use serde_json::Value as Json;
use std::fmt::Write;

pub(super) fn write(headers: &Headers, form: Form) -> Result<String, Error> {
    if form == Form::Json {
        let json = serde_json::to_string(headers)
            .map_err(|error| Error::new(format_args!("the headers are not JSON: {error}")))?;
        return Ok(escape::json(&format!("{json}\n")));
    }
    let mut written = String::new();
    for (name, value) in headers.iter() {
        let text = match value {
            Json::Null => None,
            Json::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        match form {
            Form::Kcat => kcat(name, text.as_deref(), &mut written)?,
            _ => line(name, text.as_deref(), &mut written)?,
        }
    }
    if form == Form::Kcat {
        written.push('\n');
    }
    Ok(written)
}

fn line(name: &str, value: Option<&str>, written: &mut String) -> Result<(), Error> {
    let value = value.unwrap_or_default();
    if [name, value]
        .iter()
        .any(|text| text.contains(char::is_control))
    {
        let what = format!(
            "the header {} has a control character, and cannot be a line: use --as json",
            cut(name, 60)
        );
        return Err(Error::new(what));
    }
    let _ = writeln!(written, "{name}: {value}");
    Ok(())
}

/// To kcat, a header without `=` is null, and the first `=` ends the name.
fn kcat(name: &str, value: Option<&str>, written: &mut String) -> Result<(), Error> {
    let argument = match value {
        Some(value) => format!("{name}={value}"),
        None => name.to_owned(),
    };
    if name.contains('=') || argument.contains('\0') {
        let what = format!(
            "kcat cannot write the header {}: its name has a `=`, or it has a NUL",
            cut(name, 60)
        );
        return Err(Error::new(what));
    }
    if !written.is_empty() {
        written.push(' ');
    }
    let _ = write!(written, "-H '{}'", argument.replace('\'', r"'\''"));
    Ok(())
}
