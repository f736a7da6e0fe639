//! [`Expand`] for containers: they have the places of what they contain.

use std::collections::{BTreeMap, HashMap};

use super::typed::{Expand, Visit};
use crate::codec::Nullable;

impl<T: Expand + ?Sized> Expand for Box<T> {
    fn visit_expansions(&mut self, visit: &mut Visit) {
        (**self).visit_expansions(visit);
    }
}

impl<T: Expand> Expand for Option<T> {
    fn visit_expansions(&mut self, visit: &mut Visit) {
        if let Some(value) = self {
            value.visit_expansions(visit);
        }
    }
}

impl<T: Expand> Expand for Nullable<T> {
    fn visit_expansions(&mut self, visit: &mut Visit) {
        if let Self::Value(value) = self {
            value.visit_expansions(visit);
        }
    }
}

/// The outcomes of the actions of a job: those that failed have no places.
impl<T: Expand, E> Expand for Result<T, E> {
    fn visit_expansions(&mut self, visit: &mut Visit) {
        if let Ok(value) = self {
            value.visit_expansions(visit);
        }
    }
}

impl<T: Expand> Expand for [T] {
    fn visit_expansions(&mut self, visit: &mut Visit) {
        for value in self {
            value.visit_expansions(visit);
        }
    }
}

impl<T: Expand> Expand for Vec<T> {
    fn visit_expansions(&mut self, visit: &mut Visit) {
        self.as_mut_slice().visit_expansions(visit);
    }
}

impl<T: Expand, const N: usize> Expand for [T; N] {
    fn visit_expansions(&mut self, visit: &mut Visit) {
        self.as_mut_slice().visit_expansions(visit);
    }
}

impl<K, T: Expand, S> Expand for HashMap<K, T, S> {
    fn visit_expansions(&mut self, visit: &mut Visit) {
        for value in self.values_mut() {
            value.visit_expansions(visit);
        }
    }
}

impl<K, T: Expand> Expand for BTreeMap<K, T> {
    fn visit_expansions(&mut self, visit: &mut Visit) {
        for value in self.values_mut() {
            value.visit_expansions(visit);
        }
    }
}

macro_rules! tuples {
    ($($T:ident $value:ident),+) => {
        impl<$($T: Expand),+> Expand for ($($T,)+) {
            fn visit_expansions(&mut self, visit: &mut Visit) {
                let ($($value,)+) = self;
                $($value.visit_expansions(visit);)+
            }
        }
    };
}

tuples!(A a);
tuples!(A a, B b);
tuples!(A a, B b, C c);
tuples!(A a, B b, C c, D d);
tuples!(A a, B b, C c, D d, E e);
tuples!(A a, B b, C c, D d, E e, F f);
tuples!(A a, B b, C c, D d, E e, F f, G g);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h);
