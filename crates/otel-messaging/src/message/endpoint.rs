//! What the client or the consumer of a message knows, and the message does not.

use crate::message::remote_text;
use std::sync::Arc;

/// The server, the client and the consumer of a message. The texts are as spans show them; a text of more
/// than 1,024 bytes is left out. They are shared, because every message shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) group: Option<Arc<str>>,
    pub(crate) subscription: Option<Arc<str>>,
    pub(crate) queue: Option<Arc<str>>,
    pub(crate) client_id: Option<Arc<str>>,
    pub(crate) server: Option<(Arc<str>, u16)>,
}

/// A server as spans show it.
pub(crate) fn shown_server(address: &str, port: u16) -> Option<(Arc<str>, u16)> {
    shown(address).map(|address| (address, port))
}

/// A text as spans show it.
pub(crate) fn shown(text: &str) -> Option<Arc<str>> {
    remote_text::shown_whole(text).map(Into::into)
}
