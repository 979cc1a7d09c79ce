//! What machines ask of others: not before it is stored, heard by the machine that asked, asked again by the next one.

use tokio::sync::{mpsc, oneshot};

use super::super::partitioner::partition_for;
use super::tally::{GATE, RETRY, SLOW};
use super::*;

/// A customer of a shop that the test keeps.
type Customer = (ByteString, oneshot::Sender<Sale>);

/// The way to a shop that the test keeps.
struct ToShop(mpsc::Sender<Customer>);

impl Envoy<Tally> for ToShop {
    async fn carry(&self, name: ByteString) -> Sale {
        let (sender, sale) = oneshot::channel();
        self.0.send((name.clone(), sender)).await.unwrap();
        sale.await.unwrap_or(Sale { name, sold: None })
    }
}

async fn open() -> (World, Arc<Coordinator<Tally>>, CancellationToken, mpsc::Receiver<Customer>) {
    let (sender, customers) = mpsc::channel(8);
    let world = World::new(Durability::Os).await;
    let (coordinator, stop) = world.serve(ToShop(sender)).await;
    (world, coordinator, stop, customers)
}

fn sell((name, customer): Customer, sold: i64) {
    customer.send(Sale { name, sold: Some(sold) }).unwrap();
}

#[tokio::test]
async fn an_answer_comes_back_as_an_event() {
    let (_world, coordinator, _stop, mut shop) = open().await;
    let (tea, milk) = (buy(&coordinator, "tea"), buy(&coordinator, "milk"));
    let first = shop.recv().await.unwrap();
    let second = shop.recv().await.unwrap();
    // In any order, both are under way; requests are served meanwhile.
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Ok(1));
    sell(second, 4);
    sell(first, 4);
    assert_eq!(
        (milk.outcome().await.as_deref(), tea.outcome().await.as_deref()),
        (Ok("4 milk"), Ok("5 tea"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_machine_asks_again_when_its_time_has_come() {
    let (_world, coordinator, _stop, mut shop) = open().await;
    let tea = buy(&coordinator, "tea");
    let asked_at = Clock::System.now();
    drop(shop.recv().await.unwrap());
    let again = shop.recv().await.unwrap();
    assert!(Clock::System.now() - asked_at >= RETRY);
    sell(again, 2);
    assert_eq!(tea.outcome().await.as_deref(), Ok("2 tea"));
}

#[tokio::test]
async fn nobody_is_asked_before_it_is_stored() {
    let (sender, mut shop) = mpsc::channel(8);
    let world = World::new(Durability::Group).await;
    let (coordinator, _) = world.serve(ToShop(sender)).await;
    let (gate, closed) = std::sync::mpsc::channel::<()>();
    world.recorder.during_sync(Some(Box::new(move || _ = closed.recv())));
    let tea = buy(&coordinator, "tea");
    for _ in 0..10 {
        tokio::task::yield_now().await;
        assert!(shop.try_recv().is_err());
    }
    drop(gate);
    sell(shop.recv().await.unwrap(), 2);
    assert_eq!(tea.outcome().await.as_deref(), Ok("2 tea"));
}

#[tokio::test]
async fn the_next_machine_asks_again_and_does_not_hear_the_answer_to_the_one_before() {
    let (_world, coordinator, _stop, mut shop) = open().await;
    let tea = buy(&coordinator, "tea");
    let stale = shop.recv().await.unwrap();
    // What cannot be appended drops the machine.
    let long = "x".repeat(2 << 20);
    let refused = coordinator.handle("tea", |tally, _| tally.add(&long.into(), 1));
    assert_eq!(refused.outcome().await, Err(ErrorCode::MessageTooLarge));
    assert_eq!(tea.outcome().await, Err(ErrorCode::NotCoordinator));
    let again = shop.recv().await.unwrap();
    sell(stale, 100);
    // Carried after the stale one: answers to asks of one machine come in the order in which they are there.
    sell(again, 2);
    let wanted = || coordinator.read("tea", |tally| tally.book.wanted.len());
    while loaded(wanted).await != Ok(0) {
        tokio::task::yield_now().await;
    }
    assert_eq!(count(&coordinator, "tea").outcome().await, Ok(2));
}

#[tokio::test]
async fn a_coordinator_that_starts_asks_what_is_still_wanted() {
    let (world, coordinator, stop, mut shop) = open().await;
    let tea = buy(&coordinator, "tea");
    shop.recv().await.unwrap();
    stop.cancel();
    drop((coordinator, tea));
    let (sender, mut shop) = mpsc::channel(8);
    let (next, _) = world.serve(ToShop(sender)).await;
    sell(shop.recv().await.unwrap(), 3);
    let arrived = wait_for(&next, "tea", 3);
    drop(add(&next, "tea", 0));
    assert_eq!(arrived.outcome().await, Ok(3));
}

#[tokio::test]
async fn what_is_loaded_is_served_while_another_log_is_read() {
    let (world, coordinator, stop, _shop) = open().await;
    let of = |prefix: &str, partition| {
        let mut names = (0..).map(|number| format!("{prefix}{number}"));
        names.find(|name| partition_for(name, 2) == partition).unwrap()
    };
    // In the order in which they are loaded.
    let (tea, slow) = (of("tea", 0), of(SLOW, 1));
    for name in [&tea, &slow] {
        add(&coordinator, name, 1).outcome().await.unwrap();
    }
    stop.cancel();
    let (gate, opened) = std::sync::mpsc::channel();
    *GATE.lock() = Some(opened);
    let (sender, mut shop) = mpsc::channel(8);
    let (next, _stop) = world.serve(ToShop(sender)).await;
    loaded(|| count(&next, &tea)).await.unwrap();
    let bought = buy(&next, &tea);
    sell(shop.recv().await.unwrap(), 4);
    assert_eq!(bought.outcome().await, Ok(format!("5 {tea}")));
    assert_eq!(count(&next, &slow).outcome().await, Err(ErrorCode::CoordinatorLoadInProgress));
    drop(gate);
    assert_eq!(loaded(|| count(&next, &slow)).await, Ok(1));
}
