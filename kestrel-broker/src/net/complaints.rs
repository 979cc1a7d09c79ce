//! Complaints about peers, limited to one line a minute for each address and kind, which says how many were left out. Pure.
//!
//! Asked by the listeners before they write a line: a client that tries a hundred times a second fills no log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long a line is not repeated.
const SILENCE: Duration = Duration::from_secs(60);
/// How many lines are remembered. Beyond, what is oldest may be said again too early.
const MAX_REMEMBERED: usize = 1024;

/// The complaints of the last minute, and how often each came again.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    said: HashMap<(IpAddr, &'static str), Said>,
}

#[derive(Debug, Clone, Copy)]
struct Said {
    at: Instant,
    left_out: u64,
}

impl Complaints {
    /// Whether to complain of this kind about the peers at `ip` now: `None` is no, and otherwise how many were left out before.
    /// The kind is the broker's own word: with a text that peers choose, each could fill the log.
    pub(super) fn handle(&mut self, ip: IpAddr, kind: &'static str, now: Instant) -> Option<u64> {
        if let Some(said) = self.said.get_mut(&(ip, kind)) {
            if now.saturating_duration_since(said.at) < SILENCE {
                said.left_out += 1;
                return None;
            }
            let left_out = said.left_out;
            *said = Said { at: now, left_out: 0 };
            return Some(left_out);
        }
        if self.said.len() >= MAX_REMEMBERED {
            self.said.retain(|_, said| now.saturating_duration_since(said.at) < SILENCE);
            let oldest = self.said.iter().min_by_key(|(_, said)| said.at).map(|(about, _)| *about);
            if let Some(oldest) = oldest.filter(|_| self.said.len() >= MAX_REMEMBERED) {
                self.said.remove(&oldest);
            }
        }
        self.said.insert((ip, kind), Said { at: now, left_out: 0 });
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ip(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn a_line_is_said_once_a_minute_with_how_often_it_was_left_out() {
        let mut complaints = Complaints::default();
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let start = Instant::now();
        assert_eq!(complaints.handle(ip(1), "TLS", start), Some(0));
        for second in 1..60 {
            assert_eq!(complaints.handle(ip(1), "TLS", start + Duration::from_secs(second)), None);
        }
        assert_eq!(complaints.handle(ip(2), "TLS", start), Some(0), "another address");
        assert_eq!(complaints.handle(ip(1), "HTTP", start), Some(0), "another kind");
        assert_eq!(complaints.handle(ip(1), "TLS", start + SILENCE), Some(59));
        assert_eq!(complaints.handle(ip(1), "TLS", start + 2 * SILENCE), Some(0));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut complaints = Complaints::default();
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let start = Instant::now();
        for number in 0..3000 {
            assert_eq!(complaints.handle(ip(number), "TLS", start), Some(0));
        }
        assert!(complaints.said.len() <= MAX_REMEMBERED);
    }
}
