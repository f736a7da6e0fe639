"""Calls a service with a type that holds itself, with the unmodified client of the reference.

    python recursive.py BASE_URL
"""

import sys
from abc import abstractmethod
from dataclasses import dataclass

from aspyx_service import Component, Service, component, service

from one_server import services_of

URL = sys.argv[1]
CHANNELS = ["dispatch-json", "dispatch-msgpack"]


# The reference does not resolve the name of the type itself, so what is inside stays a list of maps on its side.
@dataclass
class Tree:
    value: int
    children: list


@service(name="trees")
class Trees(Service):
    @abstractmethod
    def grow(self, tree: Tree) -> Tree:
        pass


@component(name="forest", services=[Trees])
class Forest(Component):
    pass


manager = services_of(URL, CHANNELS)
inner = {"value": 2, "children": [{"value": 3, "children": []}]}
tree = Tree(1, [inner, {"value": 4, "children": []}])
for channel in CHANNELS:
    grown = manager.get_service(Trees, preferred_channel=channel).grow(tree)
    first, second = grown.children
    values = [grown.value, first["value"], first["children"][0]["value"], second["value"]]
    assert values == [2, 3, 4, 5], f"{channel}: {grown!r}"
print("grown")
