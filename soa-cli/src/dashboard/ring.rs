//! Points at equal distances, of which the newest push the oldest out.
//!
//! A number takes two bytes, on a logarithmic scale: three digits of it are known, and a chart shows no more.

use std::collections::VecDeque;

/// The numbers at one time, in the order of the columns. `None` is unknown.
pub(super) type Point<const N: usize> = [Option<f64>; N];

/// A number in two bytes: 0 is unknown, 1 is zero, and the rest are from 0.0001 to 1,000,000,000 on a logarithmic scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Packed(u16);

/// Steps of the scale for a factor of ten, and the decimal logarithm of its beginning.
const SCALE: (f64, f64) = (5_041.0, -4.0);

impl Packed {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the step is within the range of the type"
    )]
    pub(super) fn of(number: Option<f64>) -> Self {
        let Some(number) = number.filter(|number| number.is_finite()) else {
            return Self(0);
        };
        if number < 0.000_1 {
            return Self(1);
        }
        let step = (number.log10() - SCALE.1) * SCALE.0;
        Self(step.round().clamp(0.0, 65_533.0) as u16 + 2)
    }

    pub(super) fn get(self) -> Option<f64> {
        match self.0 {
            0 => None,
            1 => Some(0.0),
            step => Some(10_f64.powf(f64::from(step - 2) / SCALE.0 + SCALE.1)),
        }
    }
}

/// Points at equal distances, the newest of which push the oldest out. A point without any number is a gap.
#[derive(Debug)]
pub(super) struct Ring<const N: usize> {
    pub(super) points: VecDeque<[Packed; N]>,
    pub(super) capacity: usize,
    /// The slot after that of the last point. A slot is the time divided by the distance.
    pub(super) next: u64,
}

impl<const N: usize> Ring<N> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            points: VecDeque::new(),
            capacity,
            next: 0,
        }
    }

    /// Adds a point. One for a slot that has one replaces it, if it is the last; an older one is left out, as the clock was
    /// set back.
    pub(super) fn push(&mut self, slot: u64, point: &Point<N>) {
        let packed = point.map(Packed::of);
        if self.points.is_empty() {
            self.next = slot;
        }
        if slot < self.next {
            if slot + 1 == self.next
                && let Some(last) = self.points.back_mut()
            {
                *last = packed;
            }
            return;
        }
        let gap = usize::try_from(slot - self.next).unwrap_or(usize::MAX);
        let gap = if gap < self.capacity { gap } else { 0 };
        if gap == 0 && slot != self.next {
            self.points.clear();
        }
        let over = (self.points.len() + gap + 1).saturating_sub(self.capacity);
        self.points.drain(..over);
        // Room grows by halves and ends at the capacity. Doubling would take as much again as is needed.
        if self.points.len() + gap + 1 > self.points.capacity() {
            let wanted = (self.points.len() + gap + 1) * 3 / 2;
            let wanted = wanted.clamp(16, self.capacity.max(16));
            let more = wanted.saturating_sub(self.points.len());
            self.points.reserve_exact(more.max(gap + 1));
        }
        let gaps = std::iter::repeat_n([Packed::default(); N], gap);
        self.points.extend(gaps);
        self.points.push_back(packed);
        self.next = slot + 1;
    }

    /// The points that are no gaps, with their slots, the oldest first.
    pub(super) fn told(&self) -> impl Iterator<Item = (u64, Point<N>)> {
        let first = self.next - u64::try_from(self.points.len()).unwrap_or(0);
        let points = (first..).zip(&self.points);
        let known = points.filter(|(_, point)| point.iter().any(|packed| packed.0 != 0));
        known.map(|(slot, point)| (slot, point.map(Packed::get)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_known_to_a_thousandth_from_tiny_to_huge() {
        assert_eq!(Packed::of(None).get(), None);
        assert_eq!(Packed::of(Some(f64::NAN)).get(), None);
        assert_eq!(Packed::of(Some(0.0)).get(), Some(0.0));
        assert_eq!(Packed::of(Some(-1.0)).get(), Some(0.0));
        for number in [0.000_1, 0.37, 1.0, 204.7, 86_400.0, 999_999_999.0] {
            let known = Packed::of(Some(number)).get().unwrap();
            assert!((known / number - 1.0).abs() < 0.001, "{number}: {known}");
        }
    }

    #[test]
    fn a_ring_keeps_the_newest_points_and_leaves_gaps_out() {
        let mut ring = Ring::<1>::new(3);
        for (slot, rate) in [
            (10, 1.0),
            (11, 2.0),
            (13, 3.0),
            (14, 4.0),
            (14, 5.0),
            (9, 6.0),
        ] {
            ring.push(slot, &[Some(rate)]);
        }
        let told: Vec<_> = ring
            .told()
            .map(|(slot, point)| (slot, point[0].unwrap().round()))
            .collect();
        assert_eq!(told, [(13, 3.0), (14, 5.0)]);
        ring.push(u64::MAX / 2, &[Some(7.0)]);
        assert_eq!(ring.points.len(), 1);
    }
}
