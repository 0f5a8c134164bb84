//! White space around headers and members.

/// Without the optional white space around a header or a member (`OWS`, RFC 7230, section 3.2.3).
#[inline]
pub(crate) fn trim(text: &str) -> &str {
    // Mostly there is none, which the first byte and the last tell.
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = text.as_bytes();
    if is_space(bytes.first()) || is_space(bytes.last()) {
        text.trim_matches([' ', '\t'])
    } else {
        text
    }
}
