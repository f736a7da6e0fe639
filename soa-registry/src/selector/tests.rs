use super::*;
use crate::peer::{Attempt, Outcome};
use crate::peers::Peers;
use crate::peers::tests::weighted;
use proptest::prelude::*;

fn selectors() -> [Box<dyn Selector>; 3] {
    [
        Box::new(First),
        Box::new(RoundRobin::new()),
        Box::new(LeastOutstanding),
    ]
}

fn fail(peers: &Peers, place: usize) {
    let [group, _] = peers.groups();
    let attempt = group.get(place).unwrap().peer.enter_anyway(None);
    attempt.finish(&Outcome::Failed("refused".to_owned()));
}

/// Makes calls, one after the other, and counts them by their places.
fn counts(peers: &Peers, selector: &dyn Selector, calls: usize) -> Vec<usize> {
    let [group, _] = peers.groups();
    let mut counts = vec![0; group.len()];
    for _ in 0..calls {
        let choice = Choice::new(group, &[], Instant::now());
        counts[selector.select(&choice).unwrap()] += 1;
    }
    counts
}

#[test]
fn the_first_one_is_called_until_it_fails() {
    let peers = weighted(&[1, 1, 1]);
    assert_eq!(counts(&peers, &First, 10), [10, 0, 0]);
    fail(&peers, 0);
    assert_eq!(counts(&peers, &First, 10), [0, 10, 0]);
}

#[test]
fn turns_go_round_by_weight() {
    assert_eq!(
        counts(&weighted(&[1, 1, 1]), &RoundRobin::new(), 300),
        [100, 100, 100]
    );
    assert_eq!(
        counts(&weighted(&[3, 1, 2]), &RoundRobin::new(), 600),
        [300, 100, 200]
    );
}

#[test]
fn the_turns_of_one_that_is_left_out_are_spread_over_the_others() {
    let peers = weighted(&[1, 1, 1, 1]);
    fail(&peers, 1);
    let counts = counts(&peers, &RoundRobin::new(), 3000);
    assert_eq!(counts[1], 0);
    assert!(
        counts
            .iter()
            .all(|count| *count == 0 || (800..1600).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn an_address_with_many_calls_under_way_gets_fewer() {
    let peers = weighted(&[1, 1]);
    let [group, _] = peers.groups();
    let busy = &group.get(0).unwrap().peer;
    let _calls: Vec<Attempt> = (0..5).map(|_| busy.enter_anyway(None)).collect();
    assert_eq!(counts(&peers, &LeastOutstanding, 100), [0, 100]);
}

#[test]
fn calls_under_way_are_weighed_by_weight() {
    let peers = weighted(&[9, 1]);
    let [group, _] = peers.groups();
    let strong = &group.get(0).unwrap().peer;
    let weak = &group.get(1).unwrap().peer;
    let _calls: Vec<Attempt> = (0..8).map(|_| strong.enter_anyway(None)).collect();
    let _call = weak.enter_anyway(None);
    // Eight of nine is less than one of one.
    let counts = counts(&peers, &LeastOutstanding, 100);
    assert!(counts[0] > 95, "{counts:?}");
}

#[test]
fn calls_that_last_are_spread_by_weight() {
    let peers = weighted(&[1, 2, 5]);
    let [group, _] = peers.groups();
    let mut calls = Vec::new();
    for _ in 0..800 {
        let choice = Choice::new(group, &[], Instant::now());
        let place = LeastOutstanding.select(&choice).unwrap();
        calls.push(
            group
                .get(place)
                .unwrap()
                .peer
                .enter(Instant::now(), None)
                .unwrap(),
        );
    }
    let spread: Vec<usize> = (0..3)
        .map(|place| group.get(place).unwrap().peer.outstanding())
        .collect();
    for (count, expected) in spread.iter().zip([100, 200, 500]) {
        assert!(count.abs_diff(expected) < expected / 5, "{spread:?}");
    }
}

proptest! {
    #[test]
    fn a_selector_names_an_open_address_if_there_is_one(
        weights in prop::collection::vec(1_u32..=20, 1..40),
        closed in prop::collection::vec(any::<bool>(), 40),
        tried in prop::collection::vec(any::<bool>(), 40),
    ) {
        let peers = weighted(&weights);
        let [group, _] = peers.groups();
        for (place, _) in weights.iter().enumerate().filter(|(place, _)| closed[*place]) {
            fail(&peers, place);
        }
        let places = 0..weights.len();
        let tried: Vec<Arc<Peer>> = places
            .clone()
            .filter(|place| tried[*place])
            .map(|place| Arc::clone(&group.get(place).unwrap().peer))
            .collect();
        let choice = Choice::new(group, &tried, Instant::now());
        let is_any_open = places.clone().any(|place| choice.is_open(place));
        for selector in selectors() {
            for _ in 0..20 {
                let place = selector.select(&choice);
                prop_assert_eq!(place.is_some(), is_any_open, "{:?}", &selector);
                prop_assert!(place.is_none_or(|place| choice.is_open(place)), "{:?}", &selector);
            }
        }
    }
}
