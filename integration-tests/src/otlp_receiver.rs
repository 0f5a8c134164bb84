//! A receiver of OTLP over HTTP, on a port of its own, that keeps what it gets.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The largest request that it takes, in bytes.
const LARGEST: usize = 4 << 20;

/// A receiver of OTLP. It ends when it is dropped.
#[derive(Debug)]
pub struct OtlpReceiver {
    port: u16,
    received: Arc<Mutex<Received>>,
    task: JoinHandle<()>,
}

/// What was exported.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// The requests with spans.
    pub spans: Vec<ExportTraceServiceRequest>,
    /// The requests with metrics.
    pub metrics: Vec<ExportMetricsServiceRequest>,
    /// The requests with log records.
    pub logs: Vec<ExportLogsServiceRequest>,
    /// What it could not read.
    pub errors: Vec<String>,
}

impl OtlpReceiver {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let received = Arc::new(Mutex::new(Received::default()));
        let keeping = received.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, keeping.clone()));
            }
        });
        Self {
            port,
            received,
            task,
        }
    }

    /// The address for exporters of all signals, as in `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The address for an exporter of this signal: `traces`, `metrics` or `logs`.
    pub fn endpoint(&self, signal: &str) -> String {
        format!("{}/v1/{signal}", self.base())
    }

    /// What was exported so far.
    pub fn received(&self) -> Received {
        lock(&self.received).clone()
    }
}

impl Drop for OtlpReceiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(received: &Mutex<Received>) -> MutexGuard<'_, Received> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the requests of one connection, until it is closed.
async fn serve(stream: TcpStream, received: Arc<Mutex<Received>>) {
    let mut stream = BufStream::new(stream);
    loop {
        match request(&mut stream).await {
            Ok(Some((path, body))) => lock(&received).keep(&path, &body),
            Ok(None) => return,
            Err(error) => {
                lock(&received).errors.push(error.to_string());
                return;
            }
        }
        // An empty message: everything was taken.
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        let written = stream.write_all(answer.as_bytes()).await;
        if written.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// The path and the body of the next request; `None` if the connection was closed.
async fn request(stream: &mut BufStream<TcpStream>) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let path = line
        .strip_prefix("POST ")
        .and_then(|rest| rest.split(' ').next());
    let path = path.ok_or_else(|| invalid("not a POST"))?.to_owned();
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(|_| invalid("no length"))?;
        }
    }
    if length > LARGEST {
        return Err(invalid("too large"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some((path, body)))
}

impl Received {
    fn keep(&mut self, path: &str, body: &[u8]) {
        let error = match path {
            "/v1/traces" => match ExportTraceServiceRequest::decode(body) {
                Ok(request) => return self.spans.push(request),
                Err(error) => error.to_string(),
            },
            "/v1/metrics" => match ExportMetricsServiceRequest::decode(body) {
                Ok(request) => return self.metrics.push(request),
                Err(error) => error.to_string(),
            },
            "/v1/logs" => match ExportLogsServiceRequest::decode(body) {
                Ok(request) => return self.logs.push(request),
                Err(error) => error.to_string(),
            },
            _ => "an unknown path".to_owned(),
        };
        self.errors.push(format!("{path}: {error}"));
    }
}
