//! The largest set of pairs of branches in which none is used twice.

use std::collections::VecDeque;

use crate::BudgetExceeded;

/// Which right vertex each left vertex is matched with, in a matching that is as large as can be.
///
/// `edges` has the right vertices that each left one can be matched with. Each edge that is looked at counts as a `step`.
pub(super) fn maximum(
    edges: &[Vec<usize>],
    rights: usize,
    mut step: impl FnMut() -> Result<(), BudgetExceeded>,
) -> Result<Vec<Option<usize>>, BudgetExceeded> {
    let mut matching = Matching { rights: vec![None; edges.len()], lefts: vec![None; rights] };
    for left in 0..edges.len() {
        matching.augment(edges, left, &mut step)?;
    }
    Ok(matching.rights)
}

struct Matching {
    /// The right vertex of each left one.
    rights: Vec<Option<usize>>,
    /// The left vertex of each right one.
    lefts: Vec<Option<usize>>,
}

impl Matching {
    /// Finds a place for one more left vertex, where others move on if need be: the shortest alternating path to a free right vertex.
    fn augment(
        &mut self,
        edges: &[Vec<usize>],
        start: usize,
        step: &mut impl FnMut() -> Result<(), BudgetExceeded>,
    ) -> Result<(), BudgetExceeded> {
        // From which left vertex a right one was reached.
        let mut reached_from = vec![None; self.lefts.len()];
        let mut waiting = VecDeque::from([start]);
        while let Some(left) = waiting.pop_front() {
            for &right in &edges[left] {
                step()?;
                if reached_from[right].is_some() {
                    continue;
                }
                reached_from[right] = Some(left);
                match self.lefts[right] {
                    Some(next) => waiting.push_back(next),
                    None => {
                        self.turn(&reached_from, right);
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Turns the path that ends at this free vertex around: each left vertex on it takes the right one that was reached from it.
    fn turn(&mut self, reached_from: &[Option<usize>], end: usize) {
        let mut next = Some(end);
        while let Some(right) = next {
            let left = reached_from[right].expect("the path has come this way");
            self.lefts[right] = Some(left);
            next = self.rights[left].replace(right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(edges: &[Vec<usize>], rights: usize) -> usize {
        maximum(edges, rights, || Ok(())).unwrap().iter().flatten().count()
    }

    #[test]
    fn moves_those_that_came_first_where_that_makes_room() {
        assert_eq!(size(&[vec![0, 1], vec![0]], 2), 2);
        assert_eq!(size(&[vec![0, 1], vec![0, 2], vec![0]], 3), 3);
        assert_eq!(size(&[vec![0], vec![0], vec![0]], 3), 1);
        assert_eq!(size(&[vec![], vec![1]], 2), 1);
    }

    #[test]
    fn equals_the_best_of_all_assignments() {
        // Every bipartite graph of three and three.
        for bits in 0..512_u32 {
            let edges: Vec<Vec<usize>> = (0..3_usize)
                .map(|left| (0..3_usize).filter(|right| bits >> (left * 3 + right) & 1 == 1).collect())
                .collect();
            let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
            let count =
                |order: &[usize; 3]| (0..3).filter(|&left| edges[left].contains(&order[left])).count();
            assert_eq!(size(&edges, 3), orders.iter().map(count).max().unwrap(), "{edges:?}");
        }
    }
}
