//! The value of a propagation field, in the form that costs a carrier least.

/// The text of a field that a carrier is to write: borrowed where the writer has it on its stack,
/// owned where it was built.
///
/// Storage that copies anyway, as a C library's does, takes [`as_bytes`](Self::as_bytes) and makes
/// the only copy; storage of its own takes [`into_string`](Self::into_string) or
/// [`into_bytes`](Self::into_bytes), which move what is owned.
///
/// ```
/// use otel_messaging::FieldValue;
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
    /// Bytes that are known to be ASCII: nobody has to look at them again who wants bytes.
    Ascii(&'a [u8]),
}

impl<'a> FieldValue<'a> {
    /// Of bytes that the caller has made as ASCII.
    #[inline]
    pub(crate) fn ascii(bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.is_ascii());
        Self(Form::Ascii(bytes))
    }

    /// The value as UTF-8.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Owned(text) => text.as_bytes(),
            Form::Borrowed(text) => text.as_bytes(),
            Form::Ascii(bytes) => bytes,
        }
    }

    /// The value as UTF-8, moved if it is owned.
    #[inline]
    pub fn into_bytes(self) -> Vec<u8> {
        match self.0 {
            Form::Owned(text) => text.into_bytes(),
            Form::Borrowed(text) => text.as_bytes().to_vec(),
            Form::Ascii(bytes) => bytes.to_vec(),
        }
    }

    /// The value as text, moved if it is owned.
    #[inline]
    pub fn into_string(self) -> String {
        match self.0 {
            Form::Owned(text) => text,
            Form::Borrowed(text) => text.to_owned(),
            // Never empty: ASCII is UTF-8.
            Form::Ascii(bytes) => str::from_utf8(bytes).unwrap_or_default().to_owned(),
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
