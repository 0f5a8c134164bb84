//! One Jaeger, over HTTP.

use crate::error::Error;
use crate::spans::SpansFrom;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use std::time::Duration;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes: a trace of some 30,000 spans.
const LONGEST: usize = 32 << 20;

/// Jaeger's query API.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    /// The address without credentials, for errors.
    shown: String,
    user: Option<(String, String)>,
    token: Option<String>,
}

/// What Jaeger answers.
pub(crate) enum Answer {
    Body(Vec<u8>),
    /// It does not have what was asked for.
    Missing,
    /// The answer is longer than what is read.
    TooLong,
}

#[derive(Deserialize)]
struct Services {
    data: Option<Vec<String>>,
}

impl Client {
    /// `address` may have credentials; `token` is another way to give them.
    pub(crate) fn new(address: &str, token: Option<String>) -> Result<Self, Error> {
        let shown = SpansFrom::Jaeger(address.to_owned()).to_string();
        let error = |what: &dyn std::fmt::Display| Error::new(format_args!("{shown}: {what}"));
        let mut base = Url::parse(address).map_err(|what| error(&what))?;
        let user = (!base.username().is_empty()).then(|| {
            let password = base.password().unwrap_or_default();
            (decode(base.username()), decode(password))
        });
        // Neither can fail for an address with a host, and `http` demands one.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_query(None);
        base.set_fragment(None);
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .build()
            .map_err(|what| error(&what))?;
        Ok(Self {
            http,
            base,
            shown,
            user,
            token,
        })
    }

    /// The names of all services that sent spans. It fails if this is not Jaeger.
    pub(crate) async fn services(&self) -> Result<Vec<String>, Error> {
        let foreign = || {
            self.error(
                "this does not answer as Jaeger's query API does; give the address of its pages, such as \
                 http://localhost:16686",
            )
        };
        let Answer::Body(body) = self.get(&["services"], &[]).await? else {
            return Err(foreign());
        };
        let services: Services = serde_json::from_slice(&body).map_err(|_| foreign())?;
        Ok(services.data.unwrap_or_default())
    }

    /// Asks for `/api/…`.
    pub(crate) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Answer, Error> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.get(url);
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user, Some(password));
        } else if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let mut response = request.send().await.map_err(|error| self.failed(error))?;
        match response.status() {
            StatusCode::NOT_FOUND => return Ok(Answer::Missing),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(self.error(format_args!(
                    "access is refused with {status}; give credentials in the address, or a token in the environment \
                     variable OTEL_MESSAGING_SPANS_TOKEN"
                )));
            }
            status if !status.is_success() => {
                return Err(self.error(format_args!("it answers with {status}")));
            }
            _ => {}
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + chunk.len() > LONGEST {
                return Ok(Answer::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer::Body(body))
    }

    pub(crate) fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::new(format_args!("{}: {what}", self.shown))
    }

    /// The innermost cause says it best: "connection refused", where the outermost says that a request failed.
    fn failed(&self, error: reqwest::Error) -> Error {
        if error.is_timeout() {
            let seconds = TIMEOUT.as_secs();
            return self.error(format_args!("no answer within {seconds} seconds"));
        }
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        self.error(format_args!("no answer: {cause}"))
    }
}

/// What was percent-encoded in the address.
fn decode(text: &str) -> String {
    // A form is encoded alike, but for the plus sign.
    let text = format!("t={}", text.replace('+', "%2B").replace('&', "%26"));
    let base = Url::parse(&format!("http://localhost/?{text}"));
    let decoded = base.ok().and_then(|url| {
        let mut pairs = url.query_pairs();
        pairs.next().map(|(_, value)| value.into_owned())
    });
    decoded.unwrap_or_default()
}
