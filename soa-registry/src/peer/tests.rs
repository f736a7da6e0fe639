use super::*;
use crate::channel::Channel;
use tokio::time::advance;

/// A channel that no test calls.
struct Silent;

impl Channel for Silent {
    fn name(&self) -> &str {
        "silent"
    }

    fn open(&self, _: &str, _: &str) -> Result<Arc<dyn ClientTransport>, BuildError> {
        Err(BuildError::new("a silent channel has no transport"))
    }
}

fn peer() -> Arc<Peer> {
    let address = Address::new("silent", "http://10.0.0.1:8000").unwrap();
    Arc::new(Peer::new(
        "shop".into(),
        "one".to_owned(),
        address,
        Arc::new(Silent),
    ))
}

fn call(peer: &Arc<Peer>) -> Option<Attempt> {
    peer.enter(Instant::now(), None)
}

fn fail(peer: &Arc<Peer>) {
    let outcome = Outcome::Failed("refused".to_owned());
    call(peer).unwrap().finish(&outcome);
}

fn is_callable(peer: &Peer) -> bool {
    peer.standing(Instant::now()).is_callable()
}

#[tokio::test(start_paused = true)]
async fn a_call_counts_as_outstanding_until_it_ends_or_is_given_up() {
    let peer = peer();
    let (one, other) = (call(&peer).unwrap(), call(&peer).unwrap());
    assert_eq!(peer.outstanding(), 2);
    one.finish(&Outcome::Answered);
    assert_eq!(peer.outstanding(), 1);
    drop(other);
    assert_eq!(peer.outstanding(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_failed_is_left_out_and_then_tried_by_one_call() {
    let peer = peer();
    fail(&peer);
    assert!(!is_callable(&peer) && call(&peer).is_none());
    advance(Duration::from_millis(700)).await;
    assert!(!is_callable(&peer));
    advance(Duration::from_millis(300)).await;
    assert!(is_callable(&peer));
    let trial = call(&peer).unwrap();
    assert!(!is_callable(&peer) && call(&peer).is_none());
    trial.finish(&Outcome::Answered);
    let all: Vec<_> = (0..10).filter_map(|_| call(&peer)).collect();
    assert_eq!(all.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_time_out_doubles_up_to_a_minute_and_begins_anew_after_an_answer() {
    let peer = peer();
    for longest in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        fail(&peer);
        advance(Duration::from_secs(longest) * 3 / 4 - Duration::from_millis(1)).await;
        assert!(!is_callable(&peer), "too early, of {longest} s");
        advance(Duration::from_secs(longest) / 4 + Duration::from_millis(1)).await;
        assert!(is_callable(&peer), "too late, of {longest} s");
    }
    call(&peer).unwrap().finish(&Outcome::Answered);
    fail(&peer);
    advance(Duration::from_secs(1)).await;
    assert!(is_callable(&peer));
}

#[tokio::test(start_paused = true)]
async fn many_calls_that_fail_at_once_are_one_failure() {
    let peer = peer();
    let all: Vec<_> = (0..64).filter_map(|_| call(&peer)).collect();
    for attempt in all {
        attempt.finish(&Outcome::Failed("broken".to_owned()));
    }
    advance(Duration::from_secs(1)).await;
    assert!(is_callable(&peer));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_call_from_before_the_failure_does_not_bring_an_address_back() {
    let peer = peer();
    let early = call(&peer).unwrap();
    fail(&peer);
    early.finish(&Outcome::Answered);
    assert!(!is_callable(&peer));
    // A call that was made for want of another address does.
    peer.enter_anyway(None).finish(&Outcome::Answered);
    assert!(is_callable(&peer));
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_in_vain_are_a_failure_after_five_in_a_row() {
    let peer = peer();
    let wait_in_vain = async |count: u32| {
        for _ in 0..count {
            let deadline = Instant::now() + Duration::from_millis(20);
            let attempt = peer.enter(Instant::now(), Some(deadline)).unwrap();
            advance(Duration::from_millis(20)).await;
            drop(attempt);
        }
    };
    wait_in_vain(4).await;
    call(&peer).unwrap().finish(&Outcome::Answered);
    wait_in_vain(4).await;
    assert!(is_callable(&peer));
    wait_in_vain(1).await;
    assert!(!is_callable(&peer));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_early_says_nothing_and_lets_another_one_try() {
    let peer = peer();
    for _ in 0..20 {
        let deadline = Instant::now() + Duration::from_secs(1);
        drop(peer.enter(Instant::now(), Some(deadline)));
    }
    assert!(is_callable(&peer));
    fail(&peer);
    advance(Duration::from_secs(1)).await;
    drop(call(&peer).unwrap());
    assert!(is_callable(&peer));
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_waits_in_vain_leaves_the_address_out_for_longer() {
    let peer = peer();
    fail(&peer);
    advance(Duration::from_secs(1)).await;
    let deadline = Instant::now() + Duration::from_secs(1);
    let trial = peer.enter(Instant::now(), Some(deadline)).unwrap();
    advance(Duration::from_secs(1)).await;
    drop(trial);
    advance(Duration::from_secs(1)).await;
    assert!(!is_callable(&peer));
    advance(Duration::from_secs(1)).await;
    assert!(is_callable(&peer));
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_address_rests_and_is_then_called_by_all() {
    let peer = peer();
    let asks = Outcome::Overloaded(Some(Duration::from_secs(3600)));
    call(&peer).unwrap().finish(&asks);
    assert!(!is_callable(&peer));
    advance(Duration::from_secs(1)).await;
    let all: Vec<_> = (0..10).filter_map(|_| call(&peer)).collect();
    assert_eq!(all.len(), 10);
}
