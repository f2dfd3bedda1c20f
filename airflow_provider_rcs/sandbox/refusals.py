"""The reasons for which the service refuses a whole request."""

from __future__ import annotations


class RefusalError(Exception):
    """Nothing was done.

    :param text: goes into the reply.
    :param result: goes into the reply as well, as its result code.
    """

    def __init__(self, text: str, result: int) -> None:
        super().__init__(text)
        self.text = text
        self.result = result


class WrongCredentialsError(RefusalError):
    def __init__(self) -> None:
        super().__init__("Usuario o token incorrectos", -1)


class NotEnoughCreditError(RefusalError):
    def __init__(self) -> None:
        super().__init__("Créditos insuficientes", -2)


class ParameterError(RefusalError):
    def __init__(self, text: str) -> None:
        super().__init__(text, -3)
