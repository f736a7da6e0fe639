"""Calls a component that Consul knows, again and again, with the unmodified client of the reference.

    python fleet_caller.py CONSUL_PORT CHANNEL

Prints a line for each call: `ok`, or `failed` and the reason. Ends with its standard input.
"""

import os
import sys
import threading
import time

from aspyx.di import Environment, create, module
from aspyx_service import ComponentRegistry, ServiceManager, ServiceModule, SessionManager

from consul_registry import consul_registry
from example.api import ExampleRest, ExampleService

AGENT, CHANNEL = int(sys.argv[1]), sys.argv[2]


@module(imports=[ServiceModule])
class ClientModule:
    @create()
    def registry(self) -> ComponentRegistry:
        return consul_registry(0, AGENT)

    @create()
    def sessions(self) -> SessionManager.Storage:
        return SessionManager.InMemoryStorage(max_size=1000, ttl=3600)


def until_the_end():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=until_the_end, daemon=True).start()
services = Environment(ClientModule).get(ServiceManager)
if CHANNEL == "rest":
    rest = services.get_service(ExampleRest, preferred_channel=CHANNEL)
    call = lambda: rest.sum(1, 2)
else:
    example = services.get_service(ExampleService, preferred_channel=CHANNEL)
    call = lambda: example.add(1, 2)

while True:
    try:
        print("ok" if call() == 3 else "failed: another sum", flush=True)
    except Exception as error:
        print("failed:", str(error).replace("\n", " "), flush=True)
    time.sleep(0.05)
