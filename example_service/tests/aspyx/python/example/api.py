"""The services of the example contract, for the reference."""
from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Optional
from uuid import UUID

from aspyx_service import Body, Component, PathParam, QueryParam, Service, component, delete, get, post, put, rest, service
from aspyx_service.restchannel import patch
from pydantic import BaseModel

from example.types import Color, Point, Scalars, Tag

@dataclass
class Node:
    label: str
    at: Point
    path: list[Point]
    tags: list[Tag]

class Item(BaseModel):
    id: int
    name: str
    price: float = 1.5
    labels: list[str] = []
    note: Optional[str] = None
    at: Optional[Point] = None
    tags: list[Tag] = []

class Found(BaseModel):
    text: str
    limit: int
    exact: bool

@service(name="example", description="every kind of argument and result")
class ExampleService(Service):
    # scalars
    @abstractmethod
    def echo_str(self, value: str) -> str: pass
    @abstractmethod
    def echo_int(self, value: int) -> int: pass
    @abstractmethod
    def echo_float(self, value: float) -> float: pass
    @abstractmethod
    def echo_bool(self, value: bool) -> bool: pass
    @abstractmethod
    def echo_bytes(self, value: bytes) -> bytes: pass
    @abstractmethod
    def scalars(self, i: int, f: float, b: bool, s: str) -> Scalars: pass
    @abstractmethod
    def add(self, a: int, b: int = 10) -> int: pass

    # lists, structures
    @abstractmethod
    def echo_ints(self, values: list[int]) -> list[int]: pass
    @abstractmethod
    def echo_strs(self, values: list[str]) -> list[str]: pass
    @abstractmethod
    def echo_point(self, point: Point) -> Point: pass
    @abstractmethod
    def move(self, points: list[Point], dx: int, dy: int) -> list[Point]: pass
    @abstractmethod
    def echo_node(self, node: Node) -> Node: pass
    @abstractmethod
    def echo_item(self, item: Item) -> Item: pass
    @abstractmethod
    def items(self, count: int) -> list[Item]: pass
    @abstractmethod
    def echo_map(self, value: dict[str, int]) -> dict[str, int]: pass

    # None
    @abstractmethod
    def maybe_str(self, value: Optional[str]) -> Optional[str]: pass
    @abstractmethod
    def maybe_int(self, value: Optional[int]) -> Optional[int]: pass
    @abstractmethod
    def maybe_point(self, value: Optional[Point]) -> Optional[Point]: pass
    @abstractmethod
    def nothing(self) -> None: pass
    @abstractmethod
    def untyped_result(self, value: int): pass

    # types without a form of their own
    @abstractmethod
    def echo_datetime(self, value: datetime) -> datetime: pass
    @abstractmethod
    def echo_decimal(self, value: Decimal) -> Decimal: pass
    @abstractmethod
    def echo_uuid(self, value: UUID) -> UUID: pass
    @abstractmethod
    def echo_color(self, value: Color) -> Color: pass
    @abstractmethod
    def a_datetime(self) -> datetime: pass
    @abstractmethod
    def a_decimal(self) -> Decimal: pass
    @abstractmethod
    def a_uuid(self) -> UUID: pass
    @abstractmethod
    def a_color(self) -> Color: pass

    # errors
    @abstractmethod
    def fail(self, message: str) -> str: pass
    @abstractmethod
    def fail_list(self, message: str) -> list[int]: pass
    @abstractmethod
    def fail_point(self, message: str) -> Point: pass

    # asynchronous
    @abstractmethod
    async def later(self, value: str, seconds: float) -> str: pass
    @abstractmethod
    async def later_items(self, count: int) -> list[Item]: pass

    # the request, the health
    @abstractmethod
    def authorization(self) -> str: pass
    @abstractmethod
    def set_health(self, status: str, details: str) -> str: pass
    @abstractmethod
    def set_delay(self, seconds: float) -> float: pass

@service()
class DefaultNamed(Service):
    @abstractmethod
    def ping(self) -> str: pass

@service(name="example-rest", description="the same by plain HTTP")
@rest("/example")
class ExampleRest(Service):
    @abstractmethod
    @get("/hello/{name}", summary="Greet somebody", tags=["greetings"])
    def hello(self, name: str, times: int = 1) -> str:
        """Says hello.

        Args:
            name: whom to greet
            times: how often
        """
    @abstractmethod
    @get("/sum/{a}/{b}")
    def sum(self, a: PathParam(int, description="the first number"), b: int) -> int:
        """Adds two numbers."""
    @abstractmethod
    @get("/search")
    def search(self, text: QueryParam(str, description="what to look for"), limit: QueryParam(int) = 10, exact: bool = False) -> Found: pass
    @abstractmethod
    @get("/optional")
    def optional(self, value: Optional[int] = None) -> Optional[int]: pass
    @abstractmethod
    @get("/many")
    def many(self, values: QueryParam(list[int])) -> list[int]: pass
    @abstractmethod
    @post("/items")
    def add_item(self, item: Body(Item, description="the item to create")) -> Item: pass
    @abstractmethod
    @post("/items/{id}")
    def update(self, id: int, item: Item, dry_run: bool = False) -> Item: pass
    @abstractmethod
    @post("/points")
    def points(self, points: Body(list[Point]), dx: int = 0) -> list[Point]: pass
    @abstractmethod
    @post("/touch/{id}")
    def touch(self, id: int) -> int: pass
    @abstractmethod
    @put("/items/{id}")
    def replace(self, id: int, item: Body(Item)) -> Item: pass
    @abstractmethod
    @put("/items/{id}/name")
    def set_name(self, id: int, name: str) -> Item: pass
    @abstractmethod
    @delete("/items/{id}")
    def remove(self, id: int) -> bool: pass
    @abstractmethod
    @patch("/items/{id}")
    def rename(self, id: int, name: str) -> Item: pass
    @abstractmethod
    @get("/missing")
    def missing(self) -> str: pass
    @abstractmethod
    @get("/expired")
    def expired(self) -> str: pass
    @abstractmethod
    @get("/boom")
    def boom(self) -> str: pass
    @abstractmethod
    @get("/nothing")
    def nothing(self) -> None: pass
    @abstractmethod
    @get("/later/{name}")
    async def later(self, name: str) -> str: pass

@component(name="example-component", description="the example", services=[ExampleService, DefaultNamed, ExampleRest])
class ExampleComponent(Component):
    pass
