use super::*;
use crate::channel::Channel;
use crate::instance::Instance;
use proptest::prelude::*;
use soa_runtime::BuildError;
use soa_runtime::transport::ClientTransport;
use tokio::time::Instant;

/// A channel that no test calls.
struct Silent(&'static str);

impl Channel for Silent {
    fn name(&self) -> &str {
        self.0
    }

    fn open(&self, _: &str, _: &str) -> Result<Arc<dyn ClientTransport>, BuildError> {
        Err(BuildError::new("a silent channel has no transport"))
    }
}

pub(crate) fn instance(id: &str, weight: u32, addresses: &str) -> Instance {
    Instance {
        id: id.to_owned(),
        addresses: Address::parse_list(addresses),
        weight,
    }
}

pub(crate) fn peers(
    instances: Vec<Instance>,
    preferred: Option<&str>,
    before: Option<&Peers>,
) -> Peers {
    let channels = Channels::new().with(Silent("rest")).with(Silent("json"));
    let listing = Arc::new(Listing {
        instances,
        ..Listing::default()
    });
    Peers::new(&"shop".into(), listing, &channels, preferred, before)
}

pub(crate) fn weighted(weights: &[u32]) -> Peers {
    let instances = weights.iter().enumerate();
    let instances = instances.map(|(n, weight)| {
        instance(
            &n.to_string(),
            *weight,
            &format!("json(http://10.0.0.1:{n})"),
        )
    });
    peers(instances.collect(), None, None)
}

fn urls(peers: &Peers) -> Vec<String> {
    peers
        .members()
        .map(|member| member.peer.address().to_string())
        .collect()
}

#[test]
fn an_instance_is_called_by_the_first_channel_of_its_order_that_is_known_here() {
    let instances = vec![
        instance(
            "a",
            1,
            "fancy(http://a:1),json(http://a:2),rest(http://a:3)",
        ),
        instance("b", 1, "rest(http://b:3),json(http://b:2)"),
        instance("c", 1, "fancy(http://c:1)"),
    ];
    assert_eq!(
        urls(&peers(instances.clone(), None, None)),
        ["json(http://a:2)", "rest(http://b:3)"]
    );
    let preferred = peers(instances, Some("json"), None);
    assert_eq!(urls(&preferred), ["json(http://a:2)", "json(http://b:2)"]);
    assert_eq!(preferred.offered(), ["fancy", "json", "rest"]);
}

#[test]
fn what_is_known_of_an_address_survives_a_refresh_and_goes_with_the_address() {
    let one = instance("a", 1, "json(http://a:1)");
    let before = peers(
        vec![one.clone(), instance("b", 1, "json(http://b:1)")],
        None,
        None,
    );
    let known = |peers: &Peers, url: &str| {
        let mut members = peers.members();
        let found = members.find(|member| member.peer.address().url() == url);
        Arc::clone(&found.unwrap().peer)
    };
    let of_a = known(&before, "http://a:1");
    let weak = Arc::downgrade(&known(&before, "http://b:1"));
    // The weight changes, and the other instance comes back at another port.
    let changed = instance("a", 5, "json(http://a:1)");
    let after = peers(
        vec![changed, instance("b", 1, "json(http://b:2)")],
        None,
        Some(&before),
    );
    assert!(Arc::ptr_eq(&of_a, &known(&after, "http://a:1")));
    assert_eq!(known(&after, "http://b:2").outstanding(), 0);
    drop(before);
    assert!(weak.upgrade().is_none());
    // Another instance at the same address is another one.
    let replaced = peers(
        vec![instance("z", 1, "json(http://a:1)")],
        None,
        Some(&after),
    );
    assert!(!Arc::ptr_eq(&of_a, &known(&replaced, "http://a:1")));
    assert_eq!(of_a.standing(Instant::now()), crate::peer::Standing::Open);
}

#[test]
fn an_instance_of_the_weight_0_is_a_spare_one() {
    let peers = weighted(&[3, 0, 1]);
    let [usual, spare] = peers.groups();
    assert_eq!((usual.len(), spare.len(), peers.len()), (2, 1, 3));
}

proptest! {
    #[test]
    fn draws_are_as_frequent_as_weights_say(weights in prop::collection::vec(1_u32..=50, 1..12)) {
        let peers = weighted(&weights);
        let [group, _] = peers.groups();
        let sum: u32 = weights.iter().sum();
        let mut counts = vec![0_u32; weights.len()];
        for _ in 0..20_000 {
            counts[group.draw()] += 1;
        }
        for (count, weight) in counts.iter().zip(&weights) {
            let expected = 20_000.0 * f64::from(*weight) / f64::from(sum);
            let allowed = 6.0 * expected.sqrt() + 5.0;
            prop_assert!((f64::from(*count) - expected).abs() < allowed, "{counts:?} for {weights:?}");
        }
    }

    #[test]
    fn a_round_of_turns_has_each_address_as_often_as_its_weight(weights in prop::collection::vec(1_u32..=100, 1..12)) {
        let peers = weighted(&weights);
        let [group, _] = peers.groups();
        let round: u32 = weights.iter().sum();
        let mut counts = vec![0_u32; weights.len()];
        for turn in 0..round {
            counts[group.turn(turn as usize)] += 1;
        }
        let is_even = weights.iter().all(|weight| *weight == weights[0]);
        prop_assert!(is_even || counts == weights, "{counts:?} for {weights:?}");
        prop_assert!(counts.iter().all(|count| *count > 0));
    }

    #[test]
    fn weights_of_any_size_give_places_that_exist(weights in prop::collection::vec(any::<u32>(), 0..30), turn in any::<usize>()) {
        let peers = weighted(&weights);
        for group in peers.groups() {
            let is_place = |place: usize| place < group.len() || group.len() == 0 && place == 0;
            prop_assert!(is_place(group.draw()) && is_place(group.turn(turn)));
        }
    }
}
