"""Where Redis is, out of the environment, as the reference's transports want to have it.

SOA_REDIS_PORTS     the ports of the masters on 127.0.0.1, separated by commas
SOA_SENTINEL_PORT   the port of a sentinel there that knows them as `one`, `two` and `three`; none by default
"""

import os

#: The masters of the ring, in its order.
PORTS = [int(port) for port in os.environ["SOA_REDIS_PORTS"].split(",")]

if "SOA_SENTINEL_PORT" in os.environ:
    BACKEND = {
        "backend_type": "redis.sentinel",
        "backend_layer_kwargs": {
            "hosts": [("127.0.0.1", int(os.environ["SOA_SENTINEL_PORT"]))],
            "sentinel_services": ["one", "two", "three"][: len(PORTS)],
        },
    }
else:
    BACKEND = {
        "backend_type": "redis.standard",
        "backend_layer_kwargs": {"hosts": [("127.0.0.1", port) for port in PORTS]},
    }
