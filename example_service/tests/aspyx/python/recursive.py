"""Calls a service with a type that holds itself, with the unmodified client of the reference.

    python recursive.py BASE_URL
"""

import sys
from abc import abstractmethod

from aspyx.di import Environment, create, module
from aspyx_service import (
    Component,
    ComponentRegistry,
    Service,
    ServiceManager,
    ServiceModule,
    SessionManager,
    component,
    service,
)
from aspyx_service.service import ChannelInstances
from pydantic import BaseModel

URL = sys.argv[1]
CHANNELS = ["dispatch-json", "dispatch-msgpack"]


class Tree(BaseModel):
    value: int
    children: list["Tree"] = []


@service(name="trees")
class Trees(Service):
    @abstractmethod
    def grow(self, tree: Tree) -> Tree:
        pass


@component(name="forest", services=[Trees])
class Forest(Component):
    pass


class OneServer(ComponentRegistry):
    def register(self, descriptor, addresses):
        pass

    def watch(self, channel):
        pass

    def get_addresses(self, descriptor):
        return [ChannelInstances(descriptor.name, channel, [URL]) for channel in CHANNELS]


@module(imports=[ServiceModule])
class ClientModule:
    @create()
    def registry(self) -> ComponentRegistry:
        return OneServer()

    @create()
    def sessions(self) -> SessionManager.Storage:
        return SessionManager.InMemoryStorage(max_size=1000, ttl=3600)


manager = Environment(ClientModule).get(ServiceManager)
tree = Tree(value=1, children=[Tree(value=2, children=[Tree(value=3)]), Tree(value=4)])
for channel in CHANNELS:
    grown = manager.get_service(Trees, preferred_channel=channel).grow(tree)
    values = [grown.value, grown.children[0].value, grown.children[0].children[0].value, grown.children[1].value]
    assert values == [2, 3, 4, 5], f"{channel}: {grown!r}"
print("grown")
