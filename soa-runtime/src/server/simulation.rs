//! A simulation of delivery: the decisions and the slots are the real ones, Redis is a model whose commands are atomic, and
//! processes crash, are given up while they live, and lose answers between any two of them.
//!
//! Each seed is a run of its own, and is printed when it fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)] // Helpers of tests may fail loudly, too.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::handle::Server;
use crate::codec::{Encoding, Value};
use crate::context::Context;
use crate::error::ActionError;
use crate::message::{ActionRequest, Body, ContextHeader, Control, JobRequest};
use crate::transport::{Loss, LostJob, Promise, Redelivery, SLOT_SIZE, Slots, Verdict};
use crate::wire::{self, ProtocolVersion};

/// A generator of numbers (xorshift), so that a seed is a run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Idempotent,
    Once,
    Poison,
}

/// A request that clients have sent.
struct Sent {
    kind: Kind,
    frame: Bytes,
    /// Number of times that its action took effect, and that it was answered.
    effects: u32,
    answers: u32,
    /// The greatest number of strikes that it had.
    strikes: u32,
}

type SlotKey = (usize, u32, bool);

/// Redis.
#[derive(Default)]
struct Model {
    requests: VecDeque<Bytes>,
    slots: BTreeMap<SlotKey, Vec<Bytes>>,
    done: BTreeMap<SlotKey, u32>,
    burnt: BTreeSet<usize>,
    again: VecDeque<Bytes>,
    suspects: VecDeque<Bytes>,
    dead: Vec<Bytes>,
}

impl Model {
    /// Records that jobs of a slot are answered: as the script does.
    fn answered(&mut self, key: SlotKey, known: usize, bits: u32) {
        let length = self.slots.get(&key).map_or(0, Vec::len);
        if length == 0 {
            self.done.remove(&key);
            return;
        }
        let all = u32::try_from((1_u64 << known) - 1).unwrap();
        let total = self.done.get(&key).copied().unwrap_or(0) | bits;
        if total == all && length <= known {
            self.slots.remove(&key);
            self.done.remove(&key);
        } else {
            self.done.insert(key, total);
        }
    }
}

/// A job that a worker has taken.
struct Taken {
    slot: u32,
    place: u8,
    frame: Bytes,
    has_run: bool,
}

/// A process.
#[derive(Default)]
struct Worker {
    /// Its name; a new one after each crash, and when it hears that it was given up.
    name: usize,
    slots: Slots,
    jobs: Vec<Taken>,
}

/// A slot of a process that was given up, as somebody has read it and not settled yet.
struct Reading {
    key: SlotKey,
    jobs: Vec<Bytes>,
    done: u32,
    loss: Loss,
}

struct World {
    dice: Dice,
    promise: Promise,
    model: Model,
    workers: Vec<Worker>,
    sent: Vec<Sent>,
    readings: Vec<Reading>,
    names: usize,
    /// Names of processes that are dead.
    gone: BTreeSet<usize>,
    /// The number of crashes that are left to happen by themselves.
    kills: usize,
    crashes: usize,
}

fn server() -> Server {
    let echo = |body: Value, _: Context| async { Ok::<_, ActionError>(body) };
    Server::untyped("test", "1.0.0")
        .action("safe", echo)
        .action("once", echo)
        .idempotent("safe")
        .build()
        .unwrap()
}

fn frame(id: usize, action: &'static str) -> Bytes {
    let body = Body::empty(Encoding::MessagePack);
    let actions = vec![ActionRequest::new(action, body)];
    let job = JobRequest::new(ContextHeader::fresh(), Control::default(), actions);
    let list = format!("service.test.{id}!");
    let (version, encoding) = (ProtocolVersion::V3, Encoding::MessagePack);
    let lifetime = Duration::from_secs(600);
    wire::write_request(version, encoding, 1, &list, lifetime, &job).unwrap()
}

impl World {
    fn new(seed: u64, poison: usize, kills: usize) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let count = 3 + dice.roll(30);
        let mut sent = Vec::new();
        for id in 0..count {
            let kind = match id {
                id if id < poison => Kind::Poison,
                _ if dice.one_in(3) => Kind::Once,
                _ => Kind::Idempotent,
            };
            let action = if kind == Kind::Once { "once" } else { "safe" };
            sent.push(Sent {
                kind,
                frame: frame(id, action),
                effects: 0,
                answers: 0,
                strikes: 0,
            });
        }
        let mut world = Self {
            promise: server().promise(),
            model: Model::default(),
            workers: Vec::new(),
            sent,
            readings: Vec::new(),
            names: 0,
            gone: BTreeSet::new(),
            kills,
            crashes: 0,
            dice,
        };
        for _ in 0..2 + world.dice.roll(3) {
            let name = world.name();
            world.workers.push(Worker {
                name,
                ..Worker::default()
            });
        }
        let mut order: Vec<Bytes> = world.sent.iter().map(|sent| sent.frame.clone()).collect();
        while !order.is_empty() {
            let next = world.dice.roll(order.len());
            world.model.requests.push_back(order.swap_remove(next));
        }
        world
    }

    fn name(&mut self) -> usize {
        self.names += 1;
        self.names
    }

    fn id(&self, frame: &Bytes) -> usize {
        let mut sent = self.sent.iter();
        sent.position(|sent| sent.frame == *frame)
            .expect("nobody changes a frame")
    }

    /// Kills a process, wherever it is.
    fn crash(&mut self, index: usize) {
        self.crashes += 1;
        let name = self.name();
        let next = Worker {
            name,
            ..Worker::default()
        };
        let old = std::mem::replace(&mut self.workers[index], next);
        self.gone.insert(old.name);
    }

    /// One command of one process. After it, the process may be gone, or hear nothing of the outcome.
    fn step(&mut self) {
        let index = self.dice.roll(self.workers.len());
        match self.dice.roll(9) {
            0 | 1 => self.pull(index),
            2 => self.pull_old(index),
            3 | 4 => self.run(index),
            5 | 6 => self.reply(index),
            7 => self.burn(),
            _ => self.settle(),
        }
        if self.kills > 0 && self.dice.one_in(12) {
            self.kills -= 1;
            let index = self.dice.roll(self.workers.len());
            if self.dice.one_in(3) {
                // It is given up, and lives.
                let name = self.workers[index].name;
                self.model.burnt.insert(name);
            } else {
                self.crash(index);
            }
        }
        let index = self.dice.roll(self.workers.len());
        if self.dice.one_in(4) {
            self.renew(index);
            self.recover(index);
        }
    }

    fn hold(&mut self, index: usize, slot: u32, jobs: Vec<Bytes>) {
        let worker = &mut self.workers[index];
        let is_old = worker.slots.is_old(slot);
        let read = jobs.iter().map(|job| match is_old {
            true => Redelivery::read(job),
            false => (None, job.clone()),
        });
        let read: Vec<_> = read.collect();
        let is_suspect =
            |known: &Option<Box<Redelivery>>| known.as_ref().is_some_and(|known| known.is_suspect);
        let suspects = read
            .iter()
            .take_while(|(known, _)| is_suspect(known))
            .count();
        let first = worker.slots.add(slot, read.len(), suspects);
        for (place, (_, frame)) in (first..).zip(read) {
            worker.jobs.push(Taken {
                slot,
                place,
                frame,
                has_run: false,
            });
        }
    }

    fn pull(&mut self, index: usize) {
        let count = 1 + self.dice.roll(4);
        let worker = &mut self.workers[index];
        let Some(slot) = worker.slots.begin(false, 64) else {
            return;
        };
        let key = (worker.name, slot, false);
        let mut jobs = Vec::new();
        for _ in 0..count.min(SLOT_SIZE) {
            let Some(job) = self.model.requests.pop_front() else {
                break;
            };
            self.model.slots.entry(key).or_default().push(job.clone());
            jobs.push(job);
            if self.dice.one_in(40) {
                // The answers are lost, and with them the rest of the pull.
                self.workers[index].slots.retire(slot, Instant::now());
                return;
            }
        }
        if self.kills > 0 && self.dice.one_in(30) {
            self.kills -= 1;
            return self.crash(index);
        }
        self.hold(index, slot, jobs);
        self.workers[index].slots.end_pull(slot);
    }

    fn pull_old(&mut self, index: usize) {
        let wanted = 1 + self.dice.roll(3);
        let worker = &mut self.workers[index];
        if self.model.burnt.contains(&worker.name) {
            return;
        }
        let may_suspect = !worker.slots.has_suspect();
        let Some(slot) = worker.slots.begin(true, 64) else {
            return;
        };
        let key = (worker.name, slot, true);
        let mut jobs = Vec::new();
        if may_suspect {
            jobs.extend(self.model.suspects.pop_front());
        }
        while jobs.len() < wanted
            && let Some(job) = self.model.again.pop_front()
        {
            jobs.push(job);
        }
        if !jobs.is_empty() {
            self.model.slots.insert(key, jobs.clone());
        }
        if self.dice.one_in(40) {
            return self.workers[index].slots.retire(slot, Instant::now());
        }
        self.hold(index, slot, jobs);
        self.workers[index].slots.end_pull(slot);
    }

    /// Reads the slots whose pulls had no answer.
    fn recover(&mut self, index: usize) {
        for retired in self.workers[index].slots.retired() {
            let key = (self.workers[index].name, retired.number, retired.is_old);
            let jobs = self.model.slots.get(&key).cloned().unwrap_or_default();
            let more = jobs.into_iter().skip(retired.length).collect();
            self.hold(index, retired.number, more);
            self.workers[index].slots.restore(retired.number);
        }
    }

    fn run(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        let waiting = worker.jobs.iter_mut().find(|job| !job.has_run);
        let Some(job) = waiting else {
            return;
        };
        job.has_run = true;
        let frame = job.frame.clone();
        let id = self.id(&frame);
        self.sent[id].effects += 1;
        if self.sent[id].kind == Kind::Poison {
            self.crash(index);
        }
    }

    /// Pushes responses, and ends the holds.
    fn reply(&mut self, index: usize) {
        let most = 1 + self.dice.roll(3);
        let is_fenced = self.model.burnt.contains(&self.workers[index].name);
        let worker = &mut self.workers[index];
        let (ready, others): (Vec<_>, Vec<_>) = std::mem::take(&mut worker.jobs)
            .into_iter()
            .partition(|job| job.has_run);
        worker.jobs = others;
        let mut ready = ready.into_iter();
        let batch: Vec<Taken> = ready.by_ref().take(most).collect();
        worker.jobs.extend(ready);
        if batch.is_empty() {
            return;
        }
        if is_fenced {
            return self.lose(index);
        }
        for job in batch {
            let id = self.id(&job.frame);
            let worker = &mut self.workers[index];
            self.sent[id].answers += 1;
            let key = (worker.name, job.slot, worker.slots.is_old(job.slot));
            let known = worker.slots.length(job.slot);
            self.model.answered(key, known, 1 << job.place);
            // Also where the answer is lost: then it is looked up.
            worker.slots.answered(job.slot, job.place);
        }
    }

    /// A process hears that it was given up.
    fn renew(&mut self, index: usize) {
        if self.model.burnt.contains(&self.workers[index].name) {
            self.lose(index);
        }
    }

    fn lose(&mut self, index: usize) {
        let name = self.name();
        self.workers[index] = Worker {
            name,
            ..Worker::default()
        };
    }

    /// Somebody gives a dead process up.
    fn burn(&mut self) {
        if let Some(name) = self.gone.pop_first() {
            self.model.burnt.insert(name);
        }
    }

    /// Somebody reads a slot of a process that was given up, or settles one that was read.
    fn settle(&mut self) {
        if !self.readings.is_empty() && self.dice.one_in(2) {
            let reading = self.dice.roll(self.readings.len());
            let reading = self.readings.swap_remove(reading);
            return self.carry_out(&reading);
        }
        let burnt: Vec<SlotKey> = self
            .model
            .slots
            .keys()
            .filter(|key| self.model.burnt.contains(&key.0))
            .copied()
            .collect();
        let Some(name) = burnt.first().map(|key| key.0) else {
            return;
        };
        // One observer reads all slots of a process, and decides by all of them.
        let of_process: Vec<SlotKey> = burnt.into_iter().filter(|key| key.0 == name).collect();
        let is_open = |key: &SlotKey, place: usize| {
            let done = self.model.done.get(key).copied().unwrap_or(0);
            done & (1 << place) == 0
        };
        let had_suspect = of_process.iter().any(|key| {
            let jobs = self.model.slots[key].iter().enumerate();
            let mut jobs = jobs.filter(|(place, _)| is_open(key, *place));
            key.2
                && jobs.any(|(_, job)| {
                    Redelivery::read(job)
                        .0
                        .is_some_and(|known| known.is_suspect)
                })
        });
        for key in of_process {
            self.readings.push(Reading {
                key,
                jobs: self.model.slots[&key].clone(),
                done: self.model.done.get(&key).copied().unwrap_or(0),
                loss: Loss::Crash {
                    had_suspect,
                    is_old: true,
                },
            });
        }
    }

    fn carry_out(&mut self, reading: &Reading) {
        let key = reading.key;
        let now = self.model.slots.get(&key).map_or(0, Vec::len);
        let done = self.model.done.get(&key).copied().unwrap_or(0);
        if now != reading.jobs.len() || done != reading.done {
            return;
        }
        self.model.slots.remove(&key);
        self.model.done.remove(&key);
        for (place, job) in reading.jobs.iter().enumerate() {
            if reading.done & (1 << place) != 0 {
                continue;
            }
            let (redelivery, frame) = match key.2 {
                true => Redelivery::read(job),
                false => (None, job.clone()),
            };
            let id = self.id(&frame);
            let verdict = self.promise.judge.judge(&LostJob {
                frame: &frame,
                redelivery: redelivery.as_deref(),
                loss: reading.loss,
            });
            match verdict {
                Verdict::Again(again) => {
                    self.sent[id].strikes = self.sent[id].strikes.max(again.strikes);
                    let job = again.write(&frame);
                    match again.is_suspect {
                        true => self.model.suspects.push_back(job),
                        false => self.model.again.push_back(job),
                    }
                }
                Verdict::Unknown(_) => self.sent[id].answers += 1,
                Verdict::Dead(letter, _) => {
                    self.sent[id].answers += 1;
                    self.sent[id].strikes = letter.strikes;
                    self.model.dead.push(letter.write());
                }
                Verdict::Expired | Verdict::Leave => panic!("no reason for it"),
            }
        }
    }

    fn is_over(&self) -> bool {
        let idle = |worker: &Worker| worker.jobs.is_empty() && worker.slots.retired().is_empty();
        self.model.requests.is_empty()
            && self.model.again.is_empty()
            && self.model.suspects.is_empty()
            && self.model.slots.is_empty()
            && self.gone.is_empty()
            && self.workers.iter().all(idle)
    }

    fn check(&self, has_kills: bool) {
        assert!(self.model.done.is_empty(), "{:?}", self.model.done);
        let of_poison = self.sent.iter().filter(|sent| sent.kind == Kind::Poison);
        let poison = of_poison.count();
        for sent in &self.sent {
            assert_eq!(
                sent.answers, 1,
                "{:?}: answered {} times",
                sent.kind, sent.answers
            );
            match sent.kind {
                Kind::Once => assert!(sent.effects <= 1, "ran {} times", sent.effects),
                Kind::Idempotent => assert!(sent.effects >= 1 || sent.strikes >= 3),
                Kind::Poison => assert_eq!(sent.strikes, 3),
            }
            // A second poison job may run beside an innocent suspect, which is blamed for it.
            if !has_kills && poison == 1 && sent.kind != Kind::Poison {
                assert!(
                    sent.strikes <= 1,
                    "an innocent has {} strikes",
                    sent.strikes
                );
            }
        }
        if !has_kills && poison == 1 {
            assert_eq!(self.model.dead.len(), 1);
            assert_eq!(self.crashes, 3);
        }
    }
}

fn simulate(seed: u64) {
    let (poison, kills) = match seed % 4 {
        0 => (1 + usize::try_from(seed / 4 % 3).unwrap(), 0),
        1 => (1, 6),
        _ => (0, 10),
    };
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, poison, kills);
        let mut steps = 0;
        while !world.is_over() {
            world.step();
            steps += 1;
            assert!(steps < 200_000, "it does not end");
        }
        world.check(kills > 0);
    }));
    if let Err(panic) = outcome {
        eprintln!("the simulation failed with the seed {seed}");
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn whatever_crashes_and_when_each_request_is_answered_once_and_nothing_forbidden_runs_twice() {
    (0..400).for_each(simulate);
}

#[test]
#[ignore = "takes minutes; the short form is above"]
fn the_same_with_a_hundred_thousand_seeds() {
    (0..100_000).for_each(simulate);
}
