//! `otel-messaging inject`.

use clap::{Args, ValueEnum};

/// Write a context into the headers of a message, in place of the one that is there. Other headers stay, in their order
///
/// The context is the one that is given, or the one of the environment (TRACEPARENT, TRACESTATE, BAGGAGE), or one
/// with new ids.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InjectArguments {
    /// The headers as JSON; with `-` they are read from standard input
    #[arg(default_value = "{}")]
    pub(crate) headers: String,
    /// Take this traceparent, whole
    #[arg(long, value_name = "VALUE", conflicts_with_all = ["trace_id", "parent_id", "not_sampled"])]
    pub(crate) traceparent: Option<String>,
    /// Take this trace id: 32 hexadecimal digits in lower case
    #[arg(long, value_name = "HEX")]
    pub(crate) trace_id: Option<String>,
    /// Take this id of the span that sends the message: 16 hexadecimal digits in lower case
    #[arg(long, value_name = "HEX")]
    pub(crate) parent_id: Option<String>,
    /// Write the flags 00 and not 01, with ids that are given or new
    #[arg(long)]
    pub(crate) not_sampled: bool,
    /// Take this tracestate
    #[arg(long, value_name = "VALUE")]
    pub(crate) tracestate: Option<String>,
    /// Add a member to the baggage. Its value is not encoded yet. It may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) baggage: Vec<String>,
    /// Write the headers in this form
    #[arg(long = "as", value_name = "FORM", default_value = "json")]
    pub(crate) form: Form,
}

/// How headers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A JSON object
    Json,
    /// A line `name: value` for each header
    Lines,
    /// Arguments `-H name=value`, quoted for a shell
    Kcat,
}

const EXAMPLES: &str = "\
Examples:
  otel-messaging inject '{\"order\": \"7\"}' --baggage 'tenant=acme corp'
  otel-messaging inject --trace-id 0af7651916cd43dd8448eb211c80319c --parent-id b7ad6b7169203331 --not-sampled
  eval kcat -P -b localhost -t orders \"$(otel-messaging inject --as kcat)\" <<< 'an order'
  nats pub orders 'an order' -H \"$(otel-messaging inject --as lines)\"

Exit status:
  0  the headers were written
  2  they, or the context, could not be read";
