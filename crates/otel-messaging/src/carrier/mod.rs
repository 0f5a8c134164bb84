//! Header storage that propagators read and write, whatever the client calls it.

pub(crate) mod environment;
pub(crate) mod extractor;
pub(crate) mod headers;
pub(crate) mod injector;
pub(crate) mod maps;
pub(crate) mod several;
