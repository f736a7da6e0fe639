//! Answering requests that their transport holds: the end of a hold in the middle of a job.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;

use super::answer::Terms;
use super::handle::Server;
use crate::lifetime::{Origin, Signal};
use crate::transport::{Hold, Reply, ServerTransport};

impl Server {
    /// Answers a request that its transport holds. `None` if there is nothing to send: then the hold has ended.
    pub(super) async fn answer_held<T: ServerTransport>(
        &self,
        frame: Bytes,
        mut hold: Hold,
        terms: Terms,
        transport: &T,
        stopping: Option<Arc<Signal>>,
    ) -> Option<Reply> {
        let gone = Arc::<Signal>::default();
        hold.begin(&frame, &gone);
        let lost = hold.lost();
        let origin = Origin {
            frame: Some(frame.clone()),
            attempt: hold.redelivery().map_or(1, |known| known.attempt),
            lost: Some(Arc::clone(&lost)),
            gone: Some(gone),
        };
        let terms = terms.of_held(origin, hold.redelivery().is_some_and(|known| known.is_late));
        let answering = self.answer_within(frame.clone(), terms, Some(transport), stopping.clone());
        let mut answering = pin!(answering);
        let stopped = async {
            match &stopping {
                Some(stopping) => stopping.wait().await,
                None => std::future::pending().await,
            }
        };
        let (mut stopped, mut is_stopped) = (pin!(stopped), false);
        let (mut taken_over, mut is_taken_over) = (pin!(lost.wait()), false);
        let reply = loop {
            tokio::select! {
                biased;
                // Before the job itself hears it, and is given up for good.
                () = &mut stopped, if !is_stopped => {
                    is_stopped = true;
                    if self.may_hand_over(&frame, hold.redelivery()) {
                        hold.hand_over();
                        return None;
                    }
                }
                () = &mut taken_over, if !is_taken_over => {
                    is_taken_over = true;
                    // Others run it now, so this run is of no use. What must not run twice is finished.
                    if hold.has_crashed() || self.may_hand_over(&frame, hold.redelivery()) {
                        hold.done();
                        return None;
                    }
                }
                reply = &mut answering => break reply,
            }
        };
        match reply {
            Some(mut reply) => {
                reply.hold = Some(hold);
                Some(reply)
            }
            None => {
                hold.done();
                None
            }
        }
    }
}
