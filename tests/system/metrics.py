"""A broker's /metrics as prometheus_client, which is no work of ours, understands it."""

import re

from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    """What one scrape told."""

    def __init__(self, broker):
        status, self.text = broker.http("/metrics")
        assert status == 200, self.text
        self.families = list(text_string_to_metric_families(self.text))
        self._values = {}
        for family in self.families:
            for sample in family.samples:
                # The parser gives every counter the ending that OpenMetrics wants.
                name = re.sub("_(count|sum)_total$", r"_\1", sample.name)
                key = (name, frozenset(sample.labels.items()))
                assert key not in self._values, f"{key} comes twice"
                self._values[key] = sample.value

    def value(self, name, **labels):
        """None where there is no such series."""
        return self._values.get((name, frozenset(labels.items())))

    def labels(self, name):
        """The labels of all series of that name."""
        return [dict(labels) for found, labels in self._values if found == name]

    def of_topics(self, name, **labels):
        return self.value(f"kafka_server_brokertopicmetrics_{name}_total", **labels)

    def of_requests(self, name, **labels):
        return self.value(f"kafka_network_requestmetrics_{name}", **labels)
