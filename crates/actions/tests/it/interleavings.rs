//! Every interleaving of six steps.

use model::machine_action::ActionStatus;
use sensor_proto::Isolation;

use crate::simulation::{STEPS, Simulation, Step};

const LENGTH: usize = 6;

/// Walks all continuations of a course of steps; answers with how many courses of the full length there are.
fn walk(simulation: &Simulation, course: &mut Vec<Step>) -> u64 {
    if course.len() == LENGTH {
        let mut end = simulation.clone();
        end.settle();
        end.check(&format!("{course:?}"));
        check_by_steps(&end, course);
        return 1;
    }
    let mut courses = 0;
    for step in STEPS {
        let mut next = simulation.clone();
        next.step(step);
        course.push(step);
        courses += walk(&next, course);
        course.pop();
    }
    courses
}

/// What follows from the steps alone, whatever the statuses say.
#[track_caller]
fn check_by_steps(end: &Simulation, course: &[Step]) {
    let is_disturbed = course.iter().any(|step| matches!(step, Step::Cancel | Step::Deadline));
    if is_disturbed {
        return;
    }
    // Without cancellation and deadline the device is as the last accepted order says, and nothing but
    // superseded orders was cancelled.
    let last = end.accepted.last().map_or(Isolation::None, |(_, value)| *value);
    assert_eq!(end.journal.state().isolation.value, last, "{course:?}");
    if let Some((id, _)) = end.accepted.last() {
        assert_eq!(end.status[id], ActionStatus::Succeeded, "{course:?}");
    }
}

#[test]
fn any_interleaving_ends_in_the_state_of_the_last_accepted_order() {
    let mut course = Vec::new();
    let courses = walk(&Simulation::new(), &mut course);
    assert_eq!(courses, 10u64.pow(LENGTH as u32));
}

/// The courses in which something could be lost, by name.
#[test]
fn what_was_given_and_then_cancelled_or_late_is_taken_back() {
    use Step::*;
    for (course, expected) in [
        (vec![Isolate, Poll, Work, Cancel], Isolation::None),
        (vec![Isolate, Poll, Cancel, Work, Hear], Isolation::None),
        (vec![Isolate, Poll, Work, Deadline, Hear], Isolation::None),
        (vec![Isolate, Poll, Work, Hear, Release, Poll, Work, Cancel], Isolation::Full),
        (vec![Isolate, Poll, Work, Offline], Isolation::Full),
        (vec![Isolate, Poll, Release, Work, Hear, RepeatCommand, Work], Isolation::None),
        (vec![Isolate, Release, Isolate, Poll, Work, Hear], Isolation::Full),
        (vec![Isolate, Release, Cancel], Isolation::None),
    ] {
        let mut simulation = Simulation::new();
        for step in &course {
            simulation.restart();
            simulation.step(*step);
        }
        simulation.settle();
        simulation.check(&format!("{course:?}"));
        assert_eq!(simulation.journal.state().isolation.value, expected, "{course:?}");
    }
}
