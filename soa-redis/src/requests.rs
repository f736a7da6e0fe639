//! The requests of a service that were taken and not started yet, and how many more are wanted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::Name;
use soa_runtime::internal::Signal;
use soa_runtime::transport::Received;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::backend::{Limit, PushError};
use super::lease::Holder;
use super::master::MasterConnection;
use super::scripts;
use super::settings::{RedisSettings, bounded};
use super::standing::Standing;
use super::turns::{Turn, Turns};

/// The requests of a service: the state that the clones and the tasks share.
pub(super) struct Requests {
    pub(super) service: Name,
    pub(super) key: Arc<str>,
    pub(super) settings: RedisSettings,
    pub(super) state: Mutex<RequestsState>,
    /// Wakes the tasks: the run loop wants more, or the transport is closed.
    pub(super) wanted: Notify,
    /// Wakes the run loop: there are requests, or the tasks have ended.
    pub(super) filled: Notify,
    /// Set when the first pop is sent to a master.
    pub(super) popping: Signal,
    /// Holders at each master, if requests are held.
    pub(super) holders: Mutex<Vec<Arc<Holder>>>,
}

#[derive(Default)]
pub(super) struct RequestsState {
    pub(super) buffer: VecDeque<Received>,
    /// Number of requests that the run loop has room for.
    pub(super) wanted: usize,
    /// Shares of the masters in the room, once they are known.
    pub(super) turns: Option<Turns>,
    /// Time since which the queues at the masters have had requests.
    pub(super) standing: Standing,
    /// Time of a round trip to the master that was popped from last.
    pub(super) round_trip: Duration,
    pub(super) phase: Phase,
    /// Number of tasks that run.
    pub(super) tasks: usize,
    pub(super) is_closed: bool,
    /// True while no requests are to be taken. What pops that wait still bring is taken.
    pub(super) is_paused: bool,
    /// True once the last clone is gone, so that no run loop can take requests.
    pub(super) is_abandoned: bool,
}

/// The phase in the life of the tasks. They end when the transport is closed, or with their runtime.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    NotStarted,
    Running,
    Ended,
}

/// The effect of a pop.
pub(super) struct Added {
    /// True if there are requests for the run loop.
    pub(super) is_filled: bool,
    /// True if the length of the queue has to be asked.
    pub(super) wants_length: bool,
}

impl Requests {
    /// Ends a task. The last one gets the requests that no run loop is left to take, the last one first.
    pub(super) fn end_task(&self) -> Vec<Received> {
        let mut state = self.state();
        state.tasks = state.tasks.saturating_sub(1);
        if state.tasks > 0 {
            return Vec::new();
        }
        state.phase = Phase::Ended;
        match state.is_abandoned {
            true => state.buffer.drain(..).rev().collect(),
            false => Vec::new(),
        }
    }

    /// Records that a master can be reached, or that it cannot.
    pub(super) fn set_up(&self, index: usize, is_up: bool) {
        if let Some(turns) = &mut self.state().turns {
            turns.set_up(index, is_up);
        }
    }

    /// Waits until a master may be popped from; `None` once the transport is closed.
    pub(super) async fn turn(&self, index: usize, most: usize) -> Option<Turn> {
        loop {
            let wanted = self.wanted.notified();
            tokio::pin!(wanted);
            wanted.as_mut().enable();
            {
                let mut state = self.state();
                if state.is_closed {
                    return None;
                }
                let room = match state.is_paused {
                    true => 0,
                    false => state.wanted.saturating_sub(state.buffer.len()),
                };
                let block = self.settings.block_time();
                if let Some(turns) = &mut state.turns
                    && let Some(mut turn) = turns.begin(index, room, block)
                {
                    turn.count = turn.count.min(most);
                    return Some(turn);
                }
            }
            wanted.await;
        }
    }

    /// Keeps the requests of a pop, which might have brought `asked`.
    pub(super) fn add(
        &self,
        index: usize,
        asked: usize,
        taken: Vec<Received>,
        round_trip: Duration,
    ) -> Added {
        let is_filled = !taken.is_empty();
        let mut state = self.state();
        if let Some(turns) = &mut state.turns {
            turns.end(index, taken.len());
        }
        let now = Instant::now();
        let wants_length = state.standing.popped(index, asked, taken.len(), now);
        if is_filled {
            state.wanted = 0;
        }
        state.round_trip = round_trip;
        state.buffer.extend(taken);
        let late = if state.is_closed {
            take_held(&mut state.buffer)
        } else {
            Vec::new()
        };
        drop(state);
        // It is the end: others run them.
        drop(late);
        Added {
            is_filled,
            wants_length,
        }
    }

    /// Takes no more requests, or takes them again.
    pub(super) fn set_paused(&self, is_paused: bool) {
        let was_paused = std::mem::replace(&mut self.state().is_paused, is_paused);
        if was_paused != is_paused {
            let service = &self.service;
            match is_paused {
                true => tracing::warn!(%service, "paused: no more requests are taken"),
                false => tracing::info!(%service, "resumed: requests are taken again"),
            }
            self.wanted.notify_waiters();
        }
    }

    /// Waits after a failure, unless the transport is closed.
    pub(super) async fn rest(&self, master: &MasterConnection) {
        tokio::select! {
            () = master.rest() => {}
            () = self.closed() => {}
        }
    }

    /// Waits until the transport is closed.
    pub(super) async fn closed(&self) {
        loop {
            let wanted = self.wanted.notified();
            tokio::pin!(wanted);
            wanted.as_mut().enable();
            if self.state().is_closed {
                return;
            }
            wanted.await;
        }
    }

    /// Puts requests back that no run loop is left to answer, the last one first: to the first master that can be reached.
    pub(super) async fn give_back(&self, masters: &[Arc<MasterConnection>], frames: Vec<Bytes>) {
        let count = frames.len();
        let service = &self.service;
        let lifetime = bounded(self.settings.message_expiry);
        let lifetime = Bytes::from(lifetime.as_millis().to_string());
        let arguments: Vec<Bytes> = std::iter::once(lifetime).chain(frames).collect();
        let script = scripts::give_back();
        let mut limit = Limit::new();
        // A master that refuses, as the login has lost a right, may take them by other commands the next time.
        for master in masters.iter().chain(masters) {
            let deadline = Instant::now() + bounded(self.settings.command_timeout);
            let Ok(link) = master.ready(deadline, None).await else {
                continue;
            };
            let given = link.run(&mut limit, &script, &self.key, arguments.clone());
            match given.await {
                Ok(_) => return tracing::info!(%service, count, "put requests back"),
                // They may be in the list.
                Err(PushError::Unknown(_)) => break,
                Err(_) => {}
            }
        }
        tracing::error!(%service, count, "lost requests");
    }

    pub(super) fn state(&self) -> MutexGuard<'_, RequestsState> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the requests out that are held.
pub(super) fn take_held(buffer: &mut VecDeque<Received>) -> Vec<Received> {
    let (held, others): (Vec<_>, Vec<_>) = buffer
        .drain(..)
        .partition(|received| received.hold.is_some());
    *buffer = others.into();
    held
}

/// The frames that are not held. All others go back by themselves.
pub(super) fn unheld(received: Vec<Received>) -> Vec<Bytes> {
    let others = received
        .into_iter()
        .filter(|received| received.hold.is_none());
    others.map(|received| received.frame).collect()
}
