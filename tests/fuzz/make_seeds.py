#!/usr/bin/python3
"""Turns what other implementations wrote (tests/wire/golden, tests/unit/record/golden_*.h, and real traffic of
capture_traffic.py) into inputs that the fuzzers begin with.

Usage: make_seeds.py <folder> [<folder of a capture>...]     makes <folder>/<target>/...
"""

import hashlib
import pathlib
import re
import struct
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
SCHEMAS = TESTS.parent / "broker/protocol/schema"
REQUEST, RESPONSE, FRAME = 0, 1, 3  # Kind in messages_fuzz.cc
PRODUCED, MESSAGE_SET, STORED, DECOMPRESSED, PLAIN = 0, 2, 3, 4, 5  # Task in records_fuzz.cc
SEND, PASS_TIME = 0, 2  # Action in dispatcher_fuzz.cc
LOG, OFFSET_INDEX, TIME_INDEX, TXN_INDEX, SNAPSHOT, EPOCHS, METADATA, NAMED = range(8)  # FileKind in partition_log_fuzz.cc
SUFFIXES = {".log": LOG, ".index": OFFSET_INDEX, ".timeindex": TIME_INDEX, ".txnindex": TXN_INDEX,
            ".snapshot": SNAPSHOT}
OPERATIONS = 0x40
# The readers of texts_fuzz.cc, by number.
(CLUSTER_ID, CONTROLLER, BROKER, ENTITY_CONFIG, CONFIG_CHANGE, FEATURES, ISR_CHANGE, LOG_DIR_EVENT, ACLS, ACL_CHANGE,
 REASSIGNMENT, PREFERRED, TOKEN, PRODUCER_IDS, ASSIGNMENT, STATE, CONTROLLER_EPOCH, PATHS, PROPERTIES, ENDPOINTS,
 PASSWORD, CHECKPOINT, LEADER_EPOCHS, META_PROPERTIES, PARTITION_METADATA, PRODUCER_SNAPSHOT, DIRECTORY) = range(27)


class Seeds:
    def __init__(self, folder):
        self.folder = folder

    def add(self, target, data):
        path = self.folder / target
        path.mkdir(parents=True, exist_ok=True)
        (path / hashlib.sha1(data).hexdigest()).write_bytes(data)


def api_keys():
    keys = {}
    for schema in SCHEMAS.glob("*.schema"):
        found = re.match(r"api (\w+) key (\d+)", schema.read_text())
        if found:
            keys[found[1]] = int(found[2])
    return keys


def pieces(*parts):
    return b"".join(struct.pack(">H", len(part)) + part for part in parts)


def frame(key, version, body, flexible):
    header = struct.pack(">hhih", key, version, 7, 4) + b"fuzz" + (b"\0" if flexible else b"")
    return header + body


def first_flexible_versions():
    found = {}
    for schema in SCHEMAS.glob("*.schema"):
        match = re.match(r"api \w+ key (\d+) .*?flexible (\d+)\+", schema.read_text())
        if match:
            found[int(match[1])] = int(match[2])
    return found


def add_golden_messages(seeds):
    keys = api_keys()
    flexible = first_flexible_versions()
    for file in sorted((TESTS / "wire/golden").glob("*.txt")):
        lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
        for line in lines:
            name, version, *text = line.split()
            data = bytes.fromhex(text[0]) if text else b""
            version = int(version)
            kind = "Request" if name.endswith("Request") else "Response"
            key = keys.get(name[:-len(kind)])
            if key is None or not name.endswith(kind):
                continue
            if file.name == "librdkafka.txt" and kind == "Request":
                seeds.add("messages", bytes([FRAME]) + data)
                seeds.add("dispatcher", pieces(bytes([SEND]) + data))
                continue
            seeds.add("messages", bytes([REQUEST if kind == "Request" else RESPONSE, key, version]) + data)
            if kind == "Request":
                is_flexible = version >= flexible.get(key, 1000)
                seeds.add("dispatcher", pieces(bytes([SEND]) + frame(key, version, data, is_flexible)))


def golden_arrays(header):
    text = (TESTS / "unit/record" / header).read_text()
    for name, numbers in re.findall(r"std::vector<uint8_t> (\w+) = \{([^}]*)\}", text):
        yield name, bytes(int(number) for number in numbers.replace(",", " ").split())


def add_batch(seeds, batch):
    seeds.add("records", bytes([PRODUCED, 0]) + batch)
    seeds.add("records", bytes([STORED, 0]) + batch)
    codec = batch[22] & 7
    if codec:
        seeds.add("records", bytes([DECOMPRESSED, codec]) + batch[61:])
        seeds.add("records", bytes([PLAIN, codec]) + batch[61:161])
    seeds.add("partition_log", pieces(b"\0\0\0\0", bytes([LOG, 0, 0]) + batch))
    seeds.add("partition_log", pieces(b"\0\0\0\0", bytes([OPERATIONS + 1, 1]) + batch, bytes([OPERATIONS + 13])))
    seeds.add("dispatcher", pieces(bytes([SEND]) + produce(7, batch), bytes([SEND]) + fetch(11)))
    seeds.add("dispatcher", pieces(bytes([SEND]) + produce(7, batch), bytes([SEND]) + move("/more"),
                                   bytes([SEND]) + produce(7, batch), bytes([PASS_TIME, 16, 0]),
                                   bytes([SEND]) + fetch(4), bytes([SEND]) + move("/data")))


def move(path):
    """AlterReplicaLogDirs of orders-0."""
    body = struct.pack(">ih", 1, len(path)) + path.encode() + struct.pack(">ih", 1, 6) + b"orders"
    return frame(34, 0, body + struct.pack(">ii", 1, 0), False)


def produce(version, records):
    body = struct.pack(">hhi", -1, -1, 1000) if version >= 3 else struct.pack(">hi", -1, 1000)
    body += struct.pack(">ih", 1, 6) + b"orders" + struct.pack(">iii", 1, 0, len(records)) + records
    return frame(0, version, body, False)


def fetch(version):
    body = struct.pack(">iii", -1, 100, 1)
    if version >= 3:
        body += struct.pack(">i", 1 << 20)
    if version >= 4:
        body += b"\0"
    if version >= 7:
        body += struct.pack(">ii", 0, -1)
    body += struct.pack(">ih", 1, 6) + b"orders" + struct.pack(">ii", 1, 0)
    if version >= 9:
        body += struct.pack(">i", -1)
    body += struct.pack(">q", 0)
    if version >= 5:
        body += struct.pack(">q", -1)
    body += struct.pack(">i", 1 << 20)
    if version >= 7:
        body += struct.pack(">i", 0)
    if version >= 11:
        body += struct.pack(">h", 0)
    return frame(1, version, body, False)


def add_golden_records(seeds):
    for _, batch in golden_arrays("golden_batches.h"):
        if len(batch) < 4000:
            add_batch(seeds, batch)
    for _, messages in golden_arrays("golden_messages.h"):
        if len(messages) > 4000:
            continue
        seeds.add("records", bytes([MESSAGE_SET, 0]) + messages)
        seeds.add("records", bytes([STORED, 0]) + messages)
        seeds.add("partition_log", pieces(b"\0\0\0\0", bytes([LOG, 0, 0]) + messages))
        seeds.add("dispatcher", pieces(bytes([SEND]) + produce(2, messages), bytes([SEND]) + fetch(3),
                                       bytes([SEND]) + fetch(0)))


def add_texts(seeds):
    """One example of each text, as Kafka's documents and docs/formats.md have them."""
    examples = {
        CLUSTER_ID: ['{"version":"1","id":"cDcV0mkVQZy6vxUrDSEsCA"}'],
        CONTROLLER: ['{"version":2,"brokerid":1,"timestamp":"1700000000000","kraftControllerEpoch":-1}'],
        BROKER: ['{"version":5,"host":"localhost","port":9092,"jmx_port":-1,"timestamp":"1700000000000",'
                 '"endpoints":["PLAINTEXT://localhost:9092","SSL://[::1]:9093"],'
                 '"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT","SSL":"SSL"},"rack":"r1",'
                 '"features":{"feature":{"min_version":1,"max_version":5}}}'],
        ENTITY_CONFIG: ['{"version":1,"config":{"segment.bytes":"1000","cleanup.policy":"compact,delete"}}'],
        CONFIG_CHANGE: ['{"version":2,"entity_path":"topics/orders"}',
                        '{"version":1,"entity_type":"topics","entity_name":"orders"}'],
        FEATURES: ['{"version":2,"status":1,"features":{"f":5}}',
                   '{"version":1,"status":1,"features":{"f":{"min_version_level":1,"max_version_level":3}}}'],
        ISR_CHANGE: ['{"version":1,"partitions":[{"topic":"orders","partition":0}]}'],
        LOG_DIR_EVENT: ['{"version":1,"broker":1,"event":1}'],
        ACLS: ['{"version":1,"acls":[{"principal":"User:alice","permissionType":"Allow","operation":"Read",'
               '"host":"*"}]}'],
        ACL_CHANGE: ['TOPIC:orders', '{"version":1,"resourceType":"TOPIC","name":"orders","patternType":"PREFIXED"}'],
        REASSIGNMENT: ['{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[1,2]}]}'],
        PREFERRED: ['{"version":1,"partitions":[{"topic":"orders","partition":0}]}'],
        TOKEN: ['{"version":3,"owner":"User%3Aalice","tokenRequester":"User%3Aalice","renewers":["User%3Abob"],'
                '"issueTimestamp":1700000000000,"maxTimestamp":1700000001000,"expiryTimestamp":1700000001000,'
                '"tokenId":"abc"}'],
        PRODUCER_IDS: ['{"version":1,"broker":1,"block_start":"0","block_end":"999"}'],
        ASSIGNMENT: ['{"version":3,"topic_id":"cDcV0mkVQZy6vxUrDSEsCA","partitions":{"0":[1,2]},'
                     '"adding_replicas":{"0":[2]},"removing_replicas":{}}'],
        STATE: ['{"controller_epoch":1,"leader":1,"version":1,"leader_epoch":0,"isr":[1],"leader_recovery_state":1}'],
        CONTROLLER_EPOCH: ["17"],
        PATHS: ["/isr_change_notification/isr_change_0000000012", "a%20b+c*"],
        PROPERTIES: ["# comment\nbroker.id=1\nlog.dirs = /a, /b\nlisteners: PLAINTEXT://:9092,\\\n  SSL://:9093\n"
                     "max.connections.per.ip.overrides=127.0.0.1:5\nkey\\u0041=\\t\\n",
                     "listener.name.internal.ssl.keystore.location=/x\ncompression.type=zstd\nlog.roll.hours=1",
                     "cleanup.policy=compact\nmin.compaction.lag.ms=5\nretention.ms=-1\nsegment.bytes=14"],
        ENDPOINTS: ["PLAINTEXT://:9092,SSL://[::1]:0", "A:PLAINTEXT,B:SASL_SSL", "[::1]:8080", "127.0.0.1:5,::1:7",
                    "zk1:2181,zk2/chroot"],
        PASSWORD: ["keyFactoryAlgorithm:PBKDF2WithHmacSHA512,cipherAlgorithm:AES/CBC/PKCS5Padding,keyLength:128,"
                   "salt:AAAA,iterations:4096,encryptedPassword:AAAAAAAAAAAAAAAAAAAAAA==,passwordLength:3,"
                   "initializationVector:AAAAAAAAAAAAAAAAAAAAAA=="],
        CHECKPOINT: ["0\n2\norders 0 17\npayments 1 0\n"],
        LEADER_EPOCHS: ["0\n2\n0 0\n3 17\n"],
        META_PROPERTIES: ["#\n#Tue Nov 14 22:13:20 UTC 2023\nversion=0\nbroker.id=1\ncluster.id=cDcV0mkVQZy6vxUrDSEsCA\n"],
        PARTITION_METADATA: ["version: 0\ntopic_id: cDcV0mkVQZy6vxUrDSEsCA"],
        PRODUCER_SNAPSHOT: [],
        DIRECTORY: ["orders-0", "orders-0.0123456789abcdef0123456789abcdef-delete",
                    "orders-1.0123456789abcdef0123456789abcdef-future"],
    }
    for number, texts in examples.items():
        for text in texts:
            seeds.add("texts", bytes([number]) + text.encode())


def requests_of(capture):
    """The connections of a capture, each a list of frames: files of frames behind their four bytes of size."""
    for file in sorted(capture.glob("*.requests")):
        data = file.read_bytes()
        frames = []
        while len(data) >= 4:
            size = struct.unpack(">i", data[:4])[0]
            frames.append(data[4:4 + size])
            data = data[4 + size:]
        yield frames


def add_log_directory(seeds, folder):
    files = []
    for file in sorted(folder.iterdir()):
        data = file.read_bytes()
        if file.suffix in SUFFIXES and file.stem.isdigit() and int(file.stem) < 32768:
            files.append(bytes([SUFFIXES[file.suffix]]) + struct.pack(">h", int(file.stem)) + data)
        elif file.name == "leader-epoch-checkpoint":
            files.append(bytes([EPOCHS]) + data)
        elif file.name == "partition.metadata":
            files.append(bytes([METADATA]) + data)
        if file.suffix == ".snapshot":
            seeds.add("texts", bytes([PRODUCER_SNAPSHOT]) + data)
    if not files or sum(len(file) for file in files) > 12000:
        return
    operations = [bytes([OPERATIONS + 2, 0, 0, 127, 255, 127, 255, 1]), bytes([OPERATIONS + 3]) + bytes(8),
                  bytes([OPERATIONS + 13]), bytes([OPERATIONS + 14])]
    for flags in (0, 1):
        seeds.add("partition_log", pieces(bytes([flags, 100, 10, 100]), *files, *operations))


def add_capture(seeds, capture):
    for frames in requests_of(capture):
        for one in frames:
            seeds.add("messages", bytes([FRAME]) + one)
        for begin in range(0, len(frames), 20):
            some = [one for one in frames[begin:begin + 20] if len(one) < 4000]
            seeds.add("dispatcher", pieces(*(bytes([SEND]) + one for one in some)))
    for file in sorted(capture.glob("*.responses")):
        for line in file.read_text().splitlines():
            key, version, text = line.split()
            if len(text) < 4000:
                seeds.add("messages", bytes([RESPONSE, int(key), int(version)]) + bytes.fromhex(text))
    for file in sorted(capture.glob("*.znode")):
        seeds.add("texts", bytes([int(file.name.split("-")[0])]) + file.read_bytes())
    for folder in sorted((capture / "log").glob("*")):
        if folder.is_dir():
            add_log_directory(seeds, folder)


def main():
    seeds = Seeds(pathlib.Path(sys.argv[1]))
    add_golden_messages(seeds)
    add_golden_records(seeds)
    add_texts(seeds)
    for capture in sys.argv[2:]:
        add_capture(seeds, pathlib.Path(capture))


if __name__ == "__main__":
    main()
