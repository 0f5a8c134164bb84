//! `otel-messaging extract`.

use crate::arguments::extract::ExtractArguments;
use crate::command::output;
use crate::error::Error;
use crate::explain::reading::{self, Sender};
use crate::explain::text;
use crate::headers::Headers;
use crate::input;
use std::process::ExitCode;

pub(super) fn run(arguments: ExtractArguments) -> Result<ExitCode, Error> {
    let headers = Headers::from_json(&input::value(arguments.headers)?)?;
    let reading = reading::read(&headers);
    if arguments.json {
        output::json(&reading)?;
    } else {
        output::text(&text::reading(&reading))?;
    }
    let is_valid = matches!(reading.sender, Sender::Valid(_));
    Ok(ExitCode::from(u8::from(!is_valid)))
}
