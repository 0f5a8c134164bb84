//! librdkafka's settings: ours, and those of the command line.

use crate::arguments::kafka::{KafkaArguments, SaslMechanism, Setting};
use crate::arguments::secret::{Secret, can_be_read};
use crate::error::Error;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use std::path::Path;

/// What may be changed with -X.
const DEFAULTS: [(&str, &str); 8] = [
    ("client.id", "otel-messaging-doctor"),
    // The queue of fetched messages is what takes the memory.
    ("queued.max.messages.kbytes", "16384"),
    ("fetch.max.bytes", "8388608"),
    // In ms: while the queue is full, librdkafka would wait for one second before it asks again.
    ("fetch.queue.backoff.ms", "5"),
    // A broker without new messages answers after this time, and not before that the next topic is asked for.
    ("fetch.wait.max.ms", "100"),
    // A partition whose beginning was deleted in the meantime goes on where it begins now.
    ("auto.offset.reset", "earliest"),
    // Producers inject into messages of aborted transactions too, and a transaction that is never ended
    // would hide all that comes after it.
    ("isolation.level", "read_uncommitted"),
    // OpenSSL is built in, and where a system has its certificates differs.
    ("ssl.ca.location", "probe"),
];

/// What keeps the look from disturbing anybody, and what the look relies on. librdkafka wants the name of a
/// group for any assignment, and joins the group only with a subscription.
const FIXED: [(&str, &str); 5] = [
    ("group.id", "otel-messaging-doctor"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("allow.auto.create.topics", "false"),
    ("enable.partition.eof", "true"),
];

/// Other names of what is fixed, and what has an option of its own.
const REFUSED: [(&str, &str); 5] = [
    ("auto.commit.enable", "the doctor commits nothing"),
    ("group.instance.id", "the doctor joins no group"),
    ("group.protocol", "the doctor joins no group"),
    ("bootstrap.servers", "use --brokers"),
    ("metadata.broker.list", "use --brokers"),
];

pub(crate) fn configuration(arguments: &KafkaArguments) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &arguments.brokers);
    for (name, value) in DEFAULTS {
        config.set(name, value);
    }
    set_security(&mut config, arguments)?;
    for Setting { name, value } in &arguments.settings {
        if name.is_empty() {
            return Err(Error::new("-X wants NAME=VALUE, such as -X client.rack=a"));
        }
        let fixed = FIXED.iter().find(|(fixed, _)| fixed == name);
        let fixed = fixed.map(|_| "the doctor sets it itself");
        let refused = REFUSED.iter().find(|(refused, _)| refused == name);
        if let Some(reason) = fixed.or(refused.map(|(_, reason)| *reason)) {
            return Err(Error::new(format_args!(
                "-X {name} cannot be used: {reason}"
            )));
        }
        config.set(name, value.reveal());
    }
    for (name, value) in FIXED {
        config.set(name, value);
    }
    Ok(config)
}

fn set_security(config: &mut ClientConfig, arguments: &KafkaArguments) -> Result<(), Error> {
    let files = [
        ("--tls-ca", "ssl.ca.location", &arguments.tls_ca),
        (
            "--tls-cert",
            "ssl.certificate.location",
            &arguments.tls_cert,
        ),
        ("--tls-key", "ssl.key.location", &arguments.tls_key),
    ];
    let mut tls = arguments.tls;
    for (option, name, file) in files {
        if let Some(file) = file {
            config.set(name, path(option, file)?);
            tls = true;
        }
    }
    let password = Secret::chosen(
        "--password-file",
        arguments.password_file.as_deref(),
        arguments.password.as_ref(),
    )?;
    if let Some(username) = &arguments.username {
        let mechanism = arguments.sasl_mechanism.unwrap_or(SaslMechanism::Plain);
        let password = password.as_ref().ok_or_else(|| {
            Error::new("--username wants a password: set KAFKA_PASSWORD or give --password-file")
        })?;
        config.set("sasl.mechanism", mechanism.name());
        config.set("sasl.username", username);
        config.set("sasl.password", password.reveal());
    }
    let protocol = match (arguments.username.is_some(), tls) {
        (false, false) => return Ok(()),
        (false, true) => "ssl",
        (true, false) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    Ok(())
}

/// The path of a file, which librdkafka reads later and says little about.
fn path(option: &str, file: &Path) -> Result<String, Error> {
    can_be_read(option, file)?;
    let path = file.to_str();
    let path = path.ok_or_else(|| {
        Error::new(format_args!(
            "{option} {}: the path is not UTF-8",
            file.display()
        ))
    })?;
    Ok(path.to_owned())
}

/// Why there is no consumer. librdkafka repeats values, and some are passwords.
pub(crate) fn not_created(error: KafkaError, arguments: &KafkaArguments) -> Error {
    match error {
        KafkaError::ClientConfig(_, text, name, value) if name == "bootstrap.servers" => {
            Error::new(format_args!("--brokers {value}: {text}"))
        }
        KafkaError::ClientConfig(_, text, name, value) => Error::new(format_args!(
            "-X {name} cannot be used: {}",
            hidden(&text, &value)
        )),
        KafkaError::ClientCreation(text) => {
            let values = arguments.settings.iter().map(|it| it.value.reveal());
            let text = values.fold(text, |text, value| hidden(&text, value));
            Error::new(format_args!(
                "the client of Kafka refuses its settings: {text}: check --tls- options and -X"
            ))
        }
        other => Error::new(format_args!("the client of Kafka cannot be made: {other}")),
    }
}

fn hidden(text: &str, value: &str) -> String {
    if value.is_empty() {
        return text.to_owned();
    }
    text.replace(value, "…")
}
