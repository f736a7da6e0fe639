"""The reference's registry on an agent of Consul of this machine."""

import consul
from aspyx_service import ConsulComponentRegistry


class LocalConsul(ConsulComponentRegistry):
    """Registers the loopback address, where the tests serve, and has its health asked each second."""

    def __init__(self, port, agent):
        super().__init__(port, agent)
        self.ip = "127.0.0.1"

    def register_service(self, *arguments, **named):
        self.healthcheck_interval = "1s"
        super().register_service(*arguments, **named)


def consul_registry(port, agent):
    return LocalConsul(port, consul.Consul(host="127.0.0.1", port=agent))
