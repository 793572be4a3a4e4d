"""Results as pages."""

import machine
import record

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
31 22 0:27 / /tmp rw,nosuid shared:9 - tmpfs tmpfs rw
35 22 254:16 / /srv/with\\040space rw shared:11 - xfs /dev/vdb rw
36 35 0:40 / /srv/with\\040space rw shared:12 - btrfs /dev/vdc rw
"""


def test_second_page_of_a_day_has_a_name_of_its_own(tmp_path):
    names = []
    for _ in range(3):
        path = record.new_path(tmp_path, "2026-11-27")
        path.touch()
        names.append(path.name)
    assert names == ["2026-11-27.md", "2026-11-27-2.md", "2026-11-27-3.md"]


def test_page_has_what_is_needed_to_repeat_it():
    assert record.page("2026-11-27", "2 cores", "Gregor abc", "tests/bench/run --quick", "a table", ["one remark"]) == (
        "# 2026-11-27\n\n- Machine: 2 cores\n- Versions: Gregor abc\n- Command: `tests/bench/run --quick`\n"
        "- one remark\n\n```\na table\n```\n")


def test_command_is_shown_as_it_is_typed_in_the_project():
    assert record.command(["/somewhere/tests/bench/compare", "h:1", "--peer-name", "Kafka 3.9"]) == \
        "tests/bench/compare h:1 --peer-name 'Kafka 3.9'"


def test_file_system_is_that_of_the_deepest_mount():
    assert machine.filesystem("/home/x", MOUNTS) == "ext4"
    assert machine.filesystem("/tmp", MOUNTS) == "tmpfs"
    assert machine.filesystem("/tmp/x/y", MOUNTS) == "tmpfs"
    assert machine.filesystem("/tmpx", MOUNTS) == "ext4"
    assert machine.filesystem("/srv/with space/x", MOUNTS) == "btrfs"
    assert machine.filesystem("/home/x", "") == "unknown file system"


def test_processor_is_named_and_said_to_be_virtual():
    assert machine.processor("model name\t: AMD EPYC\nflags\t\t: fpu hypervisor avx\n") == "AMD EPYC, virtual"
    assert machine.processor("model name\t: Xeon\nflags\t\t: fpu avx\n") == "Xeon"
