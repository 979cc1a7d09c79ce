//! The placement of new partitions: which brokers their replicas are on. Pure.

use kestrel_protocol::NodeId;

/// The replicas of `partitions` new partitions, the first of which has the number `first_partition`: the brokers take turns
/// as leader, and the replicas of a partition are on the brokers after its leader.
///
/// `None` when there are fewer brokers than replicas.
pub(crate) fn place_replicas(
    brokers: &[NodeId],
    first_partition: usize,
    partitions: usize,
    replication_factor: usize,
) -> Option<Vec<Vec<NodeId>>> {
    if replication_factor > brokers.len() {
        return None;
    }
    let replicas =
        |partition: usize| brokers.iter().cycle().skip(partition % brokers.len()).take(replication_factor);
    Some(
        (first_partition..first_partition + partitions)
            .map(|partition| replicas(partition).copied().collect())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(brokers: i32, first: usize, partitions: usize, factor: usize) -> Option<Vec<Vec<i32>>> {
        let brokers: Vec<_> = (1..=brokers).map(NodeId).collect();
        let placed = place_replicas(&brokers, first, partitions, factor)?;
        Some(placed.into_iter().map(|replicas| replicas.into_iter().map(|id| id.0).collect()).collect())
    }

    #[test]
    fn leaders_take_turns_and_replicas_differ() {
        assert_eq!(place(1, 0, 2, 1), Some(vec![vec![1], vec![1]]));
        assert_eq!(place(3, 0, 4, 2), Some(vec![vec![1, 2], vec![2, 3], vec![3, 1], vec![1, 2]]));
        // Partitions that are added later go on where the others ended.
        assert_eq!(place(3, 2, 1, 3), Some(vec![vec![3, 1, 2]]));
    }

    #[test]
    fn more_replicas_than_brokers_cannot_be_placed() {
        assert_eq!(place(2, 0, 1, 3), None);
        assert_eq!(place(0, 0, 1, 1), None);
    }
}
