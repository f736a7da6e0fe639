//! The plan of a call's expansions: the names that the call asks for, looked up in the configuration, as a tree for each
//! type.
//!
//! `("thing", ["owner", "owner.boss"])` becomes a root for the type `thing` with one step, `owner`, which has a step of
//! its own. A name that is not configured is an error before anything is sent.

use std::collections::BTreeSet;

use super::config::{Expansion, Expansions, listed};
use crate::message::Name;

/// The types and names of the expansions that a call asks for.
pub type RequestedExpansions = Vec<(String, Vec<String>)>;

/// The number of a step in its plan.
pub type StepId = usize;

/// The number of a route in its plan.
pub type RouteId = usize;

/// The expansions of one call.
#[derive(Debug)]
pub struct Plan {
    /// The types that are looked for in all bodies, with their steps.
    pub roots: Vec<(String, Vec<StepId>)>,
    pub steps: Vec<Step>,
    pub routes: Vec<PlannedRoute>,
}

/// An expansion, for the objects of one type at one place of the tree.
#[derive(Debug)]
pub struct Step {
    name: String,
    /// The type of the objects that it finds.
    pub finds: Option<String>,
    pub route: RouteId,
    pub source: String,
    pub destination: String,
    pub raises: bool,
    /// The steps that are nested in it.
    pub steps: Vec<StepId>,
}

/// A route that steps use.
#[derive(Debug)]
pub struct PlannedRoute {
    name: String,
    pub service: Name,
    pub action: Name,
    pub request_field: String,
    pub response_field: String,
}

impl Plan {
    /// Looks up the expansions that a call asks for.
    ///
    /// # Errors
    /// A type or an expansion is not configured.
    pub fn new(config: &Expansions, requested: &RequestedExpansions) -> Result<Self, String> {
        let mut plan = Self {
            roots: Vec::new(),
            steps: Vec::new(),
            routes: Vec::new(),
        };
        for (object_type, names) in requested {
            let mut steps = plan.take_root(object_type);
            for path in names {
                plan.add(config, object_type, path, &mut steps)?;
            }
            plan.roots.push((object_type.clone(), steps));
        }
        Ok(plan)
    }

    /// Returns the types of all objects that may have to be found.
    pub fn types(&self) -> BTreeSet<&str> {
        let roots = self.roots.iter().map(|(object_type, _)| &**object_type);
        let found = self.steps.iter().filter_map(|step| step.finds.as_deref());
        roots.chain(found).collect()
    }

    /// Takes the steps of a type that was named before, to add more.
    fn take_root(&mut self, object_type: &str) -> Vec<StepId> {
        let place = self.roots.iter().position(|(name, _)| name == object_type);
        place.map_or_else(Vec::new, |place| self.roots.remove(place).1)
    }

    /// Adds the steps of one path, as `owner.boss`, to those of its type.
    fn add(
        &mut self,
        config: &Expansions,
        object_type: &str,
        path: &str,
        root: &mut Vec<StepId>,
    ) -> Result<(), String> {
        let mut of_type = Some(object_type.to_owned());
        let mut above: Option<StepId> = None;
        for name in path.split('.') {
            let Some(object_type) = of_type else {
                return Err(format!(
                    "the expansion `{path}` is nested in one that has no `type`"
                ));
            };
            let siblings = match above {
                Some(step) => self.steps.get(step).map(|step| &step.steps),
                None => Some(&*root),
            };
            let known = siblings.and_then(|siblings| {
                siblings
                    .iter()
                    .copied()
                    .find(|step| self.steps.get(*step).is_some_and(|step| step.name == name))
            });
            let step = match known {
                Some(step) => step,
                None => {
                    let step = self.step(config, &object_type, name)?;
                    self.steps.push(step);
                    let id = self.steps.len() - 1;
                    match above.and_then(|above| self.steps.get_mut(above)) {
                        Some(above) => above.steps.push(id),
                        None => root.push(id),
                    }
                    id
                }
            };
            of_type = self.steps.get(step).and_then(|step| step.finds.clone());
            above = Some(step);
        }
        Ok(())
    }

    fn step(&mut self, config: &Expansions, object_type: &str, name: &str) -> Result<Step, String> {
        let expansions = config.type_expansions.get(object_type).ok_or_else(|| {
            let known = listed(config.type_expansions.keys());
            format!("no expansions are configured for the type `{object_type}`{known}")
        })?;
        let expansion = expansions.get(name).ok_or_else(|| {
            let known = listed(expansions.keys());
            format!("the type `{object_type}` has no expansion `{name}`{known}")
        })?;
        let Expansion {
            of_type,
            route,
            source_field,
            destination_field,
            raise_action_errors,
        } = expansion;
        Ok(Step {
            name: name.to_owned(),
            finds: of_type.clone(),
            route: self.route(config, route)?,
            source: source_field.clone(),
            destination: destination_field.clone(),
            raises: *raise_action_errors,
            steps: Vec::new(),
        })
    }

    fn route(&mut self, config: &Expansions, name: &str) -> Result<RouteId, String> {
        if let Some(known) = self.routes.iter().position(|route| route.name == name) {
            return Ok(known);
        }
        // A client is not built with an expansion whose route does not exist.
        let route = config.type_routes.get(name);
        let route = route.ok_or_else(|| format!("there is no route `{name}`"))?;
        self.routes.push(PlannedRoute {
            name: name.to_owned(),
            service: route.service.clone().into(),
            action: route.action.clone().into(),
            request_field: route.request_field.clone(),
            response_field: route.response_field.clone(),
        });
        Ok(self.routes.len() - 1)
    }
}
