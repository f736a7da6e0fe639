"""Calls a server of the example contract with the unmodified client of the reference, and compares what it returns.

    python client.py BASE_URL rust|python

Every call is made by each channel that can carry it, and by the synchronous and the asynchronous methods. Prints the
number of calls; the first difference ends the program with an error.
"""

import asyncio
import sys

from aspyx_service import AuthorizationException, RemoteServiceException, ServiceCommunicationException

from example.api import DefaultNamed, ExampleRest, ExampleService, Found, Item, Node
from example.types import Point, Scalars, Tag
from one_server import services_of

URL, SERVER = sys.argv[1], sys.argv[2]
DISPATCH = ["dispatch-json", "dispatch-msgpack", "dispatch-protobuf"]

made = 0


def same(what, found, wanted):
    global made
    made += 1
    if type(found) is not type(wanted) or found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


def raises(what, call, kinds, text):
    global made
    made += 1
    try:
        returned = call()
    except kinds as error:
        if text not in str(error):
            raise AssertionError(f"{what}: {error!r} has no {text!r}") from error
        return
    raise AssertionError(f"{what}: returned {returned!r}, and should have raised")


def item(**fields):
    return Item(**{"id": 1, "name": "a", **fields})


TAGS = [Tag(key="k", value="v"), Tag(key="none")]
NODE = Node("n", Point(1, -2), [Point(3, 4), Point(0, 0)], TAGS)
EMPTY_NODE = Node("", Point(0, 0), [], [])
ITEM = item(price=2.5, labels=["x", "ü"], tags=TAGS)


def dispatch(service, channel):
    """Calls that each dispatch channel carries, with what they return."""
    is_protobuf = channel == "dispatch-protobuf"
    texts = ["", "a", "wörld ☃ \U0001f600", "q\"\\\n\t/", "x" * 10_000]
    for text in texts:
        same("echo_str", service.echo_str(text), text)
    numbers = [0, 1, -1, 127, 128, 2**31 - 1, -(2**31)]
    for number in numbers:
        same("echo_int", service.echo_int(number), number)
    if not is_protobuf:
        for number in [2**31, 2**53 + 1, 2**63 - 1, -(2**63)]:
            same("echo_int", service.echo_int(number), number)
        same("echo_float", service.echo_float(0.1), 0.1)
        same("echo_map", service.echo_map({"a": 1, "ü": -5}), {"a": 1, "ü": -5})
        same("maybe_int", service.maybe_int(7), 7)
        same("maybe_int", service.maybe_int(None), None)
        same("maybe_point", service.maybe_point(Point(1, 2)), Point(1, 2))
        same("maybe_str", service.maybe_str(None), None)
        same("untyped_result", service.untyped_result(5), 5)
    for number in [0.0, 1.0, -0.5, 1e10]:
        same("echo_float", service.echo_float(number), number)
    for flag in [True, False]:
        same("echo_bool", service.echo_bool(flag), flag)
    if channel != "dispatch-json":
        for data in [b"", b"\x00\xff" * 10]:
            same("echo_bytes", service.echo_bytes(data), data)
    same("scalars", service.scalars(1, 2.5, True, "s"), Scalars(1, 2.5, True, "s"))
    same("scalars", service.scalars(0, 0.0, False, ""), Scalars(0, 0.0, False, ""))
    same("add", service.add(1, 2), 3)
    same("echo_ints", service.echo_ints([]), [])
    same("echo_ints", service.echo_ints([1, -2, 300]), [1, -2, 300])
    same("echo_strs", service.echo_strs(["", "b"]), ["", "b"])
    same("echo_point", service.echo_point(Point(1, -1)), Point(1, -1))
    for node in [NODE, EMPTY_NODE]:
        same("echo_node", service.echo_node(node), node)
    same("move", service.move([Point(1, 2), Point(3, 4)], 10, -10), [Point(11, -8), Point(13, -6)])
    for one in [ITEM, item()]:
        same("echo_item", service.echo_item(one), one)
    items = service.items(3)
    same("items", [one.name for one in items], ["item 0", "item 1", "item 2"])
    same("items", items[2].labels, ["l0", "l1"])
    same("items", [one.note for one in items], ["even", None, "even"])
    same("maybe_str", service.maybe_str("t"), "t")
    if SERVER == "rust" and is_protobuf:
        # The reference's own server makes its client raise.
        same("nothing", service.nothing(), "")
    failed = (RemoteServiceException, AuthorizationException)
    for method in [service.fail] if SERVER == "python" else [service.fail, service.fail_list, service.fail_point]:
        raises(method.__name__, lambda: method("it broke: ü"), failed, "it broke" if is_protobuf else "it broke: ü")
    if SERVER == "rust":
        # The reference takes an empty text for a success, in msgpack.
        raises("fail", lambda: service.fail(""), failed, "")


async def dispatch_async(service):
    same("later", await service.later("v", 0.01), "v")
    items = await service.later_items(2)
    same("later_items", [one.price for one in items], [0.5, 1.5])


def default_named(service):
    same("ping", service.ping(), "pong")


def rest(service):
    same("hello", service.hello("wörld", 2), "hello wörld, hello wörld")
    same("hello", service.hello("a b", 1), "hello a b")
    same("sum", service.sum(2, -3), -1)
    same("search", service.search("a b&c", 5, True), Found(text="a b&c", limit=5, exact=True))
    same("many", service.many([1, 2, 3]), [1, 2, 3])
    same("add_item", service.add_item(ITEM), ITEM)
    same("points", service.points([Point(1, 2)], 5), [Point(6, 2)])
    same("touch", service.touch(4), 4)
    same("set_name", service.set_name(4, "n"), item(id=4, name="n"))
    same("remove", service.remove(1), True)
    same("remove", service.remove(100), False)
    if SERVER == "rust":
        # The reference's server does not find an unmarked body, and refuses an empty value.
        same("update", service.update(7, ITEM, True), ITEM.model_copy(update={"id": 7, "note": "dry"}))
        same("optional", service.optional(None), None)
    same("optional", service.optional(5), 5)
    failed = (ServiceCommunicationException, AuthorizationException, RemoteServiceException)
    raises("missing", service.missing, failed, "404")
    raises("boom", service.boom, failed, "500")
    raises("expired", service.expired, Exception, "")


async def rest_async(service):
    same("later", await service.later("me"), "later me")


def main():
    manager = services_of(URL, ["rest", *DISPATCH])

    async def all_async():
        for channel in DISPATCH:
            await dispatch_async(manager.get_service(ExampleService, preferred_channel=channel))
        await rest_async(manager.get_service(ExampleRest, preferred_channel="rest"))

    for channel in DISPATCH:
        try:
            dispatch(manager.get_service(ExampleService, preferred_channel=channel), channel)
            default_named(manager.get_service(DefaultNamed, preferred_channel=channel))
        except Exception as error:
            raise AssertionError(f"by {channel}: {error}") from error
    rest(manager.get_service(ExampleRest, preferred_channel="rest"))
    asyncio.run(all_async())
    print(f"{made} calls")


main()
