//! The holdings of a process at one master: requests that it has taken and not answered.
//!
//! A [`Life`] is the time for which a process has one name at the master. If it is given up for dead, it gets another one: what
//! it held under the old name belongs to others, and they answer it.
//!
//! A request leaves its slot with its response, by the script or the transaction that pushes that
//! ([`batch`](super::batch)). Whatever ends without a response, or goes back, is told to Redis a few milliseconds later, several
//! at once.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use soa_runtime::TransportError;
use soa_runtime::internal::{Ending, Loss, Redelivery, Signal, Slot, Slots, job_id};
use soa_runtime::observe::names;
use soa_wire::Serializers;
use soa_wire::wire::{self, DropReason};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::aloud::aloud;
use super::backend::{Limit, Link, LinkRef, Node};
use super::hold_base::Base;
use super::hold_keys::{SCRIPTS, number, slot_name};
use super::master::MasterConnection;
use super::outcome::{Outcome, Plan};
use super::pause::random;
use super::value::RedisValue;

/// Time for which endings without a response are collected.
const COLLECT_TIME: Duration = Duration::from_millis(5);

/// Pause after a failure.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The number of slots that peers look for, when a process begins; it doubles as it has to.
const FIRST_SLOTS: usize = 64;

/// The jobs that run, by slot and place: their messages, and the signals that their callers are gone.
type Running = FxHashMap<(u32, u8), (Bytes, Arc<Signal>)>;

/// A name of this process, while it is not given up.
pub(super) struct Life {
    pub(super) base: Arc<Base>,
    pub(super) id: String,
    pub(super) done: Bytes,
    lost: Arc<Signal>,
    state: Mutex<LifeState>,
    running: Mutex<Running>,
    idle: Notify,
    /// The number of slots that Redis knows of.
    slots_known: AtomicU64,
}

#[derive(Default)]
struct LifeState {
    slots: Slots,
    /// Bits of jobs that need no response, by slot.
    acks: BTreeMap<u32, u32>,
    /// Jobs that go back, by slot: their places, and what becomes of them.
    returns: BTreeMap<u32, Vec<(u8, Ending)>>,
    /// Messages of jobs that go back, where it is not certain that they are in their places.
    expected: FxHashMap<(u32, u8), Bytes>,
    /// True while a task tells Redis.
    is_telling: bool,
    /// The connections of the last pulls: of requests, and of jobs that run again.
    pulled_on: [Option<LinkRef>; 2],
    /// The Redis of the last pull.
    pulled_from: Option<Node>,
}

/// The slot of a life, as its jobs know it.
pub(super) struct RedisSlot {
    pub(super) life: Arc<Life>,
    pub(super) number: u32,
}

/// The place of a job in a slot.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) slot: Arc<RedisSlot>,
    pub(super) place: u8,
}

impl Place {
    /// Its bit in the slot.
    pub(super) fn bit(&self) -> u32 {
        1_u32.checked_shl(u32::from(self.place)).unwrap_or(0)
    }

    /// True if its slot is at the master of this connection, so that one script can push and acknowledge.
    pub(super) fn is_at(&self, master: &Arc<MasterConnection>) -> bool {
        Arc::ptr_eq(&self.slot.life.base.master, master)
    }

    /// True if others answer the job.
    pub(super) fn is_lost(&self) -> bool {
        self.slot.life.is_lost()
    }

    /// Records that Redis knows that the job is answered.
    pub(super) fn answered(&self) {
        self.slot.life.answered(self.slot.number, self.place);
    }

    /// Has Redis told that the job needs no response any more.
    pub(super) fn finish(&self) {
        self.slot
            .life
            .later(self.slot.number, self.place, Ending::Done);
    }
}

impl Slot for RedisSlot {
    fn end(&self, place: u8, ending: Ending, _: Option<Box<Redelivery>>) {
        self.life.later(self.number, place, ending);
    }

    fn begun(&self, place: u8, frame: &Bytes, gone: &Arc<Signal>) {
        let job = (frame.clone(), Arc::clone(gone));
        self.life.running().insert((self.number, place), job);
    }

    fn lost(&self) -> &Arc<Signal> {
        &self.life.lost
    }
}

impl Life {
    pub(super) fn new(base: Arc<Base>) -> Arc<Self> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let id = format!("{}{}", base.prefix, id.get(..16).unwrap_or(&id));
        Arc::new(Self {
            done: base.keys.done(&id),
            id,
            base,
            lost: Arc::default(),
            state: Mutex::default(),
            running: Mutex::default(),
            idle: Notify::new(),
            slots_known: AtomicU64::new(FIRST_SLOTS as u64),
        })
    }

    /// True if it was given up: others answer what it held.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_set()
    }

    /// Records that it was given up. Returns true the first time.
    pub(super) fn lose(&self) -> bool {
        if self.lost.is_set() {
            return false;
        }
        self.lost.set();
        let service = &*self.base.keys.service;
        names::LEASE_LOST.counter([service]).increment(1);
        let held = self.open();
        aloud(|| {
            tracing::error!(
                service,
                held,
                "this process was given up for dead, as it gave no sign of life in time; others run what it had taken, and it goes \
             on under a new name"
            );
        });
        self.base.held.decrement(as_count(held));
        self.idle.notify_waiters();
        self.base.woken.notify_one();
        true
    }

    /// The number of its slots that Redis knows of, for those who look for them.
    pub(super) fn slots_known(&self) -> u64 {
        self.slots_known.load(Ordering::Acquire)
    }

    /// Takes a free slot for a pull on a connection. `None` if all are in use. If it is another connection than before, its
    /// Redis may have lists of slots that are free: it has become the master, or was started again.
    pub(super) fn begin(&self, is_old: bool, link: &Link) -> Option<u32> {
        let most = usize::try_from(self.slots_known()).unwrap_or(FIRST_SLOTS);
        let mut state = self.state();
        let state = &mut *state;
        let [requests, old] = &mut state.pulled_on;
        let before = if is_old { old } else { requests };
        if !before.as_ref().is_some_and(|before| before.is_to(link)) {
            *before = Some(link.reference());
            state.pulled_from = Some(link.node().clone());
            state.slots.doubt();
        }
        state.slots.begin(is_old, most)
    }

    /// True if the last pull was from the Redis of this connection.
    pub(super) fn pulls_from(&self, link: &Link) -> bool {
        let state = self.state();
        state
            .pulled_from
            .as_ref()
            .is_none_or(|node| node == link.node())
    }

    /// Has Redis know of more slots.
    pub(super) async fn grow(&self, link: &Link) -> Result<(), TransportError> {
        let more = self.slots_known() * 2;
        let words = [Bytes::from(format!("{}:slots", self.id)), number(more)];
        let holders = String::from_utf8_lossy(&self.base.keys.holders);
        let told = link.ask("HSET", &holders, &words).await;
        told.map_err(|failed| failed.error)?;
        self.slots_known.store(more, Ordering::Release);
        Ok(())
    }

    /// Adds jobs to a slot, of which the first are suspects. Returns the place of the first.
    pub(super) fn add(&self, slot: u32, count: usize, suspects: usize) -> u8 {
        self.base.held.increment(as_count(count));
        self.state().slots.add(slot, count, suspects)
    }

    /// Runs a function on the slots.
    pub(super) fn slots<T>(&self, with: impl FnOnce(&mut Slots) -> T) -> T {
        with(&mut self.state().slots)
    }

    /// The number of jobs that are not answered.
    pub(super) fn open(&self) -> usize {
        self.state().slots.open()
    }

    /// Tells the jobs with these ids that their callers are gone.
    pub(super) fn callers_gone(&self, ids: &HashSet<String>) {
        if ids.is_empty() {
            return;
        }
        // The ids are worked out without the lock, which jobs wait for.
        let jobs: Vec<_> = self.running().values().cloned().collect();
        for (_, gone) in jobs
            .iter()
            .filter(|(frame, _)| ids.contains(&job_id(frame)))
        {
            gone.set();
        }
    }

    /// The jobs of a slot that run although their callers' time is over: their places and messages. The wall clock is ahead by
    /// this time.
    pub(super) fn expired(&self, slot: u32, ahead: Duration) -> Vec<(u8, Bytes)> {
        let running = self.running();
        let jobs = running.iter().filter(|((number, _), _)| *number == slot);
        let jobs: Vec<_> = jobs
            .map(|((_, place), (frame, _))| (*place, frame.clone()))
            .collect();
        // They are read without the lock, which jobs wait for.
        drop(running);
        let is_expired = |frame: &Bytes| {
            let read = wire::read_request(frame, &Serializers::default());
            read.is_err_and(|unreadable| {
                unreadable.reason == DropReason::Expired
                    && unreadable.late.is_none_or(|late| late >= ahead)
            })
        };
        let expired = jobs.into_iter().filter(|(_, frame)| is_expired(frame));
        expired.collect()
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        // Nothing panics while this is held.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, slot: u32, place: u8) {
        self.running().remove(&(slot, place));
        let mut state = self.state();
        let (before, had_suspect) = (state.slots.open(), state.slots.has_suspect());
        state.slots.answered(slot, place);
        let ended = before - state.slots.open();
        let may_suspect = had_suspect && !state.slots.has_suspect();
        drop(state);
        if may_suspect {
            // The next one may come.
            self.base.woken.notify_one();
        }
        if !self.is_lost() {
            self.base.held.decrement(as_count(ended));
        }
    }

    /// The key of a slot.
    pub(super) fn key(&self, slot: u32) -> Bytes {
        let is_old = self.state().slots.is_old(slot);
        self.base.keys.slot(&self.id, slot, is_old)
    }

    /// The name and the known length of a slot.
    pub(super) fn described(&self, slot: u32) -> (String, usize) {
        let state = self.state();
        let name = slot_name(slot, state.slots.is_old(slot));
        (name, state.slots.length(slot))
    }

    /// Gives a request back that was not begun, if it is in its place. On another Redis than that of the pull, others may be there.
    pub(super) fn give_back_if_there(self: &Arc<Self>, slot: u32, place: u8, job: Bytes) {
        self.state().expected.insert((slot, place), job);
        self.later(slot, place, Ending::NotBegun);
    }

    /// Has Redis told of the end of a job without a response.
    fn later(self: &Arc<Self>, slot: u32, place: u8, ending: Ending) {
        self.running().remove(&(slot, place));
        if self.is_lost() {
            return;
        }
        let mut state = self.state();
        match ending {
            Ending::Done => {
                let bit = 1_u32.checked_shl(u32::from(place)).unwrap_or(0);
                *state.acks.entry(slot).or_default() |= bit;
            }
            Ending::NotBegun | Ending::Again => {
                state.returns.entry(slot).or_default().push((place, ending));
            }
        }
        if std::mem::replace(&mut state.is_telling, true) {
            return;
        }
        drop(state);
        let life = Arc::clone(self);
        self.base
            .master
            .runtime()
            .spawn(async move { life.tell().await });
    }

    /// Tells Redis of endings without a response, until there are none.
    async fn tell(self: Arc<Self>) {
        let mut limit = Limit::new();
        loop {
            tokio::time::sleep(COLLECT_TIME).await;
            let (acks, returns) = {
                let mut state = self.state();
                if self.is_lost() {
                    state.acks.clear();
                    state.returns.clear();
                    state.expected.clear();
                }
                if state.acks.is_empty() && state.returns.is_empty() {
                    state.is_telling = false;
                    drop(state);
                    self.idle.notify_waiters();
                    return;
                }
                let state = &mut *state;
                (
                    std::mem::take(&mut state.acks),
                    std::mem::take(&mut state.returns),
                )
            };
            let deadline = Instant::now() + Duration::from_secs(5);
            let link = self.base.master.ready(deadline, None).await;
            let told = match &link {
                Ok(link) => self.tell_on(&mut limit, link, &acks, &returns).await,
                Err(_) => Err(()),
            };
            if told.is_err() {
                self.put_back(acks, returns);
                tokio::time::sleep(RETRY_PAUSE.mul_f64(0.5 + random())).await;
            }
        }
    }

    /// Keeps endings for the next attempt.
    fn put_back(&self, acks: BTreeMap<u32, u32>, returns: BTreeMap<u32, Vec<(u8, Ending)>>) {
        let mut state = self.state();
        for (slot, bits) in acks {
            *state.acks.entry(slot).or_default() |= bits;
        }
        for (slot, more) in returns {
            state.returns.entry(slot).or_default().extend(more);
        }
    }

    async fn tell_on(
        self: &Arc<Self>,
        limit: &mut Limit,
        link: &Link,
        acks: &BTreeMap<u32, u32>,
        returns: &BTreeMap<u32, Vec<(u8, Ending)>>,
    ) -> Result<(), ()> {
        if !acks.is_empty() {
            self.acknowledge(limit, link, acks).await?;
        }
        for (slot, jobs) in returns {
            self.give_back(link, *slot, jobs).await?;
        }
        Ok(())
    }

    /// Acknowledges jobs that have no response. Doing it twice does no harm.
    async fn acknowledge(
        &self,
        limit: &mut Limit,
        link: &Link,
        acks: &BTreeMap<u32, u32>,
    ) -> Result<(), ()> {
        let mut keys = vec![self.base.keys.burnt.clone(), self.done.clone()];
        let mut words = vec![Bytes::from(self.id.clone())];
        for (slot, bits) in acks {
            let (name, length) = self.described(*slot);
            keys.push(self.key(*slot));
            words.extend([name.into(), number(length), number(bits)]);
        }
        let told = link.run_on(limit, &SCRIPTS.ack, &keys, &words).await;
        match told {
            Ok(-1) => _ = self.lose(),
            Ok(_) => {
                for (slot, bits) in acks {
                    let places = (0..32_u8).filter(|place| bits & (1 << place) != 0);
                    places.for_each(|place| self.answered(*slot, place));
                }
            }
            Err(_) => return Err(()),
        }
        Ok(())
    }

    /// Gives jobs of a slot back: those that were not begun to the requests, the others to what runs again.
    async fn give_back(
        self: &Arc<Self>,
        link: &Link,
        slot: u32,
        jobs: &[(u8, Ending)],
    ) -> Result<(), ()> {
        let (name, length) = self.described(slot);
        let slot_key = self.key(slot);
        let Ok((done, all)) = read_slot(link, &slot_key, &self.done, &name).await else {
            return Err(());
        };
        let is_old = self.slots(|slots| slots.is_old(slot));
        let mut plan = Plan::new(&self.base);
        let mut bits = 0_u32;
        for (place, ending) in jobs {
            let bit = 1_u32.checked_shl(u32::from(*place)).unwrap_or(0);
            // An answer that did not come was no failure.
            if done & bit != 0 || bits & bit != 0 {
                continue;
            }
            // Redis has lost it: then nobody has it. Another job may be in its place.
            let expected = self.state().expected.get(&(slot, *place)).cloned();
            let found = all.get(usize::from(*place));
            let found = found.filter(|job| expected.is_none_or(|expected| expected == **job));
            let Some(job) = found else {
                continue;
            };
            bits |= bit;
            match ending {
                Ending::NotBegun => plan.not_begun(job, is_old),
                Ending::Again | Ending::Done => plan.lost(job, is_old, Loss::HandedOver),
            }
        }
        let keys = [self.base.keys.burnt.clone(), self.done.clone(), slot_key];
        let words = [
            Bytes::from(self.id.clone()),
            name.into(),
            number(length),
            number(bits),
            self.base.lifetime.clone(),
        ];
        let outcome = match bits {
            0 => Outcome::Done,
            _ => plan.carry_out(link, &SCRIPTS.release, &keys, &words).await,
        };
        match outcome {
            Outcome::Done => {
                for (place, _) in jobs {
                    self.state().expected.remove(&(slot, *place));
                    self.answered(slot, *place);
                }
            }
            Outcome::Fenced => _ = self.lose(),
            Outcome::Failed => return Err(()),
        }
        Ok(())
    }

    /// Waits until Redis knows of all endings without a response.
    pub(super) async fn told(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if !self.state().is_telling || self.is_lost() {
                return;
            }
            idle.await;
        }
    }

    /// Finds out which of these jobs Redis knows to be answered, after a push whose outcome is unknown.
    pub(super) async fn find_answered(
        &self,
        link: &Link,
        places: &[Place],
    ) -> Result<Vec<bool>, TransportError> {
        let (mut keys, mut words) = (vec![self.done.clone()], Vec::new());
        for place in places {
            keys.push(self.key(place.slot.number));
            let (name, _) = self.described(place.slot.number);
            words.extend([Bytes::from(name), number(place.bit())]);
        }
        let keys: Vec<_> = keys
            .iter()
            .map(|key| String::from_utf8_lossy(key))
            .collect();
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let answer = link.ask_script(&SCRIPTS.acked, &keys, &words).await;
        let answers = answer.map_err(|failed| failed.error)?.into_list();
        Ok(answers
            .iter()
            .map(|answer| answer.as_integer() == Some(1))
            .collect())
    }

    fn state(&self) -> MutexGuard<'_, LifeState> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a slot: the bits of its answered jobs, and all jobs.
pub(super) async fn read_slot(
    link: &Link,
    slot: &Bytes,
    done: &Bytes,
    name: &str,
) -> Result<(u32, Vec<Bytes>), TransportError> {
    let keys = [slot, done].map(|key| String::from_utf8_lossy(key));
    let keys = [&*keys[0], &*keys[1]];
    let words = [Bytes::copy_from_slice(name.as_bytes())];
    let answer = link.ask_script(&SCRIPTS.read, &keys, &words).await;
    let mut answer = answer
        .map_err(|failed| failed.error)?
        .into_list()
        .into_iter();
    let done = answer.next().and_then(RedisValue::into_bytes);
    let done = done.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok());
    let jobs = answer.next().map(RedisValue::into_list).unwrap_or_default();
    let jobs = jobs.into_iter().filter_map(RedisValue::into_bytes);
    Ok((done.unwrap_or(0), jobs.collect()))
}

/// A number of jobs, for a gauge.
#[expect(clippy::cast_precision_loss)] // There are few.
fn as_count(jobs: usize) -> f64 {
    jobs as f64
}

/// The variable with the name that a parent process has given to this one: all of its names at Redis begin with it, so that the
/// parent can tell that it is dead.
pub const HOLDER_VARIABLE: &str = "SOA_HOLDER";

/// The beginning of all names of this process.
pub(super) fn prefix() -> String {
    let given = std::env::var(HOLDER_VARIABLE).unwrap_or_default();
    let is_plain = given.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match is_plain && !given.is_empty() {
        true => format!("{given}-"),
        false => String::new(),
    }
}
