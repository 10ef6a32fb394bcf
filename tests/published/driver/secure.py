"""The three clients over wss, with a certificate of a private authority."""

from .report import expect, expect_equal
from .scenario import collect
from .scene import LANGUAGES

SCENARIOS = []
scenario = collect(SCENARIOS)


# protocol/wire.md 1.15
@scenario("wss", secure="known")
def private_authority(scene):
    for language in LANGUAGES:
        with scene.check(f"{language}: connects and works"):
            client = scene.client(language)
            client.subscribe("/wss/**", "wss")
            client.set("/wss/1", language)
            client.await_value("wss", language)
    with scene.check("what one sets all others hold"):
        first = scene.client(LANGUAGES[0])
        first.set("/wss/2", "for all")
        for language in LANGUAGES:
            expect_equal(scene.client(language).get("/wss/2"), "for all", language)
    with scene.check("a large value arrives"):
        first.subscribe("/wss/3", "large")
        first.set("/wss/3", "x" * 40_000)
        first.await_value("large", "x" * 40_000)


# protocol/wire.md 1.15
@scenario("wss-stranger", secure="unknown")
def unknown_authority(scene):
    for language in LANGUAGES:
        with scene.check(f"{language}: does not connect to who nobody vouches for"):
            reply = scene.stranger(language).connect()
            expect(not reply["connected"], "it connected")
