//! Where spans come from: the value of `--spans`.

use crate::arguments::url::without_credentials;
use crate::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A file, standard input, or Jaeger. Neither [`fmt::Display`] nor [`fmt::Debug`] shows credentials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum SpansFrom {
    Stdin,
    File(PathBuf),
    /// The address of Jaeger's pages, with credentials if it has some. It is checked when it is asked, because the
    /// error of an argument shows the argument.
    Jaeger(String),
}

impl FromStr for SpansFrom {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        match scheme {
            _ if text.is_empty() => Err(Error::new(
                "a file of spans, `-` for standard input, or the address of Jaeger is needed",
            )),
            Some(scheme)
                if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
            {
                Ok(Self::Jaeger(text.to_owned()))
            }
            _ if text == "-" => Ok(Self::Stdin),
            _ => Ok(Self::File(text.into())),
        }
    }
}

impl fmt::Display for SpansFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Jaeger(address) => f.write_str(&without_credentials(address)),
        }
    }
}

impl fmt::Debug for SpansFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpansFrom({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_tells_where_spans_come_from() {
        for (text, from) in [
            ("-", SpansFrom::Stdin),
            ("spans.json", SpansFrom::File("spans.json".into())),
            (
                "HTTP://localhost:16686",
                SpansFrom::Jaeger("HTTP://localhost:16686".into()),
            ),
            (
                "https://traces.example/jaeger",
                SpansFrom::Jaeger("https://traces.example/jaeger".into()),
            ),
        ] {
            assert_eq!(text.parse::<SpansFrom>().unwrap(), from, "{text}");
        }
        assert!("".parse::<SpansFrom>().is_err());
    }

    #[test]
    fn credentials_are_never_shown() {
        for address in [
            "https://user:secret@traces.example/jaeger",
            "https://user:se@secret@traces.example/jaeger",
            "https://user:se/secret@traces.example/jaeger?token=secret",
            "https://user:top?secret@traces.example/jaeger",
            "https://user:top#secret@traces.example/jaeger#secret",
        ] {
            let from = SpansFrom::Jaeger(address.into());
            assert_eq!(from.to_string(), "https://traces.example/jaeger");
            assert!(!format!("{from:?}").contains("secret"));
        }
    }
}
