"""Serves the example contract with the unmodified server of the reference: the other side of a comparison.

    python server.py PORT [CONSUL_PORT]

With the port of an agent of Consul, the component is registered there.
"""

import sys
import threading
from asyncio import sleep
from datetime import datetime
from decimal import Decimal
from typing import Optional
from uuid import UUID

from aspyx.di import Environment, create, module
from aspyx_service import (
    AbstractComponent,
    ChannelAddress,
    ComponentRegistry,
    FastAPIServer,
    ServiceManager,
    ServiceModule,
    SessionManager,
    health,
    implementation,
)
from aspyx_service.service import LocalComponentRegistry
from fastapi import FastAPI, HTTPException

from consul_registry import consul_registry
from example.api import DefaultNamed, ExampleComponent, ExampleRest, ExampleService, Found, Item, Node
from example.types import Color, Point, Scalars, Tag

PORT = int(sys.argv[1])
CONSUL = int(sys.argv[2]) if len(sys.argv) > 2 else None


def make_item(number):
    return Item(
        id=number,
        name=f"item {number}",
        price=number + 0.5,
        labels=[f"l{label}" for label in range(number)],
        note="even" if number % 2 == 0 else None,
        tags=[Tag(key="k", value=str(number))],
    )


@implementation()
class ExampleServiceImpl(ExampleService):
    def echo_str(self, value: str) -> str:
        return value

    def echo_int(self, value: int) -> int:
        return value

    def echo_float(self, value: float) -> float:
        return value

    def echo_bool(self, value: bool) -> bool:
        return value

    def echo_bytes(self, value: bytes) -> bytes:
        return value

    def scalars(self, i: int, f: float, b: bool, s: str) -> Scalars:
        return Scalars(i, f, b, s)

    def add(self, a: int, b: int = 10) -> int:
        return a + b

    def echo_ints(self, values: list[int]) -> list[int]:
        return values

    def echo_strs(self, values: list[str]) -> list[str]:
        return values

    def echo_point(self, point: Point) -> Point:
        return point

    def echo_node(self, node: Node) -> Node:
        return node

    def echo_item(self, item: Item) -> Item:
        return item

    def move(self, points: list[Point], dx: int, dy: int) -> list[Point]:
        return [Point(point.x + dx, point.y + dy) for point in points]

    def items(self, count: int) -> list[Item]:
        return [make_item(number) for number in range(count)]

    def echo_map(self, value: dict[str, int]) -> dict[str, int]:
        return value

    def maybe_str(self, value: Optional[str]) -> Optional[str]:
        return value

    def maybe_int(self, value: Optional[int]) -> Optional[int]:
        return value

    def maybe_point(self, value: Optional[Point]) -> Optional[Point]:
        return value

    def nothing(self) -> None:
        return None

    def untyped_result(self, value: int):
        return None if value < 0 else value

    def echo_datetime(self, value: datetime) -> datetime:
        return value

    def echo_decimal(self, value: Decimal) -> Decimal:
        return value

    def echo_uuid(self, value: UUID) -> UUID:
        return value

    def echo_color(self, value: Color) -> Color:
        return value

    def a_datetime(self) -> datetime:
        return datetime(2024, 1, 2, 3, 4, 5, 678901)

    def a_decimal(self) -> Decimal:
        return Decimal("12.30")

    def a_uuid(self) -> UUID:
        return UUID("12345678-1234-5678-1234-567812345678")

    def a_color(self) -> Color:
        return Color.GREEN

    def fail(self, message: str) -> str:
        raise ValueError(message)

    def fail_list(self, message: str) -> list[int]:
        raise ValueError(message)

    def fail_point(self, message: str) -> Point:
        raise ValueError(message)

    async def later(self, value: str, seconds: float) -> str:
        await sleep(seconds)
        return value

    async def later_items(self, count: int) -> list[Item]:
        return [make_item(number) for number in range(count)]

    def authorization(self) -> str:
        return ""

    def set_health(self, status: str, details: str) -> str:
        return status

    def set_delay(self, seconds: float) -> float:
        return seconds


@implementation()
class DefaultNamedImpl(DefaultNamed):
    def ping(self) -> str:
        return "pong"


@implementation()
class ExampleRestImpl(ExampleRest):
    def hello(self, name: str, times: int = 1) -> str:
        return ", ".join([f"hello {name}"] * times)

    def sum(self, a: int, b: int) -> int:
        return a + b

    def search(self, text: str, limit: int = 10, exact: bool = False) -> Found:
        return Found(text=text, limit=limit, exact=exact)

    def optional(self, value: Optional[int] = None) -> Optional[int]:
        return value

    def many(self, values: list[int]) -> list[int]:
        return values

    def add_item(self, item: Item) -> Item:
        return item

    def update(self, id: int, item: Item, dry_run: bool = False) -> Item:
        return item.model_copy(update={"id": id, "note": "dry" if dry_run else item.note})

    def points(self, points: list[Point], dx: int = 0) -> list[Point]:
        return [Point(point.x + dx, point.y) for point in points]

    def touch(self, id: int) -> int:
        return id

    def replace(self, id: int, item: Item) -> Item:
        return item.model_copy(update={"id": id})

    def set_name(self, id: int, name: str) -> Item:
        return Item(id=id, name=name)

    def remove(self, id: int) -> bool:
        return id < 100

    def rename(self, id: int, name: str) -> Item:
        return Item(id=id, name=name)

    def missing(self) -> str:
        raise HTTPException(404, "no such thing")

    def expired(self) -> str:
        text = "the token has expired"
        header = f'Bearer error="invalid_token", error_description="{text}"'
        raise HTTPException(401, text, {"WWW-Authenticate": header})

    def boom(self) -> str:
        raise ValueError("boom")

    def nothing(self) -> None:
        return None

    async def later(self, name: str) -> str:
        return f"later {name}"


@implementation()
@health("/health")
class ExampleComponentImpl(AbstractComponent, ExampleComponent):
    def get_addresses(self, port):
        channels = ["rest", "dispatch-json", "dispatch-msgpack", "dispatch-protobuf"]
        return [ChannelAddress(channel, f"http://127.0.0.1:{port}") for channel in channels]


@module(imports=[ServiceModule])
class ServerModule:
    @create()
    def fast_api(self) -> FastAPI:
        return FastAPI()

    @create()
    def registry(self) -> ComponentRegistry:
        if CONSUL is None:
            return LocalComponentRegistry()
        return consul_registry(PORT, CONSUL)

    @create()
    def server(self, api: FastAPI, manager: ServiceManager, registry: ComponentRegistry) -> FastAPIServer:
        return FastAPIServer(api, manager, registry)

    @create()
    def sessions(self) -> SessionManager.Storage:
        return SessionManager.InMemoryStorage(max_size=1000, ttl=3600)


FastAPIServer.boot(ServerModule, host="127.0.0.1", port=PORT)
threading.Event().wait()
