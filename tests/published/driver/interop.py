"""What one published client writes, read by the other two and by itself."""

from .report import expect, expect_equal
from .scenario import collect
from .scene import LANGUAGES
from .values import as_floats, plain, tagged

SCENARIOS = []
scenario = collect(SCENARIOS)

BEYOND_DOUBLES = 9007199254740993  # 2^53 + 1

VALUES = {
    "null": None,
    "true": True,
    "false": False,
    "int": 5,
    "zero": 0,
    "negative-int": -(1 << 40),
    "float": 0.1,
    "minus-zero": -0.0,
    "infinity": float("inf"),
    "string": "h\u00e9llo \u2603 \U0001d11e",
    "empty-string": "",
    "bytes": bytes(range(256)),
    "utf-8-bytes": b"text",
    "empty-bytes": b"",
    "array": [1, "two", None, [True, 3.5]],
    "empty-array": [],
    "map": {"x": 0.5, "y": -2, "nested": {"name": "n", "data": b"\x00\xff"}},
    "empty-map": {},
}

LARGE_INTS = {"int-beyond-doubles": BEYOND_DOUBLES, "int-minimum": -(1 << 63), "int-maximum": (1 << 63) - 1}


# protocol/wire.md 5.10
@scenario("interop-set")
def params(scene):
    for writer_language in LANGUAGES:
        values = _values_of(writer_language)

        def write(writer, root, values=values):
            writer.set_all([(f"{root}/{name}", value) for name, value in values.items()])

        _exchange(scene, "set", writer_language, values, write)


@scenario("interop-bundle")
def bundles(scene):
    for writer_language in LANGUAGES:
        values = _values_of(writer_language)

        def write(writer, root, values=values):
            writer.call("bundle", members=[("set", f"{root}/{name}", value) for name, value in values.items()])

        _exchange(scene, "bundle", writer_language, values, write)


# protocol/wire.md 9.4
@scenario("interop-event")
def events(scene):
    for writer_language in LANGUAGES:
        values = _values_of(writer_language)

        def write(writer, root, values=values):
            for name, value in values.items():
                writer.emit(f"{root}/{name}", value)

        _exchange(scene, "event", writer_language, values, write, read=_read_published)


@scenario("interop-stream")
def streams(scene):
    for writer_language in LANGUAGES:
        values = _values_of(writer_language)

        def write(writer, root, values=values):
            for name, value in values.items():
                writer.call("stream", address=f"{root}/{name}", value=value)

        _exchange(scene, "stream", writer_language, values, write, read=_read_published)


# protocol/router.md 2.8, 5.2
@scenario("interop-snapshot")
def snapshots(scene):
    for writer_language in LANGUAGES:
        values, root = _values_of(writer_language), f"/late/{writer_language}"
        writer = scene.client(writer_language)
        writer.set_all([(f"{root}/{name}", value) for name, value in values.items()])
        writer.settle()
        for reader_language in LANGUAGES:
            with scene.check(f"{writer_language} -> {reader_language}: connect snapshot"):
                reader = scene.client(reader_language)
                label = reader.subscribe(f"{root}/**")
                found = {event["address"]: event["value"] for event in reader.updates(label)}
                _expect_same(found, _expected(values, root, writer_language, reader_language, _read_param))
                for name in values:
                    held = reader.call("cached", address=f"{root}/{name}")
                    expect(held["found"], f"{name} is not in the cache")


# protocol/router.md 7.1
@scenario("interop-get")
def gets(scene):
    readers = [scene.client(language) for language in LANGUAGES]
    for writer_language in LANGUAGES:
        values, root = _values_of(writer_language), f"/got/{writer_language}"
        writer = scene.client(writer_language)
        writer.set_all([(f"{root}/{name}", value) for name, value in values.items()])
        writer.settle()
        for reader in readers:
            with scene.check(f"{writer_language} -> {reader.language}: get"):
                found = {f"{root}/{name}": reader.call("get", address=f"{root}/{name}")["value"] for name in values}
                _expect_same(found, _expected(values, root, writer_language, reader.language, _read_param))


# protocol/router.md 8.8
@scenario("interop-timeline")
def timelines(scene):
    subscribers = [scene.client(language) for language in LANGUAGES]
    for subscriber in subscribers:
        subscriber.subscribe("/timeline/**", "timeline")
    for writer_language in LANGUAGES:
        writer, address = scene.client(writer_language), f"/timeline/{writer_language}"
        writer.call("timeline", address=address)
        for subscriber in subscribers:
            with scene.check(f"{writer_language} -> {subscriber.language}: timeline is relayed"):
                subscriber.agent.wait(lambda: subscriber.values("timeline", address) == [None], "one update with null")
        with scene.check(f"{writer_language} -> js: timeline keeps its signal"):
            frames = subscribers[0].call("frames", type="PUBLISH", address=address)
            expect_equal([frame["signal"] for frame in frames], ["timeline"], "signals")


# protocol/router.md 8.2
@scenario("interop-samples")
def samples(scene):
    subscribers = [scene.client(language) for language in LANGUAGES]
    for subscriber in subscribers:
        subscriber.subscribe("/samples/**", "samples")
    scene.client("rust").call("bundle", members=[("samples", "/samples/1", [0.5, -1.0, 2.0])])
    for subscriber in subscribers:
        with scene.check(f"rust -> {subscriber.language}: samples are relayed"):
            subscriber.agent.wait(lambda: subscriber.values("samples") == [None], "one update with null")
    with scene.check("rust -> js: samples are in the message"):
        frames = subscribers[0].call("frames", type="PUBLISH", address="/samples/1")
        expect_equal([frame.get("samples") for frame in frames], [[0.5, -1.0, 2.0]], "samples")


# protocol/router.md 8.2
@scenario("interop-gesture")
def gestures(scene):
    subscribers = [scene.client(language) for language in LANGUAGES]
    for subscriber in subscribers:
        subscriber.subscribe("/touch/**", "touch")
    for writer_language in LANGUAGES:
        writer, address = scene.client(writer_language), f"/touch/{writer_language}"
        for phase, value in (("start", {"x": 0.5}), ("end", {"x": 1.5}), ("cancel", 7.5)):
            writer.call("gesture", address=address, gesture=9, phase=phase, value=value)
        for subscriber in subscribers:
            with scene.check(f"{writer_language} -> {subscriber.language}: gesture keeps value, phase and id"):
                subscriber.agent.wait(lambda: len(subscriber.values("touch", address)) == 3, "three updates")
                expect_equal(subscriber.values("touch", address), _gesture_read_by(subscriber.language), "updates")


def _gesture_read_by(language):
    if language != "js":
        return [{"x": 0.5}, {"x": 1.5}, 7.5]
    # This client merges phase and id into the value, and loses a value that is no map.
    merged = [("start", {"x": 0.5}), ("end", {"x": 1.5}), ("cancel", {})]
    return [value | {"phase": phase, "gestureId": 9.0} for phase, value in merged]


def _exchange(scene, kind, writer_language, values, write, read=None):
    """One writer, one reader of each language: every value arrives once, and as that pair of clients reads it."""
    root = f"/{kind}/{writer_language}"
    readers = [scene.client(language) for language in LANGUAGES]
    labels = [reader.subscribe(f"{root}/**") for reader in readers]
    write(scene.client(writer_language), root)
    for reader, label in zip(readers, labels):
        with scene.check(f"{writer_language} -> {reader.language}: every value"):
            expected = _expected(values, root, writer_language, reader.language, read or _read_param)
            try:
                reader.agent.wait(lambda: len(reader.updates(label)) >= len(expected), "complete set of updates")
            finally:
                _expect_same({event["address"]: event["value"] for event in reader.updates(label)}, expected)
            reader.settle()
            expect_equal(len(reader.updates(label)), len(expected), "number of updates")


def _values_of(language):
    return VALUES if language == "js" else VALUES | LARGE_INTS


def _expected(values, root, writer_language, reader_language, read):
    expected = {}
    for name, value in values.items():
        form = tagged(value)
        if "js" in (writer_language, reader_language):
            form = as_floats(form)
        expected[f"{root}/{name}"] = read(form, reader_language)
    return expected


def _read_param(form, _language):
    return form


def _read_published(form, language):
    # The Python client reads `value or payload`: whatever is false becomes None.
    return tagged(None) if language == "python" and not plain(form) else form


def _expect_same(found, expected):
    wrong = [
        f"{address}: expected {form}, found {found.get(address, 'nothing')}"
        for address, form in expected.items()
        if found.get(address) != form
    ]
    wrong += [f"{address}: not written" for address in found.keys() - expected.keys()]
    expect(not wrong, f"{len(wrong)} of {len(expected)} differ: " + "; ".join(wrong[:4]))
