//! The service on a broker of its own: every order is counted once, whatever happens to the members.

use kestrel_client::AutoOffsetReset;

use super::*;

/// Reads what is in the dead-letter topic.
async fn dead_letters(client: &Client) -> Result<Vec<kestrel_client::ConsumerRecord>> {
    let consumer = client.assigned_consumer().assign_topics([model::DEAD_LETTERS]);
    let mut consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest).build().await?;
    let ends = consumer.end_offsets(consumer.assignment()).await?;
    let mut letters = Vec::new();
    while let Some(letter) = consumer.next_until(&ends).await {
        letters.push(letter?);
    }
    Ok(letters)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_counted_once_though_members_vanish_and_the_service_starts_again() -> Result {
    let broker = Broker::test().await?;
    let client = Client::builder(broker.bootstrap_servers()).connect().await?;
    create_topics(&client).await?;
    let taken = shop::take_orders(&client, 1_000).await?;

    // A member works for a while, and vanishes in the middle of it.
    let mut member = JoinSet::new();
    member.spawn(billing::member(client.clone(), 0, CancellationToken::new()));
    timeout(PATIENCE, async {
        while Board::read(&client).await?.0.len() < 3 {
            assert!(member.try_join_next().is_none(), "the member ended by itself");
        }
        Result::Ok(())
    })
    .await??;
    member.shutdown().await;

    // The service starts, counts what is left, and stops by itself.
    let board = serve(&client, 0, &CancellationToken::new()).await?;
    let counted: Vec<_> = board.0.iter().map(|(customer, total)| (customer.as_str(), total.cents)).collect();
    let expected: Vec<_> = taken
        .customers
        .iter()
        .map(|(customer, &cents)| (customer.as_str(), i64::try_from(cents).unwrap()))
        .collect();
    assert_eq!(counted, expected);

    let letters = dead_letters(&client).await?;
    assert!(letters.len() as u64 >= taken.poison, "{} dead letters", letters.len());
    for letter in letters {
        assert_eq!(letter.value.as_deref(), Some(&b"<order>as XML</order>"[..]));
        assert!(letter.headers.iter().any(|(name, _)| name == "__connect.errors.offset"));
    }
    Ok(())
}

#[tokio::test]
async fn stopping_leaves_the_rest_for_the_next_start() -> Result {
    let broker = Broker::test().await?;
    let client = Client::builder(broker.bootstrap_servers()).connect().await?;
    let stop = CancellationToken::new();
    stop.cancel();
    serve(&client, 300, &stop).await?;
    let board = serve(&client, 0, &CancellationToken::new()).await?;
    assert_eq!(board.0.values().map(|total| total.orders).sum::<i64>(), 300);
    Ok(())
}
