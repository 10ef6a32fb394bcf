"""The three clients at a relay with accounts: they register, work within their scopes, and go when their token goes."""

from .agent import poll
from .report import expect, expect_equal
from .scenario import collect
from .scene import LANGUAGES

SCENARIOS = []
scenario = collect(SCENARIOS)


# protocol/router.md 2.6, 17.4, 17.5, 17.9
@scenario("accounts", relay=True)
def accounts(scene):
    relay = scene.router
    for language in LANGUAGES:
        with scene.check(f"{language}: does not connect without a token"):
            reply = scene.stranger(language).connect()
            expect(not reply["connected"], "it connected")
            expect("Authentication required" in reply["reason"], reply["reason"])
        account = _register(scene, language)
        client = scene.client(language, alone=True, token=account["token"])
        own = f"/room/{account['user_id']}"
        with scene.check(f"{language}: works within its scopes"):
            client.subscribe("/room/**", "room")
            client.set(f"{own}/1", language)
            client.await_value("room", language)
        with scene.check(f"{language}: may not write outside"):
            client.set("/room/somebody-else/1", 1)
            refusal = client.await_refusal(301)
            expect("Insufficient scope" in refusal["message"], refusal)
        with scene.check(f"{language}: may not subscribe to more than it may read"):
            client.call("subscribe", label="all", pattern="/**", options=None)
            poll(lambda: "subscription" in client.refusal()["message"], f"{language} is refused")
        with scene.check(f"{language}: is listed for the operator"):
            status, sessions = relay.ask("/api/sessions", token=relay.admin, method="GET")
            expect_equal(status, 200, "status")
            subjects = [session["subject"] for session in sessions]
            expect(account["user_id"] in subjects, subjects)
        with scene.check(f"{language}: is disconnected when its token is revoked"):
            status, _ = relay.ask("/auth/revoke", {"token": account["token"]}, relay.admin)
            expect(status in (200, 204), status)
            poll(lambda: not client.call("state")["connected"], f"{language} is disconnected", 5)
            reply = scene.stranger(language).connect(token=account["token"])
            expect(not reply["connected"], "it connected with the revoked token")


def _register(scene, language):
    body = {"username": f"user {language}", "password": "a long password"}
    with scene.check(f"{language}: an account gets a token"):
        status, account = scene.router.ask("/auth/register", body)
        expect_equal(status, 200, "status")
        expect(account["token"].startswith("cpsk_"), account["token"][:5])
        again, _ = scene.router.ask("/auth/register", body)
        expect_equal(again, 409, "status of the same name again")
    return account
