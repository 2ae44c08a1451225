//! Long random courses with restarts, and orders of all topics.

use actions::{Queue, Refusal};
use model::Ticks;
use model::machine_action::ActionStatus;
use proptest::prelude::*;
use sensor_proto::{DeviceState, IsolationMode, Order, Outcome, ScanMode};
use uuid::Uuid;

use crate::simulation::{STEPS, Simulation};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_long_course_with_restarts_ends_as_a_short_one(course in proptest::collection::vec(0..STEPS.len(), 0..60)) {
        let mut simulation = Simulation::new();
        for at in &course {
            simulation.restart();
            simulation.step(STEPS[*at]);
        }
        simulation.settle();
        simulation.check(&format!("{:?}", course.iter().map(|at| STEPS[*at]).collect::<Vec<_>>()));
    }

    #[test]
    fn the_number_of_open_orders_is_bounded(sha1s in proptest::collection::vec(0u64..200, 0..150)) {
        let mut queue = Queue::new();
        for (at, sha1) in sha1s.iter().enumerate() {
            let order = Order::StopAndQuarantine { sha1: format!("{sha1:040x}") };
            let _ = queue.request(Uuid::from_u128(at as u128), order, Ticks(1), false);
        }
        prop_assert!(queue.open().len() <= actions::OPEN_MAX);
    }
}

fn orders() -> Vec<Order> {
    vec![
        Order::Isolate { mode: IsolationMode::Selective },
        Order::Restrict,
        Order::Scan { mode: ScanMode::Quick },
        Order::CollectPackage { bytes_max: 1 },
        Order::LiveResponse { commands: Vec::new(), result_bytes_max: 1 },
        Order::StopAndQuarantine { sha1: "a".repeat(40) },
        Order::Investigate,
        Order::Offboard,
    ]
}

#[test]
fn topics_do_not_wait_for_each_other_and_one_topic_does() {
    let mut queue = Queue::new();
    for (at, order) in orders().into_iter().enumerate() {
        let id = Uuid::from_u128(at as u128);
        queue.request(id, order.clone(), Ticks(9), false).unwrap();
        assert_eq!(queue.request(Uuid::nil(), order, Ticks(9), false), Err(Refusal::Active { id }));
    }
    let second = Order::StopAndQuarantine { sha1: "b".repeat(40) };
    queue.request(Uuid::from_u128(99), second, Ticks(9), false).unwrap();
    let (changes, given) = queue.poll(&DeviceState::default(), Ticks(9));
    assert_eq!((changes.len(), given.len()), (8, 8));
    assert!(changes.iter().all(|change| change.status == ActionStatus::InProgress));
    let (changes, again) = queue.poll(&DeviceState::default(), Ticks(9));
    assert_eq!((changes.len(), again), (0, given), "what is not answered is given again");
    queue.receive(Uuid::from_u128(5), &Outcome::succeeded("")).first().unwrap();
    let (changes, _) = queue.poll(&DeviceState::default(), Ticks(9));
    assert_eq!(changes[0].id, Uuid::from_u128(99));
}

#[test]
fn what_cannot_be_taken_back_is_cancelled_only_before_it_is_given() {
    for order in [Order::Offboard, Order::StopAndQuarantine { sha1: "a".repeat(40) }] {
        let mut queue = Queue::new();
        let id = Uuid::from_u128(1);
        queue.request(id, order.clone(), Ticks(9), false).unwrap();
        let mut given = queue.clone();
        given.poll(&DeviceState::default(), Ticks(9));
        assert_eq!(given.cancel(id), Err(Refusal::Given));
        assert_eq!(queue.cancel(id).unwrap()[0].status, ActionStatus::Cancelled);
    }
}

#[test]
fn an_offboarded_device_takes_nothing_any_more() {
    let mut queue = Queue::new();
    let id = Uuid::from_u128(1);
    queue.request(id, Order::Offboard, Ticks(9), false).unwrap();
    queue.poll(&DeviceState::default(), Ticks(9));
    queue.receive(id, &Outcome::succeeded(""));
    for order in orders() {
        assert_eq!(queue.request(Uuid::nil(), order, Ticks(9), false), Err(Refusal::Offboarded));
    }
}

#[test]
fn a_held_order_is_given_after_its_approval_and_in_its_place() {
    let mut queue = Queue::new();
    let (isolate, release) = (Uuid::from_u128(1), Uuid::from_u128(2));
    queue.request(isolate, Order::Isolate { mode: IsolationMode::Full }, Ticks(9), true).unwrap();
    assert!(queue.poll(&DeviceState::default(), Ticks(9)).1.is_empty());
    queue.request(release, Order::Release, Ticks(9), false).unwrap();
    assert_eq!(queue.approve(release), Err(Refusal::NotHeld));
    let superseded = queue.approve(isolate).unwrap();
    assert_eq!((superseded[0].id, superseded[0].status), (release, ActionStatus::Cancelled));
    let (_, given) = queue.poll(&DeviceState::default(), Ticks(9));
    assert_eq!(given.iter().map(|given| (given.id, given.sequence)).collect::<Vec<_>>(), [(isolate, 3)]);
    assert_eq!(queue.approve(isolate), Err(Refusal::NotHeld));
}
