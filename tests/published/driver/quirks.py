"""What the published clients rely on beyond the smoke checks; README.md lists the rules."""

import time

from .agent import poll
from .report import expect, expect_equal
from .scenario import collect
from .scene import LANGUAGES

SCENARIOS = []
scenario = collect(SCENARIOS)

BURST = 3000
# More than half of the largest frame, so that no two of them fit in one.
LARGE = "x" * 40_000
# The Python client tries once only, so the router must be back by then.
RECONNECT_MS = 1500


# protocol/wire.md 1.2, protocol/router.md 2.7, 14.5
@scenario("start")
def start_and_stop(scene):
    for language in LANGUAGES:
        with scene.check(f"{language}: the printed URL works as it is"):
            _expect_works(scene.client(language, url=scene.router.printed_url), "/start/printed")
        with scene.check(f"{language}: any path is accepted"):
            _expect_works(scene.client(language, url=f"{scene.router.url}/clasp"), "/start/path")
    with scene.check("session ids are distinct, and fit in an address"):
        sessions = [client.session for client in scene.clients]
        expect_equal(len(set(sessions)), len(sessions), "distinct session ids")
        expect(all(session and "/" not in session for session in sessions), f"found {sessions}")
    with scene.check("SIGTERM ends the router with exit code 0, with clients connected"):
        code = scene.router.stop()
        scene.start()
        expect_equal(code, 0, "exit code")


# protocol/wire.md 9.3, protocol/router.md 3.1, 6.2
@scenario("q1")
def python_lives_on(scene):
    client = scene.client("python")
    client.subscribe("/q1/**", "q1")
    with scene.check("python: hears all of 50 sets, one after the other"):
        for n in range(50):
            client.set("/q1/n", n)
            client.await_value("q1", n)
    with scene.check("python: lives on after another client's bundle, stream, timeline and locks"):
        other = scene.client("rust")
        other.call("bundle", members=[("set", "/q1/bundled", 1), ("emit", "/q1/event", 2)])
        other.call("stream", address="/q1/stream", value=3)
        other.call("timeline", address="/q1/timeline")
        other.call("set_locked", address="/q1/locked", value=4)
        other.call("set_unlocked", address="/q1/locked", value=5)
        other.set("/q1/last", "last")
        client.await_value("q1", "last")
        client.set("/q1/own", "own")
        client.await_value("q1", "own")
    with scene.check("python: lives on after refusals"):
        client.set("not-an-address", 1)
        client.set("/q1/*", 1)
        poll(lambda: client.call("refusals")["count"] >= 2, "two refusals")
        expect_equal(client.refusal()["code"], 200, "code")
        client.set("/q1/own", "still here")
        client.await_value("q1", "still here")


# protocol/router.md 5.3
@scenario("q5")
def one_copy(scene):
    for language in LANGUAGES:
        client = scene.client(language)
        root = f"/q5/{language}"
        labels = [client.subscribe(pattern) for pattern in (f"{root}/**", f"{root}/*", f"{root}/a")]
        with scene.check(f"{language}: three subscriptions that match bring one copy"):
            client.set(f"{root}/a", 1)
            client.set(f"{root}/a", 2)
            client.settle()
            for label in labels:
                expect_equal(client.values(label), [1, 2], f"updates of {label}")


# protocol/wire.md 1.6
@scenario("q8")
def ping(scene):
    client = scene.client("python")
    with scene.check("python: a WebSocket ping is answered"):
        client.call("ws_ping", within_s=1)


# protocol/router.md 7.1
@scenario("q11")
def get_of_a_param(scene):
    readers = [scene.client(language) for language in LANGUAGES]
    writer = scene.client("rust")
    writer.set("/q11/a", "a")
    writer.set("/q11/b", "b")
    writer.settle()
    for reader in readers:
        with scene.check(f"{reader.language}: get brings exactly that address"):
            expect_equal(reader.get("/q11/a"), "a", "get")
            expect_equal(reader.cached("/q11/a"), (True, "a"), "cache of the address")
            expect_equal(reader.cached("/q11/b"), (False, None), "cache of its neighbour")
    with scene.check("js: the answer is one SNAPSHOT with one param"):
        frames = readers[0].call("frames", type="SNAPSHOT")
        expect_equal(frames[-1]["addresses"], ["/q11/a"], "addresses")


# protocol/router.md 7.2
@scenario("q12")
def get_of_nothing(scene):
    for language in LANGUAGES:
        client, address = scene.client(language), f"/q12/{language}"
        client.subscribe(address, "q12")
        with scene.check(f"{language}: get of a missing address answers ERROR 201"):
            pending = client.post("get", background=True, address=address)
            refusal = client.await_refusal(201)
            expect(refusal["address"] in (address, None), f"address of the error: {refusal['address']}")
        with scene.check(f"{language}: caches and callbacks stay clean"):
            client.settle()
            expect_equal(client.cached(address), (False, None), "cache")
            expect_equal(client.values("q12"), [], "updates")
        with scene.check(f"{language}: a pending get is resolved by no SET, later gets work"):
            client.set(address, "now")
            client.await_value("q12", "now")
            expect(pending not in client.agent.replies, "the pending get was resolved")
            expect_equal(client.get(address), "now", "get")


# protocol/router.md 10.2, 10.3
@scenario("q13")
def queries(scene):
    client, js = scene.client("python"), scene.client("js")
    crowd = [(f"/q13/crowd/{part}", [f"/q13/crowd/{part:04}/{n:04}" for n in range(100)]) for part in range(30)]
    with scene.check("signals can be announced"):
        js.call("announce", url=scene.router.url, signals=[("/q13/few", ["/q13/few/a", "/q13/few/b"]), *crowd])
    with scene.check("python: a query answers with its signals"):
        expect_equal(sorted(client.call("query", pattern="/q13/few/*")["addresses"]), ["/q13/few/a", "/q13/few/b"], "signals")
    with scene.check("python: a query of nothing answers an empty list"):
        expect_equal(client.call("query", pattern="/nothing/**")["addresses"], [], "signals")
    with scene.check("python: pending queries are answered one each"):
        pending = [client.post("query", background=True, pattern=f"/q13/few/{last}") for last in "ab"]
        found = [client.agent.reply(request)["addresses"] for request in pending]
        expect_equal(found, [["/q13/few/a"], ["/q13/few/b"]], "signals")
    with scene.check("python: more signals than fit in a frame are one full answer, and the next query gets its own"):
        pending = [client.post("query", background=True, pattern=pattern) for pattern in ("/q13/crowd/**", "/q13/few/a")]
        first, second = [client.agent.reply(request)["addresses"] for request in pending]
        expect(len(first) >= 2000, f"expected a full frame of signals, found {len(first)}")
        expect_equal(len(set(first)), len(first), "distinct signals")
        expect_equal(second, ["/q13/few/a"], "the next query")


@scenario("q16")
def subscription_ids(scene):
    clients = [scene.client(language) for language in LANGUAGES]
    for client in clients:
        client.subscribe(f"/q16/{client.language}/*", "own")
    with scene.check("equal subscription ids of different sessions do not meet"):
        for language in LANGUAGES:
            clients[0].set(f"/q16/{language}/a", language)
        for client in clients:
            client.await_value("own", client.language)
        clients[0].call("unsubscribe", label="own")
        clients[0].settle()
        for language in LANGUAGES:
            clients[0].set(f"/q16/{language}/a", "again")
        clients[0].settle()
        for client in clients[1:]:
            client.await_value("own", "again")
        for client in clients:
            expect_equal(client.values("own"), [client.language, "again"][: 1 if client.language == "js" else 2], "updates")


# protocol/wire.md 9.1
@scenario("q18")
def numbers(scene):
    reader, js, python = scene.client("python"), scene.client("js"), scene.client("python")
    reader.subscribe("/q18", "n")
    with scene.check("a param may change between int and float, each as it was sent"):
        python.set("/q18", 5)
        reader.await_value("n", 5)
        js.set("/q18", 5)
        reader.agent.wait(lambda: len(reader.updates("n")) == 2, "second update")
        python.set("/q18", 6)
        reader.await_value("n", 6)
        expect_equal([type(value) for value in reader.values("n")], [int, float, int], "types")


# protocol/router.md 15.1, 15.2
@scenario("q22", slow=True)
def flood(scene):
    client, other = scene.client("js"), scene.client("js")
    other.subscribe("/q22/**", "q22")
    with scene.check(f"js: {BURST} messages at once bring few errors"):
        requests = [client.post("emit", address="/q22/n", value=n) for n in range(BURST)]
        client.agent.reply(requests[-1])
        client.await_refusal(429)
        time_of_last = time.monotonic()
        poll(lambda: _took_again(client, other), "writes are taken again")
        errors, seconds = client.call("refusals")["count"], time.monotonic() - time_of_last
        expect(1 <= errors <= 3 + seconds, f"expected one 429 a second, found {errors} in {seconds:.1f} s")
    with scene.check("js: what the limit let through arrives in order"):
        values = [value for value in other.values("q22", "/q22/n")]
        expect(len(values) >= 900, f"expected 900 or more of {BURST}, found {len(values)}")
        expect(values == sorted(values), "out of order")


# protocol/wire.md 6.9, protocol/router.md 6.1, 8.2
@scenario("q23")
def surplus(scene):
    js, python = scene.client("js"), scene.client("python")
    js.subscribe("/q23/**", "q23")
    with scene.check("js: a relayed PUBLISH carries nothing surplus"):
        python.emit("/q23/event", {"a": 1})
        python.call("gesture", address="/q23/gesture", gesture=4, phase="start", value={"b": 2})
        js.agent.wait(lambda: len(js.updates("q23")) == 2, "two updates")
        frames = js.call("frames", type="PUBLISH")
        expect_equal([frame.get("rate") for frame in frames], [None, None], "rate")
        expect_equal([frame.get("id") for frame in frames], [None, 4], "id")
    with scene.check("js: SET with ttl, locked and unlocked arrives"):
        rust = scene.client("rust")
        python.set("/q23/ttl", 1, ttl=60)
        rust.call("set_locked", address="/q23/locked", value=2)
        rust.call("set_unlocked", address="/q23/locked", value=3)
        for value in (1, 2, 3):
            js.await_value("q23", value)


# protocol/router.md 4.1, 4.2, 4.3, 4.5
@scenario("patterns")
def patterns(scene):
    writer = scene.client("rust")
    # Each client filters what it is sent once more, so only what its own filter lets pass can be asked of it.
    cases = {
        "/p/**": {"js": ["/p/b", "/p/b/c", "/p/bd"], "python": ["/p", "/p/b", "/p/b/c", "/p/bd"], "rust": ["/p/b", "/p/b/c", "/p/bd"]},
        "/p/*": {"js": ["/p/b", "/p/bd"], "python": ["/p/b", "/p/bd"], "rust": ["/p/b", "/p/bd"]},
        "/p/b*": {"js": ["/p/bd"], "python": [], "rust": ["/p/b", "/p/bd"]},
        "/p/**/c": {"js": ["/p/b/c"], "python": ["/p/b/c"], "rust": ["/p/b/c"]},
        "/p/b": {"js": ["/p/b"], "python": ["/p/b"], "rust": ["/p/b"]},
    }
    addresses = ["/p", "/p/b", "/p/bd", "/p/b/c", "/q", "/pb"]
    clients = {(language, pattern): scene.client(language) for language in LANGUAGES for pattern in cases}
    for (_, pattern), client in clients.items():
        client.subscribe(pattern)
    for address in addresses:
        writer.set(address, address)
    writer.settle()
    for (language, pattern), client in clients.items():
        with scene.check(f"{language}: {pattern} live and in the snapshot"):
            expected = cases[pattern][language]
            client.agent.wait(lambda: len(client.updates(pattern)) >= len(expected), f"updates of {pattern}")
            client.settle()
            expect_equal(sorted(client.values(pattern)), sorted(expected), "live")
            late = scene.client(language)
            late.settle()  # so that the snapshot of the connect comes before the subscription
            late.subscribe(pattern)
            expect_equal(sorted(late.values(pattern)), sorted(expected), "snapshot")


# protocol/router.md 5.7, 5.8
@scenario("converge")
def converge(scene):
    clients = [scene.client(language) for language in LANGUAGES]
    for client in clients:
        client.subscribe("/converge", "converge")
    requests = [
        (client, client.post("set", address="/converge", value=f"{client.language} {n}"))
        for n in range(200)
        for client in clients
    ]
    for client, request in requests:
        client.agent.reply(request)
    for client in clients:
        client.settle()
    late = scene.client("rust").get("/converge")
    for client in clients:
        with scene.check(f"{client.language}: ends on the value that the router holds, of three writers at once"):
            client.await_value("converge", late)
            expect_equal(client.values("converge")[-1], late, "last value")
            expect_equal(client.cached("/converge"), (True, late), "cache")
        for language in LANGUAGES:
            with scene.check(f"{client.language}: sees the writes of {language} in their order"):
                own = [value for value in client.values("converge") if value.startswith(language)]
                expect_equal(own, sorted(own, key=lambda value: int(value.split()[1])), "writes")


@scenario("large")
def large_values(scene):
    for writer_language in LANGUAGES:
        writer, reader = scene.client(writer_language), scene.client("python")
        root = f"/large/{writer_language}"
        reader.subscribe(f"{root}/**", "large")
        with scene.check(f"{writer_language}: values that need a frame each arrive"):
            writer.set_all([(f"{root}/{n:02}", LARGE + str(n)) for n in range(20)])
            reader.await_value("large", LARGE + "19")
            expect_equal(len(reader.updates("large")), 20, "updates")
        for language in LANGUAGES:
            with scene.check(f"{writer_language} -> {language}: and are all in the snapshot"):
                late = scene.client(language)
                late.await_cached(f"{root}/00", LARGE + "0")
                late.await_cached(f"{root}/19", LARGE + "19")


@scenario("rates")
def rates(scene):
    writer = scene.client("rust")
    for language in ("js", "python"):
        client, root = scene.client(language), f"/rates/{language}"
        client.subscribe(f"{root}/rate", "rate", max_rate=10)
        client.subscribe(f"{root}/epsilon", "epsilon", epsilon=0.5)
        with scene.check(f"{language}: maxRate 10 thins out a burst and brings the last value"):
            writer.set_all([(f"{root}/rate", n) for n in range(1, 101)])
            client.await_value("rate", 100)
            found = len(client.updates("rate"))
            expect(found <= 10, f"expected 10 updates at most, found {found}")
        with scene.check(f"{language}: epsilon 0.5 leaves out small steps"):
            writer.set_all([(f"{root}/epsilon", value) for value in (1.0, 1.1, 1.2, 2.0, 2.1, 5.0)])
            client.await_value("epsilon", 5.0)
            expect_equal(client.values("epsilon"), [1.0, 2.0, 5.0], "updates")


# protocol/router.md 6.13, 6.14
@scenario("ttl", slow=True)
def ttl(scene):
    python = scene.client("python")
    with scene.check("python: a param with ttl 1 expires"):
        python.set("/ttl/short", "short", ttl=1)
        python.set("/ttl/never", "never", ttl=0)
        python.settle()
        scene.client("js").await_cached("/ttl/short", "short")

        def gone():
            late = scene.client("js")
            late.await_cached("/ttl/never", "never")
            return late.cached("/ttl/short") == (False, None)

        poll(gone, "the param is not in the snapshot any more")


# protocol/router.md 13.1, 13.2
@scenario("signalling")
def signalling(scene):
    target, bystander, sender = scene.client("python"), scene.client("rust"), scene.client("js")
    address = f"/clasp/p2p/signal/{target.session}"
    target.subscribe(address, "signal")
    bystander.subscribe("/clasp/p2p/**", "signal")
    offer = {"type": "offer", "from": sender.session, "sdp": "v=0", "correlation_id": "c"}
    with scene.check("a signal reaches its session and nobody else"):
        sender.emit(address, offer)
        target.await_value("signal", offer)
        sender.emit("/clasp/p2p/announce", "barrier")
        bystander.await_value("signal", "barrier")
        expect_equal(bystander.values("signal"), ["barrier"], "signals of a bystander")
    with scene.check("a signal to nobody answers ERROR 404"):
        sender.emit("/clasp/p2p/signal/00000000-0000-0000-0000-000000000000", offer)
        sender.await_refusal(404)
    with scene.check("a signal in another's name answers ERROR 403"):
        sender.emit(address, offer | {"from": bystander.session, "sdp": "forged"})
        sender.await_refusal(403)
        expect_equal(target.values("signal"), [offer], "signals")


@scenario("reconnect", slow=True)
def reconnect(scene):
    clients = [scene.client(language, reconnect_ms=RECONNECT_MS) for language in LANGUAGES]
    for client in clients:
        client.subscribe("/r/**", "r")
    sessions = {client.language: client.session for client in clients}
    port = scene.router.port
    scene.router.stop()
    scene.start(port=port)
    for client in clients:
        with scene.check(f"{client.language}: connects again on a new session"):
            poll(lambda: _connected_anew(client, sessions[client.language]), "a new session", within_s=10)
    with scene.check("js, rust: are subscribed again"):
        # Both re-send their subscriptions some time after connecting, and no answer tells when they have.
        def heard():
            clients[0].set("/r/1", "back")
            return all("back" in client.values("r") for client in clients if client.language != "python")

        poll(heard, "an update for the old subscription")


def _expect_works(client, address):
    label = client.subscribe(address)
    client.set(address, client.session)
    client.await_value(label, client.session)


def _took_again(client, other):
    client.set("/q22/again", True)
    return True in other.values("q22", "/q22/again")


def _connected_anew(client, session_before):
    state = client.call("state")
    return state["connected"] and state["session"] not in (None, session_before)
