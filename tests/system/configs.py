"""Configuration by the three requests, in few words."""

import re

import processes
import wire

TOPIC, BROKER, LOGGER, CLIENT_METRICS = 2, 4, 8, 16
SET, DELETE, APPEND, SUBTRACT = range(4)


def incremental(broker, kind, name, *operations, version=None, validate_only=False):
    """Applies (option, operation, value) to one resource and returns its row of the answer."""
    configs = [{"name": option, "config_operation": operation, "value": value}
               for option, operation, value in operations]
    answer = wire.ask(broker, wire.INCREMENTAL_ALTER_CONFIGS, version, validate_only=validate_only,
                      resources=[{"resource_type": kind, "resource_name": name, "configs": configs}])
    return answer.responses[0]


def replace(broker, kind, name, options, version=None, validate_only=False):
    """Sets `options` and nothing else."""
    configs = [{"name": option, "value": value} for option, value in options.items()]
    answer = wire.ask(broker, wire.ALTER_CONFIGS, version, validate_only=validate_only,
                      resources=[{"resource_type": kind, "resource_name": name, "configs": configs}])
    return answer.responses[0]


def described(broker, kind, name, version=None, keys=None):
    """The resource's row of the answer, its options by name."""
    version = wire.DESCRIBE_CONFIGS.versions[-1] if version is None else version
    answer = wire.ask(broker, wire.DESCRIBE_CONFIGS, version, include_synonyms=version > 0,
                      include_documentation=version > 2,
                      resources=[{"resource_type": kind, "resource_name": name, "configuration_keys": keys}])
    row = answer.results[0]
    row.configs = {config.name: config for config in row.configs}
    return row


class Heard:
    """Waits until a broker has acted on a change that is made within the `with`."""

    def __init__(self, broker, what="(the broker's|a topic's) options changed"):
        self._broker, self._what = broker, what

    def _count(self):
        return len(re.findall(self._what, self._broker.log()))

    def __enter__(self):
        self._before = self._count()

    def __exit__(self, kind, *_):
        if kind is None:
            processes.wait_until(lambda: self._count() > self._before, "the broker has taken the change")
