//! How far a look goes, on the command line.

use crate::source::bounds::{Bounds, From};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// A clock cannot tell every time from now on.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How far the doctor looks
#[derive(Debug, Args)]
#[command(next_help_heading = "How far to look")]
pub(crate) struct BoundsArguments {
    /// The newest N messages of each partition of Kafka, or of a stream; the first N that wait in a queue; not for
    /// exchanges and subjects of NATS, which keep none [default: 1000]
    #[arg(long, value_name = "N", conflicts_with = "since")]
    last: Option<u64>,
    /// Messages since then: a duration such as 15m or 2h, or a time such as 2026-11-30T10:00:00Z. A stream of
    /// RabbitMQ is read from the beginning of its chunk on, which may have older ones
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Listen so long for new messages, such as 30s. Exchanges and subjects of NATS keep no messages: 10s is their
    /// default
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    listen_for: Option<Duration>,
    /// Look at no more than N messages
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    max: u64,
}

impl BoundsArguments {
    pub(crate) fn bounds(&self) -> Bounds {
        let from = match (&self.since, self.last) {
            (Some(since), _) => From::Time(since.time(SystemTime::now())),
            (None, last) => From::Last(last.unwrap_or(1000)),
        };
        Bounds {
            from,
            listen_for: self.listen_for,
            max: self.max,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// So long ago.
    Ago(Duration),
    At(SystemTime),
}

impl Since {
    fn time(self, now: SystemTime) -> SystemTime {
        match self {
            Since::Ago(ago) => now.checked_sub(ago),
            Since::At(time) => Some(time),
        }
        // Brokers know no earlier time.
        .map_or(SystemTime::UNIX_EPOCH, |time| {
            time.max(SystemTime::UNIX_EPOCH)
        })
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // What is no duration may be a time.
        if let Ok(ago) = text.parse::<SignedDuration>()
            && let Ok(ago) = Duration::try_from(ago)
        {
            return Ok(Since::Ago(ago));
        }
        let time = text.parse::<Timestamp>().and_then(SystemTime::try_from);
        time.map(Since::At).map_err(|_| {
            "expected a duration such as 15m or 2h, or a time such as 2026-11-30T10:00:00Z"
                .to_owned()
        })
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let wanted = || "expected a duration such as 30s, 15m or 2h".to_owned();
    let duration: SignedDuration = text.parse().map_err(|_| wanted())?;
    let duration = Duration::try_from(duration).map_err(|_| wanted())?;
    if duration > LONGEST {
        return Err("expected a duration of no more than 365 days".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_times_are_read() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "30", "-5s", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(duration("8760h"), Ok(LONGEST));
        for long in ["8760h 1s", "9223372036854775807s"] {
            assert!(duration(long).unwrap_err().contains("365 days"), "{long}");
        }
        let hour = Duration::from_secs(3600);
        assert_eq!("1h".parse(), Ok(Since::Ago(hour)));
        let at = SystemTime::UNIX_EPOCH + hour;
        assert_eq!("1970-01-01T02:00:00+01:00".parse(), Ok(Since::At(at)));
        assert!("yesterday".parse::<Since>().is_err());
        assert_eq!(Since::Ago(hour).time(at), SystemTime::UNIX_EPOCH);
        assert_eq!(Since::Ago(hour * 2).time(at), SystemTime::UNIX_EPOCH);
    }
}
