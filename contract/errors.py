"""The error tree: every refusal reads as one sentence that says what is wrong and what to do.

    AttuneError
    ├── ConfigError      (ValueError)       a config file or option that cannot be used
    ├── WireError        (ValueError)       a message that is not in the contract; carries a short reason code
    ├── LedgerError      (ValueError)       a ledger that does not add up
    ├── ModelError       (ValueError)       a model file that is missing, altered or of the wrong form
    ├── CameraError      (OSError)          a camera or clip that cannot be opened or stopped giving frames
    ├── StoreError       (OSError)          a database or outbox that cannot be opened or written
    │   └── DamagedError                    one whose pages or rows are not what was written
    ├── LinkError        (ConnectionError)  a broker, port or socket that cannot be reached
    ├── BadgeError       (RuntimeError)     a badge reader that cannot look
    ├── UpdateError      (ValueError)       a release that cannot be trusted, had or installed
    │   └── UnreachedError                  one that does not come now, and may the next time
    └── WallError        (RuntimeError)     a wall of the eye that could not be raised

Each also inherits the builtin it is, so that a caller who knows only Python still catches it.
"""


class AttuneError(Exception):
    """Any refusal of Attune's own; ``str()`` is a sentence for a person."""


class ConfigError(AttuneError, ValueError):
    """A config file or option that cannot be used."""


class WireError(AttuneError, ValueError):
    """A message that is not in the contract.

    ``code`` is a short, stable word for counters and the quarantine table.
    """

    def __init__(self, code: str, sentence: str) -> None:
        """``sentence`` may quote what came: whatever of it is no text is told by its number."""
        super().__init__(sentence.encode("utf-8", "backslashreplace").decode("utf-8"))
        self.code = code


class LedgerError(AttuneError, ValueError):
    """A ledger, proof or checkpoint that does not add up."""


class ModelError(AttuneError, ValueError):
    """A model file that is missing, altered or of the wrong form."""


class UpdateError(AttuneError, ValueError):
    """A release that cannot be trusted, had or installed: what ran before goes on."""


class UnreachedError(UpdateError):
    """A release that does not come now, and may the next time."""


class CameraError(AttuneError, OSError):
    """A camera or clip that cannot be opened, or stopped giving frames."""


class StoreError(AttuneError, OSError):
    """A database or outbox that cannot be opened or written."""


class DamagedError(StoreError):
    """A database whose pages or rows are not what was written: no later try will do."""


class LinkError(AttuneError, ConnectionError):
    """A broker, port or socket that cannot be reached."""


class BadgeError(AttuneError, RuntimeError):
    """A badge reader that cannot look: nobody is read until it can."""


class WallError(AttuneError, RuntimeError):
    """A wall of the eye that could not be raised."""
