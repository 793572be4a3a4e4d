"""Requests to a broker that may be of any make and age."""

import wire


class Refused(Exception):
    """The broker does not serve what is asked, or says no."""


class Negotiated:
    """Asks one broker, each API in the newest version that it and wire.py know.

    Every question has a connection of its own, so that a broker that was started anew in between is asked too."""

    def __init__(self, host, port, timeout=30):
        self.host, self.port, self._timeout = host, port, timeout
        with self.connect() as connection:
            answer = connection.ask(wire.API_VERSIONS, 0)  # the version that every broker answers
        self.served = {api.api_key: (api.min_version, api.max_version) for api in answer.api_keys}

    def connect(self, timeout=None):
        return wire.Connection(self, timeout=timeout or self._timeout, host=self.host)

    def require(self, api, name, version=None):
        """Refused unless the broker serves `version`, or any that wire.py knows."""
        least, most = self.served.get(api.key, (0, -1))
        wanted = range(version, version + 1) if version is not None else api.versions
        if max(least, wanted[0]) > min(most, wanted[-1]):
            served = f"serves its versions {least} to {most}" if most >= 0 else "does not serve it"
            raise Refused(f"{name} is needed in version {_span(wanted)}, but the broker {served}")

    def version(self, api):
        return min(api.versions[-1], self.served[api.key][1])

    def ask(self, api, timeout=None, **body):
        with self.connect(timeout) as connection:
            return connection.ask(api, self.version(api), **body)


def _span(versions):
    return str(versions[0]) if len(versions) == 1 else f"{versions[0]} to {versions[-1]}"
