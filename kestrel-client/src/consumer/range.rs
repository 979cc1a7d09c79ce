//! Range: the part of a topic that a consumer reads, in offsets or in times, and what it is when reading begins.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use crate::admin::{OffsetSpec, list_offsets};
use crate::client::Client;
use crate::config::IsolationLevel;
use crate::error::{Error, Result};
use crate::record::{Timestamp, TopicPartition};

/// A place in a partition: an end of [`between`](crate::AssignedConsumerBuilder::between).
///
/// Made of an offset, a [`Timestamp`] or a [`SystemTime`]:
///
/// ```
/// use kestrel_client::{Place, Timestamp};
/// assert_eq!(Place::from(42), Place::Offset(42));
/// assert_eq!(Place::from(Timestamp::from_millis(1_000)), Place::Time(Timestamp::from_millis(1_000)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The first record that the log holds.
    Beginning,
    /// After the last record that can be read.
    End,
    /// This offset, 0 or more.
    Offset(i64),
    /// The first record with this timestamp or a later one; the end when there is none.
    Time(Timestamp),
}

impl From<i64> for Place {
    fn from(offset: i64) -> Self {
        Self::Offset(offset)
    }
}

impl From<Timestamp> for Place {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<SystemTime> for Place {
    fn from(time: SystemTime) -> Self {
        Self::Time(time.into())
    }
}

impl Place {
    /// The time that a broker has to be asked for, beside the ends of the log.
    const fn time(self) -> Option<Timestamp> {
        match self {
            Self::Time(time) => Some(time),
            Self::Beginning | Self::End | Self::Offset(_) => None,
        }
    }

    fn check(self) -> Result<()> {
        match self {
            Self::Offset(offset) => Error::check_offset("between", offset),
            Self::Time(time) => check_time(time),
            Self::Beginning | Self::End => Ok(()),
        }
    }

    /// The offset in a log that holds `log`, where `found` is the first record of the place's time.
    fn resolve(self, log: &Range<i64>, found: Option<i64>) -> i64 {
        let offset = match self {
            Self::Beginning => log.start,
            Self::End => log.end,
            Self::Offset(offset) => offset,
            Self::Time(_) => found.unwrap_or(log.end),
        };
        offset.clamp(log.start, log.end.max(log.start))
    }
}

/// From one place, which is read, up to another, which is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlaceRange {
    start: Place,
    end: Place,
}

impl PlaceRange {
    pub(super) fn new(start: Place, end: Place) -> Result<Self> {
        start.check()?;
        end.check()?;
        let is_turned = match (start, end) {
            (Place::Offset(start), Place::Offset(end)) => start > end,
            (Place::Time(start), Place::Time(end)) => start > end,
            _ => false,
        };
        if is_turned {
            return Err(Error::invalid_argument("between", format!("{start:?} is after {end:?}")));
        }
        Ok(Self { start, end })
    }

    /// The offsets of the range in each partition at this moment.
    ///
    /// # Errors
    /// The first partition's error that does not go away within `timeout`.
    pub(super) async fn resolve(
        self,
        client: &Client,
        partitions: &[TopicPartition],
        isolation_level: IsolationLevel,
        timeout: Duration,
    ) -> Result<Vec<(TopicPartition, Range<i64>)>> {
        let ask = async |spec| -> Result<HashMap<TopicPartition, Option<i64>>> {
            let specs = partitions.iter().map(|partition| (partition.clone(), spec)).collect();
            let listed = list_offsets(client, specs, isolation_level, timeout).await;
            listed.into_iter().map(|(partition, found)| Ok((partition, found?.offset))).collect()
        };
        let time = async |place: Place| match place.time() {
            Some(time) => ask(OffsetSpec::Timestamp(time)).await,
            None => Ok(HashMap::new()),
        };
        // The end last: records that come meanwhile are not behind a place before them.
        let (firsts, lasts) = (time(self.start).await?, time(self.end).await?);
        let starts = ask(OffsetSpec::Earliest).await?;
        let ends = ask(OffsetSpec::Latest).await?;
        let range = |partition: &TopicPartition| {
            let offset = |of: &HashMap<TopicPartition, Option<i64>>| of.get(partition).copied().flatten();
            let log = offset(&starts).unwrap_or_default()..offset(&ends).unwrap_or_default();
            let start = self.start.resolve(&log, offset(&firsts));
            let end = self.end.resolve(&log, offset(&lasts));
            (partition.clone(), start..end.max(start))
        };
        Ok(partitions.iter().map(range).collect())
    }
}

/// The protocol has other meanings for negative times: -1 is the end.
pub(super) fn check_time(time: Timestamp) -> Result<()> {
    OffsetSpec::Timestamp(time).check()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_what_the_log_holds_of_it() {
        let log = 10..20;
        let time = Place::Time(Timestamp::from_millis(5));
        for (place, found, offset) in [
            (Place::Beginning, None, 10),
            (Place::End, None, 20),
            (Place::Offset(0), None, 10),
            (Place::Offset(15), None, 15),
            (Place::Offset(21), None, 20),
            (time, Some(12), 12),
            (time, None, 20),
        ] {
            assert_eq!(place.resolve(&log, found), offset, "{place:?} {found:?}");
        }
        assert_eq!(Place::Offset(3).resolve(&(0..0), None), 0);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        let time = |millis| Place::Time(Timestamp::from_millis(millis));
        for (start, end) in [
            (Place::Offset(-1), Place::End),
            (Place::Beginning, Place::Offset(-1)),
            (time(-1), Place::End),
            (Place::Beginning, Place::Time(Timestamp::NONE)),
            (Place::Offset(2), Place::Offset(1)),
            (time(2), time(1)),
        ] {
            assert!(PlaceRange::new(start, end).is_err(), "{start:?} {end:?}");
        }
        assert!(PlaceRange::new(Place::Offset(1), Place::Offset(1)).is_ok());
    }
}
