//! Power loss at random moments, from a seed: every acknowledged row is there once.

use proptest::prelude::*;

use crate::harness::{World, numbers, rows, tenant};

#[derive(Clone, Debug)]
enum Step {
    Append {
        count: i64,
    },
    Flush,
    /// Files are merged and replaced ones deleted.
    Upkeep,
    /// The power goes; `keep` bytes of what was not synced survive.
    PowerLoss {
        keep: usize,
    },
    /// An append that is retried as a client does that never saw the answer.
    Retry,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1i64..40).prop_map(|count| Step::Append { count }),
        2 => Just(Step::Flush),
        2 => Just(Step::Upkeep),
        2 => (0usize..5000).prop_map(|keep| Step::PowerLoss { keep }),
        2 => Just(Step::Retry),
    ]
}

async fn play(steps: Vec<Step>) {
    let mut world = World::new();
    let mut lake = world.open().await.unwrap();
    let mut next = 0;
    let mut sequence = 0;
    let mut last: Vec<i64> = Vec::new();
    for step in steps {
        match step {
            Step::Append { count } => {
                last = (next..next + count).collect();
                next += count;
                sequence += 1;
                let batch = rows(last.iter().copied());
                lake.tenant(tenant(1)).append(batch, Some(("p".to_owned(), sequence))).await.unwrap();
            }
            Step::Flush => {
                lake.flush().await.unwrap();
            }
            Step::Upkeep => {
                // What is settled is merged however little it is, and what is merged is deleted the round after.
                world.clock.advance(7 * 3600);
                lake.upkeep().await.unwrap();
            }
            Step::PowerLoss { keep } => {
                drop(lake);
                world.disk = world.disk.after_power_loss(|_| keep);
                lake = world.open().await.unwrap();
            }
            Step::Retry if sequence > 0 => {
                let batch = rows(last.iter().copied());
                let appended =
                    lake.tenant(tenant(1)).append(batch, Some(("p".to_owned(), sequence))).await.unwrap();
                assert!(appended.duplicate);
            }
            Step::Retry => {}
        }
        assert_eq!(numbers(&lake, tenant(1)).await, (0..next).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_acknowledged_row_is_there_once(steps in proptest::collection::vec(step(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(steps));
    }
}
