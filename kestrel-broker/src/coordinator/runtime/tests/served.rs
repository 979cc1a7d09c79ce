//! Requests and their answers: in order, typed, and not before their records are stored.

use futures::FutureExt;

use super::*;

#[tokio::test]
async fn requests_have_their_effect_while_they_are_made() {
    let world = World::new(Durability::Os).await;
    let (coordinator, _) = world.serve(Closed).await;
    let (first, second) = (add(&coordinator, "tea", 2), add(&coordinator, "tea", 3));
    let both = count(&coordinator, "tea");
    assert_eq!((second.outcome().await, first.outcome().await, both.outcome().await), (Ok(5), Ok(2), Ok(5)));
    drop(add(&coordinator, "tea", 4));
    assert_eq!(count(&coordinator, "tea").outcome().await, Ok(9));
    assert_eq!(add(&coordinator, "milk", 1).outcome().await, Ok(1));
    let mut all = coordinator.read_all(|tally| tally.book.counts.len()).await.unwrap();
    all.sort_unstable();
    assert_eq!(all.iter().sum::<usize>(), 2);
}

#[tokio::test]
async fn a_request_that_waits_is_answered_by_a_later_event() {
    let world = World::new(Durability::Os).await;
    let (coordinator, _) = world.serve(Closed).await;
    let (near, far) = (wait_for(&coordinator, "tea", 2), wait_for(&coordinator, "tea", 5));
    let mut far = std::pin::pin!(far.outcome());
    assert_eq!(far.as_mut().now_or_never(), None);
    add(&coordinator, "tea", 3).outcome().await.unwrap();
    assert_eq!((near.outcome().await, far.as_mut().now_or_never()), (Ok(3), None));
    drop(add(&coordinator, "tea", 3));
    assert_eq!(far.await, Ok(6));
}

#[tokio::test]
async fn no_answer_leaves_before_its_records_are_stored() {
    let world = World::new(Durability::Group).await;
    let (coordinator, _) = world.serve(Closed).await;
    add(&coordinator, "tea", 1).outcome().await.unwrap();
    // From here on a flush takes until the gate is opened.
    let (gate, closed) = std::sync::mpsc::channel::<()>();
    world.recorder.during_sync(Some(Box::new(move || _ = closed.recv())));
    let waiting = wait_for(&coordinator, "tea", 3);
    let added = add(&coordinator, "tea", 2);
    let seen = count(&coordinator, "tea");
    let mut waiting = std::pin::pin!(waiting.outcome());
    let mut answers = std::pin::pin!(futures::future::join(added.outcome(), seen.outcome()));
    for _ in 0..10 {
        tokio::task::yield_now().await;
        assert_eq!((answers.as_mut().now_or_never(), waiting.as_mut().now_or_never()), (None, None));
    }
    drop(gate);
    assert_eq!((answers.await, waiting.await), ((Ok(3), Ok(3)), Ok(3)));
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_does_not_answer_is_not_waited_for_without_end() {
    let world = World::new(Durability::Group).await;
    let (coordinator, _) = world.serve(Closed).await;
    let (gate, closed) = std::sync::mpsc::channel::<()>();
    world.recorder.during_sync(Some(Box::new(move || _ = closed.recv())));
    let added = add(&coordinator, "tea", 1).outcome().await;
    assert_eq!(added, Err(ErrorCode::CoordinatorNotAvailable));
    drop(gate);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_named() {
    let world = World::new(Durability::Os).await;
    let (coordinator, _) = world.serve(Closed).await;
    let waiting = wait_for(&coordinator, "tea", 1);
    add(&coordinator, "milk", 1).outcome().await.unwrap();
    let long = "x".repeat(2 << 20);
    let pending = coordinator.handle("tea", |tally, _| tally.add(&long.clone().into(), 1));
    assert_eq!(pending.outcome().await, Err(ErrorCode::MessageTooLarge));
    // The machine had gone ahead of its log: it is loaded anew, and those who waited are sent away.
    assert_eq!(waiting.outcome().await, Err(ErrorCode::NotCoordinator));
    assert_eq!(loaded(|| count(&coordinator, &long)).await, Ok(0));
    assert_eq!(loaded(|| add(&coordinator, "tea", 1)).await, Ok(1));
}

#[tokio::test]
async fn finding_a_slot_creates_none() {
    let world = World::new(Durability::Os).await;
    let coordinator = world.coordinator();
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Err(ErrorCode::NotCoordinator));
    world.create_topic(World::topic()).await;
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Err(ErrorCode::NotCoordinator));
    assert!(coordinator.slots_in_service().is_empty());
    coordinator.refresh();
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Ok(1));
    let slots = coordinator.slots_in_service();
    coordinator.refresh();
    assert!(slots.iter().zip(coordinator.slots_in_service()).all(|(before, now)| Arc::ptr_eq(before, &now)));
}
