//! A share, as `--fail-under` takes it.

use crate::error::Error;
use crate::report::Share;
use std::fmt;
use std::str::FromStr;

/// From 0% to 100%, in millionths of a percent: as integers, 95 of 100 is exactly 95%.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Percent(u32);

const DECIMALS: usize = 6;
const ONE: u32 = 1_000_000;

impl Percent {
    /// Whether the share is at least this. No messages at all are 100%.
    pub(crate) fn is_reached_by(self, share: Share) -> bool {
        // Each product is below 2^64 * 2^27.
        u128::from(share.valid) * 100 * u128::from(ONE) >= u128::from(self.0) * u128::from(share.of)
    }
}

impl FromStr for Percent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| {
            Error::new(format_args!(
                "{text:?} is not a percentage: give a number from 0 to 100 with up to {DECIMALS} decimals, \
                 such as 95% or 99.5"
            ))
        })
    }
}

fn parse(text: &str) -> Option<Percent> {
    let number = text.trim();
    let number = number.strip_suffix('%').unwrap_or(number).trim_end();
    let (whole, decimals) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, decimals)) => (whole, decimals),
        None => (number, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > DECIMALS {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let fraction: u32 = format!("{decimals:0<DECIMALS$}").parse().ok()?;
    let percent = whole.checked_mul(ONE)?.checked_add(fraction)?;
    (percent <= 100 * ONE).then_some(Percent(percent))
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / ONE, self.0 % ONE);
        if fraction == 0 {
            return write!(f, "{whole}%");
        }
        let decimals = format!("{fraction:0DECIMALS$}");
        write!(f, "{whole}.{}%", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_read_and_written() {
        for (text, written) in [
            ("95%", "95%"),
            ("95", "95%"),
            (" 99.5 % ", "99.5%"),
            ("99.990", "99.99%"),
            ("0", "0%"),
            ("100.0%", "100%"),
            ("0.000001", "0.000001%"),
        ] {
            assert_eq!(
                text.parse::<Percent>().unwrap().to_string(),
                written,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_percentage_is_refused_by_its_text() {
        for text in [
            "",
            "%",
            "101",
            "100.1%",
            "-1",
            "+5",
            "1e1",
            "NaN",
            "95%%",
            "5.",
            ".5",
            "1.2.3",
            "0.0000001",
            "99999999999",
            "95 percent",
            "٩٥",
        ] {
            let error = text.parse::<Percent>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{text:?} is not a percentage: give a number")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_share_is_compared_exactly() {
        for (valid, of, percent, reached) in [
            (95, 100, "95%", true),
            (94, 100, "95%", false),
            (949_999, 1_000_000, "95", false),
            (950_000, 1_000_000, "95", true),
            (7, 1_000, "0.7", true),
            (2, 3, "66.666666", true),
            (2, 3, "66.666667", false),
            (u64::MAX - 1, u64::MAX, "100", false),
            (u64::MAX, u64::MAX, "100", true),
            (0, 100, "0", true),
            (0, 0, "100", true),
        ] {
            let percent: Percent = percent.parse().unwrap();
            assert_eq!(
                percent.is_reached_by(Share { of, valid }),
                reached,
                "{valid} of {of}, {percent}"
            );
        }
    }
}
