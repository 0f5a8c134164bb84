//! The value of a propagation field, in the form that costs a carrier least.

/// The text that a carrier writes for a field: borrowed if the writer has it on its stack, owned if it
/// was built.
///
/// If the client copies the text, as a C library does, use [`as_bytes`](Self::as_bytes). If it stores a
/// `String` or bytes, use [`into_string`](Self::into_string) or [`into_bytes`](Self::into_bytes), which
/// move an owned text.
///
/// ```
/// use otel_messaging::adapter::FieldValue;
///
/// let value = FieldValue::from("00-…");
/// assert_eq!(value.as_bytes(), "00-…".as_bytes());
/// assert_eq!(value.into_string(), "00-…");
/// ```
#[derive(Debug, Clone)]
pub struct FieldValue<'a>(Form<'a>);

#[derive(Debug, Clone)]
enum Form<'a> {
    Owned(String),
    Borrowed(&'a str),
    PrintableOwned(String),
    Printable(&'a [u8]),
}

impl<'a> FieldValue<'a> {
    /// Of bytes that the caller has made as printable ASCII.
    #[inline]
    pub(crate) fn printable(bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.iter().all(|byte| (b' '..=b'~').contains(byte)));
        Self(Form::Printable(bytes))
    }

    /// Of text that the caller has made as printable ASCII.
    #[inline]
    pub(crate) fn printable_owned(text: String) -> Self {
        debug_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        Self(Form::PrintableOwned(text))
    }

    /// Whether the value is known to be printable ASCII (space to `~`). A carrier then does not have to
    /// check the characters.
    #[inline]
    pub fn is_printable(&self) -> bool {
        matches!(self.0, Form::PrintableOwned(_) | Form::Printable(_))
    }

    /// The value as UTF-8.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Owned(text) | Form::PrintableOwned(text) => text.as_bytes(),
            Form::Borrowed(text) => text.as_bytes(),
            Form::Printable(bytes) => bytes,
        }
    }

    /// The value as UTF-8, moved if it is owned.
    #[inline]
    pub fn into_bytes(self) -> Vec<u8> {
        match self.0 {
            Form::Owned(text) | Form::PrintableOwned(text) => text.into_bytes(),
            Form::Borrowed(text) => text.as_bytes().to_vec(),
            Form::Printable(bytes) => bytes.to_vec(),
        }
    }

    /// The value as text, moved if it is owned.
    #[inline]
    pub fn into_string(self) -> String {
        match self.0 {
            Form::Owned(text) | Form::PrintableOwned(text) => text,
            Form::Borrowed(text) => text.to_owned(),
            // Never empty: ASCII is UTF-8.
            Form::Printable(bytes) => str::from_utf8(bytes).unwrap_or_default().to_owned(),
        }
    }
}

impl From<String> for FieldValue<'_> {
    #[inline]
    fn from(text: String) -> Self {
        Self(Form::Owned(text))
    }
}

impl<'a> From<&'a str> for FieldValue<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Self(Form::Borrowed(text))
    }
}
