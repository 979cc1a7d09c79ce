//! The power goes at any moment: what was reported stored is there, the rest is whole or gone (invariants 1, 2, 3, 6, 8, 13, 15).
//!
//! A script works on a data folder; from the journal of its changes, disks are made as a power cut may leave them; each is
//! opened, checked, worked on, and cut off again, also in the middle of its recovery. `KESTREL_POWER_LOSS_SEEDS` says how many
//! scripts are run, `KESTREL_POWER_LOSS_FIRST_SEED` which is the first.

mod image;
mod model;
mod random;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use image::{write_all, write_image};
pub(crate) use random::Random;

use model::Model;
use world::World;

/// How many scripts there are when nobody says.
const SEEDS: u64 = 25;
/// How many disks are made of each.
const CUTS: usize = 6;

fn number(key: &str, otherwise: u64) -> u64 {
    std::env::var(key).ok().map_or(otherwise, |value| value.parse().expect("a number"))
}

#[test]
fn what_was_reported_stored_survives_power_loss() {
    let first = number("KESTREL_POWER_LOSS_FIRST_SEED", 0);
    let seeds = first..first + number("KESTREL_POWER_LOSS_SEEDS", SEEDS);
    let failing: Vec<u64> =
        seeds.filter(|&seed| catch_unwind(AssertUnwindSafe(|| run(seed))).is_err()).collect();
    assert!(
        failing.is_empty(),
        "run alone with KESTREL_POWER_LOSS_SEEDS=1 KESTREL_POWER_LOSS_FIRST_SEED=: {failing:?}"
    );
}

fn run(seed: u64) {
    let mut random = Random::new(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), Vec::new(), Random::new(random.next()));
    for _ in 0..20 + random.below(100) {
        world.step();
    }
    for _ in 0..CUTS {
        let disk = tempfile::tempdir().unwrap();
        let models = world.cut(disk.path(), 0);
        go_on(disk, models, &mut random);
    }
}

/// Opens what a cut left, works on it, cuts it again, and so on; ends in order at last.
fn go_on(mut disk: tempfile::TempDir, mut models: Vec<Model>, random: &mut Random) {
    for _ in 0..random.below(3) {
        let mut world = World::open(disk.path(), models, Random::new(random.next()));
        for _ in 0..random.below(20) {
            world.step();
        }
        let next = tempfile::tempdir().unwrap();
        models = world.cut(next.path(), 0);
        drop(world);
        disk = next;
    }
    let mut world = World::open(disk.path(), models, Random::new(random.next()));
    for _ in 0..random.below(10) {
        world.step();
    }
    let models = world.close();
    World::open(disk.path(), models, Random::new(random.next()));
}
