//! What is said if the doctor cannot look: one line, that names what was wrong and what to do.

use crate::program::{refusal, refuses};
use integration_tests::client::address;
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::{apply, broker_test};

/// Nobody listens on this port, which is reserved.
const NOBODY: &str = "127.0.0.1:1";
const NO_HOST: &str = "no-such-host.invalid";

const KAFKA: [&str; 3] = ["kafka", "--topic", "orders"];
const RABBITMQ: [&str; 3] = ["rabbitmq", "--exchange", "orders"];
const NATS: [&str; 3] = ["nats", "--subject", "orders"];

async fn names(place: &[&str], more: &[&str], named: &[&str]) {
    refuses(&[place, more].concat(), named).await;
}

#[apply(broker_test)]
async fn an_address_where_nobody_listens_is_named() {
    let refused = "Connection refused";
    let advice = "check --brokers";
    names(&KAFKA, &["--brokers", NOBODY], &[NOBODY, refused, advice]).await;
    let url = format!("amqp://guest:secret@{NOBODY}/%2f");
    names(&RABBITMQ, &["--url", &url], &[NOBODY, refused, "--url"]).await;
    names(
        &NATS,
        &["--server", NOBODY],
        &[NOBODY, refused, "check --server"],
    )
    .await;
}

#[apply(broker_test)]
async fn an_unknown_host_is_named() {
    let kafka = format!("{NO_HOST}:9092");
    names(&KAFKA, &["--brokers", &kafka], &[NO_HOST, "unknown host"]).await;
    let url = format!("amqp://guest:secret@{NO_HOST}/%2f");
    names(&RABBITMQ, &["--url", &url], &[NO_HOST, "--url"]).await;
    names(&NATS, &["--server", NO_HOST], &[NO_HOST, "unknown host"]).await;
}

#[apply(broker_test)]
async fn a_server_that_does_not_speak_tls_is_told_apart() {
    let kafka = address("KAFKA_BROKERS");
    names(&KAFKA, &["--brokers", &kafka, "--tls"], &[&kafka, "TLS"]).await;
    let amqps = address("AMQP_URL").replacen("amqp:", "amqps:", 1);
    names(&RABBITMQ, &["--url", &amqps], &["amqps://", "TLS"]).await;
    let tls = address("NATS_URL").replacen("nats:", "tls:", 1);
    names(&NATS, &["--server", &tls], &["tls://", "TLS"]).await;
}

#[apply(broker_test)]
async fn wrong_credentials_are_named_and_never_printed() {
    let login = "refuses the login";
    let kafka = address("KAFKA_BROKERS");
    let user = [
        "--brokers",
        &kafka,
        "--username",
        "shop",
        "--password",
        "s3cr3t",
    ];
    let said = refusal(&[&KAFKA[..], &user].concat()).await;
    assert!(
        said.contains(login) && said.contains("--username"),
        "{said}"
    );
    assert!(!said.contains("s3cr3t"), "{said}");

    let nats = PrivateBroker::start(Server::NatsWithAccounts).await;
    let user = [
        "--server",
        nats.url(),
        "--user",
        "shop",
        "--password",
        "s3cr3t",
    ];
    let said = refusal(&[&NATS[..], &user].concat()).await;
    assert!(said.contains(login) && said.contains("--user"), "{said}");
    assert!(!said.contains("s3cr3t"), "{said}");

    let url = address("AMQP_URL");
    let said = refusal(&[&RABBITMQ[..], &["--url", &url, "--password", "s3cr3t"]].concat()).await;
    assert!(
        said.contains(login) && said.contains("--password-file"),
        "{said}"
    );
    assert!(
        !said.contains("s3cr3t") && !said.contains("guest:"),
        "{said}"
    );
    let url = url.replacen("%2f", "no-such-vhost", 1);
    names(&RABBITMQ, &["--url", &url], &["no-such-vhost", "vhost"]).await;
}

#[apply(broker_test)]
async fn files_and_options_are_named() {
    for (place, address) in [
        (KAFKA, ["--brokers", NOBODY]),
        (RABBITMQ, ["--url", "amqps://guest:secret@127.0.0.1:1/%2f"]),
        (NATS, ["--server", NOBODY]),
    ] {
        let place = [&place[..], &address].concat();
        let user = if place[0] == "kafka" {
            "--username"
        } else {
            "--user"
        };
        let absent = "/no/such/file";
        names(&place, &["--tls-ca", absent], &["--tls-ca", absent]).await;
        let more = [user, "guest", "--password-file", absent];
        names(&place, &more, &["--password-file", absent]).await;
    }
    let place = [&KAFKA[..], &["--brokers", NOBODY]].concat();
    names(
        &place,
        &["-X", "no.such.setting=1"],
        &["-X no.such.setting"],
    )
    .await;
    names(
        &place,
        &["-X", "group.id=orders"],
        &["-X group.id", "itself"],
    )
    .await;
    let said = refusal(&[&place[..], &["-X", "ssl.key.pem=s3cr3t", "--tls"]].concat()).await;
    assert!(!said.contains("s3cr3t"), "{said}");
    names(
        &NATS,
        &["--server", "foo://t0k3n@host"],
        &["--server", "foo://host"],
    )
    .await;
    names(
        &RABBITMQ,
        &["--url", "http://guest:pw@host"],
        &["--url", "http://host"],
    )
    .await;
}

#[apply(broker_test)]
async fn files_for_tls_are_not_ignored_without_it() {
    let url = address("AMQP_URL");
    let place = [&RABBITMQ[..], &["--url", &url]].concat();
    let file = "Cargo.toml";
    names(&place, &["--tls-ca", file], &["--tls-ca wants", "amqps://"]).await;
    let own = ["--tls-cert", file, "--tls-key", file];
    names(&place, &own, &["--tls-cert wants", "amqps://"]).await;
}

#[apply(broker_test)]
async fn a_server_of_another_protocol_is_told_apart() {
    let nats = address("NATS_URL").replacen("nats:", "amqp:", 1);
    let said = refusal(&[&RABBITMQ[..], &["--url", &nats]].concat()).await;
    assert!(said.contains(&nats), "{said}");
    assert!(said.contains("does not speak AMQP 0.9.1"), "{said}");
    assert!(!said.contains("Parser"), "{said}");
}

#[apply(broker_test)]
async fn passwords_with_forgotten_escapes_are_never_printed() {
    for password in [
        "top?s3cr3t",
        "top#s3cr3t",
        "top,s3cr3t",
        "top/s3cr3t",
        "top@s3cr3t",
    ] {
        for (place, option, scheme) in [
            (RABBITMQ, "--url", "amqp"),
            (NATS, "--server", "nats"),
            (NATS, "--spans", "http"),
        ] {
            let url = format!("{scheme}://us3r:{password}@{NOBODY}");
            let server = address("NATS_URL");
            let mut line = [&place[..], &[option, &url]].concat();
            if option == "--spans" {
                // Jaeger is asked once the look is over.
                line.extend(["--server", &server, "--for", "1s"]);
            }
            let said = refusal(&line).await;
            assert!(said.contains(NOBODY) || !said.contains("://"), "{said}");
            for part in ["us3r", "top", "s3cr3t"] {
                assert!(!said.contains(part), "{part} is in: {said}");
            }
        }
    }
}
