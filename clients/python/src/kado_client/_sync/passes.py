# Written by scripts/client.py (make format) from _async/passes.py. Change that instead.

"""Cards in wallets: their passes, by what a card's `card` says (`pass_type_identifier` and `serial_number`)."""

from kado_client._sync.resource import Resource
from kado_client.records.cards import PassLink, PassPush
from kado_client.wire import Json


class Passes(Resource):
    """Wallet passes of the merchant's cards. All but `push` take a signer, or a bearer with `passes:read`.

    `NotFound` has the code `pass_not_found` where there is none of this type, and `wallet_not_offered` where the server
    is not set up for that wallet.
    """

    def file(self, pass_type_identifier: str, serial_number: str) -> bytes:
        """The pass for Apple Wallet: a `.pkpass`, media type `application/vnd.apple.pkpass`."""
        return self._get_file((pass_type_identifier, serial_number))

    def url(self, pass_type_identifier: str, serial_number: str) -> PassLink:
        """The card's page, from which its holder takes it into a wallet."""
        return self._get((pass_type_identifier, serial_number, "url"), PassLink)

    def save_to_wallet(self, pass_type_identifier: str, serial_number: str) -> PassLink:
        """Where the card is saved to Google Wallet. Raises `ServerFault` while Google cannot be reached."""
        return self._get((pass_type_identifier, serial_number, "savetowallet"), PassLink)

    def wallet_object(self, pass_type_identifier: str, serial_number: str) -> Json:
        """The card as Google Wallet is told of it: a `giftCardObject`."""
        return self._get_untyped((pass_type_identifier, serial_number, "walletobject"))

    def pass_json(self, pass_type_identifier: str, serial_number: str) -> Json:
        """What the pass for Apple Wallet says, without what only its device may know."""
        return self._get_untyped((pass_type_identifier, serial_number, "passjson"))

    def push(self, pass_type_identifier: str, serial_number: str) -> PassPush:
        """Have all wallets that hold the card fetch it anew, as after a change. Takes a bearer with `passes:push`."""
        return self._write((pass_type_identifier, serial_number, "push"), PassPush, is_safe=True)
