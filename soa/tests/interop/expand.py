"""What a client of the reference makes of the expansions of many calls.

    SOA_REDIS_PORTS=PORT PYSOA_PYTHON expand.py CALLS

`CALLS` is a file of JSON: a list of `{"body": …, "config": …, "expansions": …}`. Each is a call of the action `get` of
the service `main`, which answers with its request. Prints the body of each response, one a line.
"""

import json
import sys

from pysoa.client.client import Client

import backend

TRANSPORT = {
    "path": "pysoa.common.transport.redis_gateway.client:RedisClientTransport",
    "kwargs": dict(backend.BACKEND, receive_timeout_in_seconds=20),
}
SERVICES = {name: {"transport": TRANSPORT} for name in ("main", "first", "second")}


def main():
    with open(sys.argv[1]) as calls:
        calls = json.load(calls)
    for call in calls:
        client = Client(SERVICES, expansion_config=call["config"])
        response = client.call_action("main", "get", body=call["body"], expansions=call["expansions"])
        print(json.dumps(response.body), flush=True)


if __name__ == "__main__":
    main()
