"""A registry that knows one server, for clients of the reference."""

from aspyx.di import Environment, create, module
from aspyx_service import ComponentRegistry, ServiceManager, ServiceModule, SessionManager
from aspyx_service.service import ChannelInstances


class OneServer(ComponentRegistry):
    def __init__(self, url, channels):
        self.url, self.channels = url, channels

    def register(self, descriptor, addresses):
        pass

    def deregister(self, descriptor):
        pass

    def watch(self, channel):
        pass

    def get_addresses(self, descriptor):
        return [ChannelInstances(descriptor.name, channel, [self.url]) for channel in self.channels]


def services_of(url, channels):
    """Returns what finds the services of the server, by any of the channels."""

    @module(imports=[ServiceModule])
    class ClientModule:
        @create()
        def registry(self) -> ComponentRegistry:
            return OneServer(url, channels)

        @create()
        def sessions(self) -> SessionManager.Storage:
            return SessionManager.InMemoryStorage(max_size=1000, ttl=3600)

    return Environment(ClientModule).get(ServiceManager)
