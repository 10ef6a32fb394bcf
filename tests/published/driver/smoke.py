"""The seven smoke checks of README.md."""

from .agent import poll
from .report import expect, expect_equal
from .scenario import collect
from .scene import LANGUAGES

SCENARIOS = []
scenario = collect(SCENARIOS)

TOKEN = "let-me-in-4711"
REFUSED_WITHIN_MS = 1000
PARAMS = 2000
PARAM_PREFIX = "/smoke5/params/of-a-40-byte-address/"  # 36 bytes, and 4 digits
GESTURE_HERTZ = 125
GESTURE_MOVES = 125
WRITES = 900


# protocol/wire.md 3.4, 9.2, 9.3, protocol/router.md 9.3, 9.5
@scenario("smoke-1")
def python_keeps_working(scene):
    client, other = scene.client("python"), scene.client("python")
    client.subscribe("/x/**", "x")
    other.subscribe("/x/event", "event")
    with scene.check("python: both updates of two sets arrive"):
        client.set("/x/1", 1)
        client.set("/x/1", 2)
        client.await_value("x", 2)
        expect_equal(client.values("x", "/x/1"), [1, 2], "updates")
    with scene.check("python: get answers from the cache"):
        expect_equal(client.get("/x/1"), 2, "get")
    with scene.check("python: get answers from the router"):
        expect_equal(other.cached("/x/1"), (False, None), "cache of a client without a subscription")
        expect_equal(other.get("/x/1"), 2, "get")
    with scene.check("python: a bundle arrives, set and event"):
        client.call("bundle", members=[("set", "/x/2", "two"), ("set", "/x/3", [3]), ("emit", "/x/event", {"a": 1})])
        client.await_value("x", [3])
        other.await_value("event", {"a": 1})
        expect_equal(client.values("x", "/x/2"), ["two"], "the first member")
    with scene.check("python: a bundle's event is not echoed"):
        client.settle()
        expect_equal(client.values("x", "/x/event"), [], "events at their publisher")
    with scene.check("python: a bundle with a time arrives at that time"):
        _expect_on_time(client, "x", "/x/4")
    with scene.check("python: query_signals answers"):
        expect_equal(client.call("query", pattern="/x/**")["addresses"], [], "signals")
    with scene.check("python: still receives after 50 sets"):
        client.set_all([("/x/5", n) for n in range(50)])
        client.await_value("x", 49)
        expect_equal(other.get("/x/5"), 49, "get of another client")
    with scene.check("python: unsubscribe ends the updates"):
        client.call("unsubscribe", label="x")
        client.set("/x/6", "unseen")
        client.settle()
        expect_equal(client.values("x", "/x/6"), [], "updates after unsubscribe")


# protocol/router.md 2.8, 6.1, 8.1, 9.5
@scenario("smoke-2")
def javascript_keeps_working(scene):
    client, other = scene.client("js"), scene.client("js")
    client.subscribe("/y/**", "y")
    other.subscribe("/y/**", "y")
    with scene.check("js: cached after the echo of its own set"):
        expect_equal(client.cached("/y/1"), (False, None), "cache before")
        client.set("/y/1", 0.5)
        client.await_value("y", 0.5)
        expect_equal(client.cached("/y/1"), (True, 0.5), "cache")
    for language in LANGUAGES:
        with scene.check(f"{language}: a late joiner holds the value right after connect"):
            scene.client(language).await_cached("/y/1", 0.5, within_s=1)
    with scene.check("js: emit reaches others and is not echoed"):
        client.emit("/y/2", "bang")
        other.await_value("y", "bang")
        client.settle()
        expect_equal(client.values("y", "/y/2"), [], "events at their publisher")
    with scene.check("js: gesture merges its value with phase and gestureId"):
        client.call("gesture", address="/y/3", gesture=7, phase="start", value={"x": 0.25})
        client.call("gesture", address="/y/3", gesture=7, phase="end", value={"x": 0.75})
        other.await_value("y", {"x": 0.75, "phase": "end", "gestureId": 7.0})
        expect_equal(other.values("y", "/y/3")[0], {"x": 0.25, "phase": "start", "gestureId": 7.0}, "start")
    with scene.check("js: a bundle 300 ms ahead arrives at that time"):
        _expect_on_time(client, "y", "/y/4")
    with scene.check("js: stream arrives"):
        client.call("stream", address="/y/5", value=[1.0, 2.0])
        other.await_value("y", [1.0, 2.0])


# protocol/router.md 6.6, 6.7, 6.8
@scenario("smoke-3")
def rust_locks(scene):
    holder, other = scene.client("rust", alone=True), scene.client("rust")
    other.subscribe("/z/**", "z")
    with scene.check("rust: set_locked is applied"):
        holder.call("set_locked", address="/z/1", value="mine")
        other.await_value("z", "mine")
    with scene.check("rust: another client's set is refused with 401"):
        other.set("/z/1", "stolen")
        expect_equal(other.await_refusal(401)["address"], "/z/1", "address of the error")
    with scene.check("rust: another client's unlock is refused with 401"):
        other.set("/z/other", "clears nothing")
        other.call("set_unlocked", address="/z/1", value="unlocked by force")
        other.settle()
        expect_equal(other.values("z", "/z/1"), ["mine"], "the locked param")
        other.await_refusal(401)
    with scene.check("rust: the holder may write, and unlock"):
        holder.set("/z/1", "again mine")
        other.await_value("z", "again mine")
        holder.call("set_unlocked", address="/z/1", value="free")
        other.await_value("z", "free")
        other.set("/z/1", "taken")
        other.await_value("z", "taken")
    with scene.check("rust: the lock ends with its holder"):
        holder.call("set_locked", address="/z/2", value="mine too")
        other.await_value("z", "mine too")
        holder.agent.stop()

        def written():
            other.set("/z/2", "inherited")
            other.settle()
            return "inherited" in other.values("z", "/z/2")

        poll(written, "the other client's set succeeds")


# protocol/router.md 2.3, 2.10
@scenario("smoke-4", "--token", TOKEN)
def wrong_tokens(scene):
    for language in LANGUAGES:
        _expect_refused(scene, language, "a wrong token", "Invalid token: token not found", token="wrong")
        _expect_refused(scene, language, "no token", "Authentication required")
        with scene.check(f"{language}: the right token connects and works"):
            client = scene.client(language, token=TOKEN)
            client.subscribe("/t/**", "t")
            client.set("/t/1", language)
            client.await_value("t", language)


# protocol/router.md 2.8, 7.4
@scenario("smoke-5", slow=True)
def many_params(scene):
    writers = [scene.client(language) for language in LANGUAGES]
    with scene.check(f"{PARAMS} params are written by all three clients"):
        for index, writer in enumerate(writers):
            # Below the router's 1000 messages a second for one session.
            writer.set_all([(f"{PARAM_PREFIX}{n:04}", n) for n in range(index, PARAMS, len(writers))])
        for writer in writers:
            writer.settle()
    for language in LANGUAGES:
        with scene.check(f"{language}: the cache holds {PARAMS} right after connect"):
            _expect_held(scene.client(language), within_s=2)


# protocol/router.md 8.1, 8.4, 8.5
@scenario("smoke-6", slow=True)
def fast_gestures(scene):
    for publisher_language, subscriber_language in (("js", "python"), ("python", "rust"), ("rust", "js")):
        publisher, subscriber = scene.client(publisher_language), scene.client(subscriber_language)
        address, label = f"/g/{publisher_language}", "g"
        publisher.subscribe("/g/**", label)
        subscriber.subscribe("/g/**", label)
        run = publisher.post("gesture_run", address=address, gesture=3, moves=GESTURE_MOVES, hertz=GESTURE_HERTZ)
        seconds = publisher.agent.reply(run, within_s=10)["ms"] / 1000
        with scene.check(f"{subscriber_language}: sees a {GESTURE_HERTZ} Hz gesture of {publisher_language} to its end"):
            _await_gesture_end(subscriber, label)
            steps = [value["n"] for value in subscriber.values(label, address)]
            expect_equal(steps[0], 0, "first message")
            expect(steps == sorted(steps), f"moves out of order: {steps}")
            expect_equal(steps[-2], GESTURE_MOVES, "the last move before the end")
        with scene.check(f"{subscriber_language}: sees about 60 moves a second of {publisher_language}"):
            rate = (len(steps) - 2) / seconds
            expect(45 <= rate <= 66, f"expected 45 to 66 moves a second, found {rate:.0f}")
        with scene.check(f"{publisher_language}: sees none of its own gesture"):
            publisher.settle()
            expect_equal(publisher.values(label, address), [], "its own gesture")


# protocol/router.md 5.11, 6.4
@scenario("smoke-7", slow=True)
def many_subscribers(scene):
    subscribers = [scene.client(language) for language in LANGUAGES for _ in range(4)]
    for subscriber in subscribers:
        subscriber.subscribe("/s/**", "s")
    writer = scene.client("js")
    writer.set_all([("/s/1", n) for n in range(1, WRITES + 1)])
    for index, subscriber in enumerate(subscribers):
        with scene.check(f"{subscriber.language} {index % 4 + 1}: ends on the last of {WRITES} values, in order"):
            subscriber.await_value("s", WRITES)
            subscriber.settle()
            values = subscriber.values("s", "/s/1")
            expect_equal(values[-1], WRITES, "last value")
            expect(_increasing(values), "values went back")
    for index, subscriber in enumerate(subscribers[:4]):
        with scene.check(f"js {index + 1}: revisions increase strictly"):
            frames = subscriber.call("frames", type="SET", address="/s/1")
            revisions = [frame["revision"] for frame in frames]
            expect_equal(revisions[-1], WRITES, "last revision")
            expect(_increasing(revisions), "revisions went back")


def _expect_on_time(client, label, address):
    # Router and client share the clock of this machine, so the arrival can be compared with the time asked for.
    at_us = client.call("bundle", members=[("set", address, "on time")], at_ms=300)["at_us"]
    late_ms = (client.await_value(label, "on time")["at_us"] - at_us) / 1000
    expect(-3 <= late_ms <= 100, f"expected it within 100 ms of its time, it came {late_ms:.1f} ms after")


def _expect_refused(scene, language, case, reason, token=None):
    with scene.check(f"{language}: {case} is refused within 1 s"):
        reply = scene.stranger(language).connect(token=token)
        expect(not reply["connected"], "it connected")
        expect(reply["ms"] <= REFUSED_WITHIN_MS, f"it took {reply['ms']} ms: {reply['reason']}")
        # The Rust client does not repeat the reason of a close.
        expect(language == "rust" or reason in reply["reason"], f"expected {reason!r}, found {reply['reason']!r}")


def _expect_held(client, within_s):
    def held():
        return client.call("count_cached", prefix=PARAM_PREFIX, count=PARAMS)["held"]

    try:
        poll(lambda: held() == PARAMS, "", within_s)
    finally:
        expect_equal(held(), PARAMS, "params in the cache")


def _await_gesture_end(subscriber, label):
    def ended():
        return any(value["n"] == GESTURE_MOVES + 1 for value in subscriber.values(label))

    subscriber.agent.wait(ended, "end of the gesture")


def _increasing(numbers):
    return all(earlier < later for earlier, later in zip(numbers, numbers[1:]))
