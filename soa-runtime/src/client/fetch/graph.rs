//! Bodies as a graph: the objects that may be expanded, and the objects that were fetched for them.
//!
//! A body is taken apart once. Maps whose `_type` is asked for become numbered objects; all other parts stay as they
//! are. A fetched object is an entry, to which other objects point. A thousand objects may point to one entry, and
//! entries may point to each other in circles. In the end, a value is written in which each object has copies of its
//! entries; a copy of an entry inside of itself has none.

use std::collections::BTreeSet;

use super::limit::MAX_ROUNDS;
use crate::codec::{MAX_DEPTH, Map, Value};

/// The maximum number of bytes, roughly, that copies of fetched objects may take.
const MAX_COPIED: usize = 256 << 20;

/// The number of an object.
pub(super) type ObjectId = usize;

/// The number of a fetched object.
pub(super) type EntryId = usize;

/// A value that was taken apart.
pub(super) enum Node {
    /// A value without objects inside.
    Leaf(Value),
    List(Vec<Node>),
    Map(Vec<(Value, Node)>),
    Object(ObjectId),
}

struct Object {
    object_type: String,
    fields: Vec<(Value, Node)>,
    /// The fields that take fetched objects, and these objects.
    fetched: Vec<(String, EntryId)>,
}

struct Entry {
    node: Node,
    /// The number of lists and maps that are nested in it.
    height: usize,
    /// The number of bytes of memory, about, that a copy takes.
    weight: usize,
}

/// All objects and entries.
pub(super) struct Graph<'a> {
    /// The types that are looked for.
    types: BTreeSet<&'a str>,
    objects: Vec<Object>,
    entries: Vec<Entry>,
}

/// The copies of fetched objects would take too much memory.
#[derive(Debug)]
pub(super) struct TooLarge;

impl<'a> Graph<'a> {
    pub(super) fn new(types: BTreeSet<&'a str>) -> Self {
        Self {
            types,
            objects: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Takes a value apart.
    pub(super) fn add(&mut self, value: Value) -> Node {
        match value {
            Value::List(values) => {
                let nodes: Vec<Node> = values.into_iter().map(|value| self.add(value)).collect();
                if nodes.iter().all(|node| matches!(node, Node::Leaf(_))) {
                    return Node::Leaf(nodes.into_iter().filter_map(Node::into_leaf).collect());
                }
                Node::List(nodes)
            }
            Value::Map(map) => {
                let object_type = map.get("_type").and_then(Value::as_str);
                let object_type = object_type
                    .filter(|name| self.types.contains(name))
                    .map(str::to_owned);
                let pairs = map.into_pairs().into_iter();
                let fields: Vec<_> = pairs.map(|(key, value)| (key, self.add(value))).collect();
                if let Some(object_type) = object_type {
                    self.objects.push(Object {
                        object_type,
                        fields,
                        fetched: Vec::new(),
                    });
                    return Node::Object(self.objects.len() - 1);
                }
                if fields.iter().all(|(_, node)| matches!(node, Node::Leaf(_))) {
                    let pairs = fields.into_iter();
                    let pairs = pairs.filter_map(|(key, node)| Some((key, node.into_leaf()?)));
                    return Node::Leaf(Value::Map(pairs.collect()));
                }
                Node::Map(fields)
            }
            value => Node::Leaf(value),
        }
    }

    /// Takes a fetched object apart.
    pub(super) fn fetched(&mut self, value: Value) -> EntryId {
        let (height, weight) = measure(&value);
        let node = self.add(value);
        self.entries.push(Entry {
            node,
            height,
            weight,
        });
        self.entries.len() - 1
    }

    /// Finds the objects of a type, except for those inside of other objects of the type.
    pub(super) fn find(&self, node: &Node, object_type: &str, found: &mut Vec<ObjectId>) {
        match node {
            Node::Leaf(_) => {}
            Node::List(nodes) => {
                for node in nodes {
                    self.find(node, object_type, found);
                }
            }
            Node::Map(fields) => self.find_in_fields(fields, object_type, found),
            Node::Object(id) => match self.objects.get(*id) {
                Some(object) if object.object_type == object_type => found.push(*id),
                Some(object) => self.find_in_fields(&object.fields, object_type, found),
                None => {}
            },
        }
    }

    fn find_in_fields(
        &self,
        fields: &[(Value, Node)],
        object_type: &str,
        found: &mut Vec<ObjectId>,
    ) {
        for (_, node) in fields {
            self.find(node, object_type, found);
        }
    }

    /// Finds the objects of a type in a fetched object.
    pub(super) fn find_in_entry(
        &self,
        entry: EntryId,
        object_type: &str,
        found: &mut Vec<ObjectId>,
    ) {
        if let Some(entry) = self.entries.get(entry) {
            self.find(&entry.node, object_type, found);
        }
    }

    /// Returns the value of an object's field, unless it contains objects.
    pub(super) fn field(&self, object: ObjectId, name: &str) -> Option<&Value> {
        match self.objects.get(object)?.field(name)? {
            Node::Leaf(value) => Some(value),
            _ => None,
        }
    }

    /// Returns true if the object has a field, received or fetched.
    pub(super) fn has_field(&self, object: ObjectId, name: &str) -> bool {
        self.objects.get(object).is_some_and(|object| {
            object.field(name).is_some() || object.fetched.iter().any(|(field, _)| field == name)
        })
    }

    /// Adds a fetched object to an object.
    pub(super) fn give(&mut self, object: ObjectId, field: &str, entry: EntryId) {
        if let Some(object) = self.objects.get_mut(object) {
            object.fetched.push((field.to_owned(), entry));
        }
    }

    /// Writes a value with all fetched objects.
    ///
    /// # Errors
    /// The value would take too much memory.
    pub(super) fn write(&self, node: &Node) -> Result<Value, TooLarge> {
        let mut writer = Writer {
            graph: self,
            above: Vec::new(),
            copied: 0,
        };
        writer.node(node, 0, true)
    }
}

impl Node {
    fn into_leaf(self) -> Option<Value> {
        match self {
            Self::Leaf(value) => Some(value),
            _ => None,
        }
    }
}

impl Object {
    /// Returns a field. The last of several with the same key counts.
    fn field(&self, name: &str) -> Option<&Node> {
        let mut fields = self.fields.iter().rev();
        let (_, node) = fields.find(|(key, _)| key.as_str() == Some(name))?;
        Some(node)
    }
}

struct Writer<'a> {
    graph: &'a Graph<'a>,
    /// The entries that are being written.
    above: Vec<EntryId>,
    copied: usize,
}

impl Writer<'_> {
    /// Writes a node. `depth` is the number of lists and maps around it; fetched objects are written only where
    /// `is_open`.
    fn node(&mut self, node: &Node, depth: usize, is_open: bool) -> Result<Value, TooLarge> {
        match node {
            Node::Leaf(value) => Ok(value.clone()),
            Node::List(nodes) => {
                let nodes = nodes.iter();
                let values = nodes.map(|node| self.node(node, depth + 1, is_open));
                Ok(Value::List(values.collect::<Result<_, _>>()?))
            }
            Node::Map(fields) => Ok(Value::Map(self.fields(fields, depth, is_open)?)),
            Node::Object(id) => {
                let Some(object) = self.graph.objects.get(*id) else {
                    return Ok(Value::Nil);
                };
                let mut map = self.fields(&object.fields, depth, is_open)?;
                if is_open {
                    for (field, entry) in &object.fetched {
                        if let Some(value) = self.entry(*entry, depth + 1)? {
                            map.push(&**field, value);
                        }
                    }
                }
                Ok(Value::Map(map))
            }
        }
    }

    fn fields(
        &mut self,
        fields: &[(Value, Node)],
        depth: usize,
        is_open: bool,
    ) -> Result<Map, TooLarge> {
        let mut map = Map::with_capacity(fields.len());
        for (key, node) in fields {
            map.push(key.clone(), self.node(node, depth + 1, is_open)?);
        }
        Ok(map)
    }

    /// Copies a fetched object; `None` where it would be nested too deeply for a message.
    fn entry(&mut self, id: EntryId, depth: usize) -> Result<Option<Value>, TooLarge> {
        let Some(entry) = self.graph.entries.get(id) else {
            return Ok(None);
        };
        if depth + entry.height > MAX_DEPTH || self.above.len() >= MAX_ROUNDS {
            return Ok(None);
        }
        self.copied = self.copied.saturating_add(entry.weight);
        if self.copied > MAX_COPIED {
            return Err(TooLarge);
        }
        let is_open = !self.above.contains(&id);
        self.above.push(id);
        let value = self.node(&entry.node, depth, is_open)?;
        self.above.pop();
        Ok(Some(value))
    }
}

/// Returns the number of lists and maps that are nested in a value, and about its size in memory.
fn measure(value: &Value) -> (usize, usize) {
    let own = size_of::<Value>();
    let inside = |inner: &mut dyn Iterator<Item = &Value>| {
        inner.map(measure).fold((1, own), |(height, sum), inner| {
            (height.max(inner.0 + 1), sum.saturating_add(inner.1))
        })
    };
    match value {
        Value::List(values) => inside(&mut values.iter()),
        Value::Map(map) => inside(&mut map.iter().flat_map(|(key, value)| [key, value])),
        Value::Text(text) => (0, own + text.len()),
        _ => (0, own),
    }
}
