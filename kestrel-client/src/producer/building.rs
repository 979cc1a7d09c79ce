//! The requests that are being built elsewhere, in the order in which they go out. A machine: no task, no clock.
//!
//! Kept by the sender, a line for each broker. Several requests may be compressed at the same time; whichever is done first,
//! none overtakes another.

use std::collections::VecDeque;

/// A place in a [`Line`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// What is being built for one broker.
#[derive(Debug)]
pub(crate) struct Line<T> {
    /// The ticket of the one in front.
    front: u64,
    /// `None` for one that is not built yet.
    places: VecDeque<Option<T>>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { front: 0, places: VecDeque::new() }
    }
}

impl<T> Line<T> {
    /// Whether nothing is in front of who comes now.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The place behind all others.
    pub(crate) fn enter(&mut self) -> Ticket {
        self.places.push_back(None);
        Ticket(self.front + self.places.len() as u64 - 1)
    }

    /// What has the place is built.
    pub(crate) fn fill(&mut self, Ticket(ticket): Ticket, built: T) {
        let index = ticket.checked_sub(self.front).and_then(|index| usize::try_from(index).ok());
        if let Some(place) = index.and_then(|index| self.places.get_mut(index)) {
            *place = Some(built);
        }
    }

    /// What goes out next: the one in front, once it is built.
    pub(crate) fn poll(&mut self) -> Option<T> {
        let built = self.places.front_mut()?.take()?;
        self.places.pop_front();
        self.front += 1;
        Some(built)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whichever_is_built_first_they_go_out_as_they_came() {
        let mut line = Line::default();
        let [a, b, c] = [line.enter(), line.enter(), line.enter()];
        line.fill(b, "b");
        assert_eq!(line.poll(), None);
        line.fill(a, "a");
        assert_eq!((line.poll(), line.poll(), line.poll()), (Some("a"), Some("b"), None));
        assert!(!line.is_empty(), "the third is still being built");
        let d = line.enter();
        line.fill(d, "d");
        line.fill(c, "c");
        assert_eq!((line.poll(), line.poll(), line.poll()), (Some("c"), Some("d"), None));
        assert!(line.is_empty());
    }
}
