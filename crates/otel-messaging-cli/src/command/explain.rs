//! `otel-messaging explain`.

use crate::arguments::explain::{ExplainArguments, Field};
use crate::command::output;
use crate::error::Error;
use crate::explain::explanation::Explanation;
use crate::explain::peers::{self, Row};
use crate::explain::{baggage, headers, text, traceparent, tracestate};
use crate::headers::Headers;
use crate::input;
use serde::Serialize;
use std::process::ExitCode;

pub(super) fn run(arguments: ExplainArguments) -> Result<ExitCode, Error> {
    let ExplainArguments {
        field,
        value,
        system,
        json,
    } = arguments;
    let value = input::value(value)?;
    let explanation = match field {
        Field::Headers => {
            let said = headers::explain(&Headers::from_json(&value)?, system);
            match json {
                true => output::json(&said)?,
                false => output::text(&text::headers(&said))?,
            }
            return Ok(status(said.valid));
        }
        Field::Traceparent => traceparent::explain(&value),
        Field::Tracestate => tracestate::explain(&[&value]),
        Field::Baggage => baggage::explain(&[&value]),
    };
    let conditions = match field {
        Field::Traceparent => headers::condition_of_traceparent(&value),
        Field::Tracestate => headers::condition_of_tracestate(&value),
        _ => None,
    };
    let readers = peers::rows(conditions.as_slice(), system);
    let is_valid = explanation.valid;
    if json {
        output::json(&Answer {
            explanation,
            readers,
        })?;
    } else {
        output::text(&(text::field(&explanation) + &text::readers(&readers)))?;
    }
    Ok(status(is_valid))
}

/// A field, and what readers make of it.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    explanation: Explanation,
    readers: Vec<Row>,
}

fn status(is_valid: bool) -> ExitCode {
    ExitCode::from(u8::from(!is_valid))
}
