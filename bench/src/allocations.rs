//! `kestrel-allocations`: how many allocations a serializer makes for a record when it knows the schema, as one line of JSON.
//!
//! A program of its own, because counting takes time: whoever measures speed does not have it.

use std::process::ExitCode;

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use clap::{Parser, ValueEnum};
use kestrel_bench::{BoxError, Format, Order, OrderFormat, made_up};
#[cfg(feature = "converter")]
use kestrel_bench::{ConverterReader, ConverterWriter};
use kestrel_client::serde::{Deserializer, SerdeContext, Serializer};
use serde_json::json;

/// Counts the allocations of a serializer, on average over all orders.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Args {
    /// Whether records are written or read.
    #[arg(value_enum)]
    work: Work,
    /// Whose serializer it is.
    #[arg(long, value_enum, default_value_t = Client::Kestrel)]
    client: Client,
    #[arg(long, value_enum, default_value_t = Format::Avro)]
    format: Format,
    /// Address of the schema registry.
    #[arg(long, value_name = "URL")]
    registry: String,
    /// The topic whose subject the schema is registered under.
    #[arg(long, default_value = "bench")]
    topic: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    Write,
    Read,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Client {
    Kestrel,
    #[cfg(feature = "converter")]
    Converter,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match count(&Args::parse()).await {
        Ok(counted) => {
            print_line(&counted);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("kestrel-allocations: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program's result goes to standard output")]
fn print_line(Counted { allocations, bytes }: &Counted) {
    println!("{}", json!({ "allocations": allocations, "allocated_bytes": bytes }));
}

/// Of one record, on average.
struct Counted {
    allocations: f64,
    bytes: f64,
}

async fn count(args: &Args) -> Result<Counted, BoxError> {
    let orders = made_up();
    match args.client {
        Client::Kestrel => kestrel(args, &orders).await,
        #[cfg(feature = "converter")]
        Client::Converter => converter(args, &orders).await,
    }
}

async fn kestrel(args: &Args, orders: &[Order]) -> Result<Counted, BoxError> {
    let format = args.format.kestrel(&args.registry)?;
    let place = SerdeContext::value(&args.topic);
    Serializer::<Order>::ready(&*format, place).await?;
    let mut records = Vec::new();
    for order in orders {
        let mut bytes = BytesMut::new();
        format.serialize(&mut place.writing(), order, &mut bytes)?;
        records.push(bytes.freeze());
    }
    let first = records.first().ok_or("there are no orders")?;
    Deserializer::<Order>::ready(&*format, place.reading(), first).await?;
    Ok(match args.work {
        Work::Write => kestrel_writes(&*format, place, orders),
        Work::Read => kestrel_reads(&*format, place, &records),
    })
}

/// Into a buffer that has room, as the producer's has.
fn kestrel_writes(format: &dyn OrderFormat, place: SerdeContext<'_>, orders: &[Order]) -> Counted {
    let mut out = BytesMut::with_capacity(1 << 16);
    counted(orders, |order| {
        out.clear();
        format.serialize(&mut place.writing(), order, &mut out).expect("it was written before");
    })
}

fn kestrel_reads(format: &dyn OrderFormat, place: SerdeContext<'_>, records: &[Bytes]) -> Counted {
    counted(records, |record| {
        let ready = Deserializer::<Order>::ready(format, place.reading(), record);
        assert!(ready.known().is_some(), "the schema is known");
        let order: Order = format.deserialize(&place.reading(), record).expect("an order");
        drop(order);
    })
}

#[cfg(feature = "converter")]
async fn converter(args: &Args, orders: &[Order]) -> Result<Counted, BoxError> {
    use futures::FutureExt;

    let writer = ConverterWriter::open(args.format, &args.registry, &args.topic).await?;
    let reader = ConverterReader::new(args.format, &args.registry)?;
    let mut records = Vec::new();
    for order in orders {
        let bytes = writer.write(order).await?;
        reader.read(&bytes).await?;
        records.push(bytes);
    }
    Ok(match args.work {
        Work::Write => counted(orders, |order| {
            writer.write(order).now_or_never().expect("the schema is known").expect("it was written before");
        }),
        Work::Read => counted(&records, |record| {
            reader.read(record).now_or_never().expect("the schema is known").expect("an order");
        }),
    })
}

/// What this makes of all of them, on average. Once before, for what is made once.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn counted<T>(all: &[T], mut work: impl FnMut(&T)) -> Counted {
    all.iter().for_each(&mut work);
    let measured = measure(|| all.iter().for_each(&mut work));
    let per_record = |total: u64| (total as f64 / all.len() as f64 * 100.0).round() / 100.0;
    Counted { allocations: per_record(measured.count_total), bytes: per_record(measured.bytes_total) }
}
