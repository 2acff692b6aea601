"""What a browser of the journeys holds beside its pages."""

from playwright.sync_api import Page

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Authenticator:
    """A virtual authenticator in the page's browser; `touch` says whether somebody presses it when it is asked."""

    def __init__(self, page: Page, **options: bool) -> None:
        self._tools = page.context.new_cdp_session(page)
        self._tools.send("WebAuthn.enable")
        made = self._tools.send("WebAuthn.addVirtualAuthenticator", {"options": {**AUTHENTICATOR, **options}})
        self._id = made["authenticatorId"]

    def touch(self, *, pressed: bool) -> None:
        values = {"authenticatorId": self._id, "enabled": pressed}
        self._tools.send("WebAuthn.setAutomaticPresenceSimulation", values)
