//! What the grammars of both specifications let stand where, a byte at a time.

/// In the key of a baggage member or a property (`token`, RFC 7230, section 3.2.6).
pub(crate) const TOKEN: u8 = 1;
/// In the value of a baggage member (`baggage-octet`).
pub(crate) const OCTET: u8 = 2;
/// The same, but for the `%` that begins an escape.
pub(crate) const PLAIN: u8 = 4;
/// In the key of a tracestate member (Trace Context, section 3.3, `keychar`).
pub(crate) const KEYCHAR: u8 = 8;
/// In the value of a tracestate member (`chr`).
pub(crate) const CHR: u8 = 16;
/// Around a member of either (`OWS`).
pub(crate) const OWS: u8 = 32;

#[inline]
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = classes_of(byte as u8);
        byte += 1;
    }
    classes
};

const fn classes_of(byte: u8) -> u8 {
    const fn class_if(class: u8, holds: bool) -> u8 {
        if holds { class } else { 0 }
    }
    let is_separator = matches!(
        byte,
        b'(' | b')'
            | b','
            | b'/'
            | b':'
            | b';'
            | b'<'
            | b'='
            | b'>'
            | b'?'
            | b'@'
            | b'['
            | b'\\'
            | b']'
            | b'{'
            | b'}'
            | b'"'
    );
    let is_octet = byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\');
    let is_keychar = matches!(
        byte,
        b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@'
    );
    let is_printable = matches!(byte, b' '..=b'~');
    class_if(TOKEN, byte.is_ascii_graphic() && !is_separator)
        | class_if(OCTET, is_octet)
        | class_if(PLAIN, is_octet && byte != b'%')
        | class_if(KEYCHAR, is_keychar)
        | class_if(CHR, is_printable && !matches!(byte, b',' | b'='))
        | class_if(OWS, matches!(byte, b' ' | b'\t'))
}
