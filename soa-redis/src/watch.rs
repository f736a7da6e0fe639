//! A task that learns of masters that have moved.
//!
//! A master that hangs tells nobody, and whoever waits for it would learn of its successor alone, each at the end of its own
//! time limit. So one connection listens to what a sentinel announces. And while a command waits longer than it should, the
//! sentinels are asked: the announcement may be missed, the sentinel that is listened to may hang as well, or the login may
//! have no right to listen. In the last case the pulse of the masters is felt, since a pop that waits tells nothing.

use std::sync::Arc;
use std::time::Duration;

use super::backend::{Access, Announcements, NoAnnouncements};
use super::directory::Directory;

/// Shortest pause between two answers to doubts, and between two looks at the pulse.
const ASK_INTERVAL: Duration = Duration::from_millis(500);

/// Shortest and longest pause between two attempts to listen, after all sentinels were tried.
const LISTEN_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Pause after a sentinel has refused: rights change rarely.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// Follows the masters that sentinels watch, for ever.
pub(super) async fn follow(directory: Arc<Directory>, redis: Access) {
    let doubts = async {
        let mut doubts = directory.doubts().subscribe();
        // The directory is here, so its doubts do not end.
        while doubts.changed().await.is_ok() {
            directory.answer_doubts(&redis).await;
            tokio::time::sleep(ASK_INTERVAL).await;
        }
    };
    futures_util::future::join(doubts, listen(&directory, &redis)).await;
}

/// Listens to one sentinel at a time.
async fn listen(directory: &Arc<Directory>, redis: &Access) {
    let (mut pause, longest) = LISTEN_PAUSE;
    let mut has_told = false;
    loop {
        let mut is_refused = false;
        for (index, sentinel) in directory.hosts().iter().enumerate() {
            match Announcements::of(directory.access(), sentinel).await {
                Ok(mut announcements) => {
                    pause = LISTEN_PAUSE.0;
                    while let Some(moved) = announcements.next().await {
                        directory.moved(&moved, index, redis).await;
                    }
                }
                Err(NoAnnouncements::Refused(error)) => {
                    is_refused = true;
                    if !std::mem::replace(&mut has_told, true) {
                        tracing::info!(
                            %sentinel,
                            error,
                            "the login at the sentinels may not subscribe to `+switch-master`; they are asked instead"
                        );
                    }
                }
                Err(NoAnnouncements::Unreachable) => {}
            }
        }
        if is_refused {
            // The time is over, or it never is: either is fine.
            let _ = tokio::time::timeout(REFUSED_PAUSE, feel_pulses(directory)).await;
            continue;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// Looks at the pulse of the masters, again and again.
async fn feel_pulses(directory: &Directory) {
    loop {
        directory.feel_pulses().await;
        tokio::time::sleep(ASK_INTERVAL).await;
    }
}
