"""Settings out of the environment; `backend` says where Redis is.

SOA_SERVICE_NAME    the name to serve under, `example` by default
SOA_CHUNK_BYTES     cut longer responses into chunks of this many bytes; 0, the default, never
"""

import os

from backend import BACKEND

SERVICE_NAME = os.environ.get("SOA_SERVICE_NAME", "example")
CHUNK_BYTES = int(os.environ.get("SOA_CHUNK_BYTES", "0"))

CLIENT = {
    "transport": {
        "path": "pysoa.common.transport.redis_gateway.client:RedisClientTransport",
        "kwargs": BACKEND,
    },
}

# The server polls often, so that it ends soon after a signal.
TRANSPORT = dict(BACKEND, receive_timeout_in_seconds=1)
if CHUNK_BYTES:
    # The reference insists on a maximum of five times the threshold.
    TRANSPORT["chunk_messages_larger_than_bytes"] = CHUNK_BYTES
    TRANSPORT["maximum_message_size_in_bytes"] = 10 * CHUNK_BYTES

SOA_SERVER_SETTINGS = {
    "transport": {
        "path": "pysoa.common.transport.redis_gateway.server:RedisServerTransport",
        "kwargs": TRANSPORT,
    },
    "client_routing": {"example": CLIENT, "example2": CLIENT},
    "logging": {
        "version": 1,
        "handlers": {"stderr": {"class": "logging.StreamHandler", "level": "WARNING"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    },
    "request_log_success_level": "DEBUG",
    "request_log_error_level": "DEBUG",
}
