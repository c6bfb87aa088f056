"""What can go wrong in the services, as one tree; every message names the value, the rule and the remedy."""


class TaizhangError(Exception):
    """The root of all errors that the services raise by themselves."""


class MigrationError(TaizhangError):
    """The database's schema and this version of Taizhang do not go together."""


class StoreUnavailableError(TaizhangError):
    """The database did not answer in time; what was sent may be sent again without harm."""


class LedgerBehindError(StoreUnavailableError):
    """Too much waits for the ledger to tell where things stand; nothing was stored, send again later."""


class QueueFullError(TaizhangError):
    """More requests wait, for a commit or for a bundle, than are let wait.

    Attributes:
        retry_after_s: seconds after which it is worth trying again.
    """

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotReadyError(TaizhangError):
    """What is asked for is being made.

    Attributes:
        retry_after_s: seconds after which it is worth asking again.
    """

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotFoundError(TaizhangError):
    """Nothing is known under this name or number."""


class AlreadyEndedError(TaizhangError):
    """A quarantined message whose end is recorded cannot be ended again."""


class AccessEndedError(TaizhangError):
    """What let somebody do something ended before its turn came; nothing of it was done."""


class InvalidValueError(TaizhangError):
    """A value given by a caller breaks a stated rule."""


class InstantToComeError(InvalidValueError):
    """An instant that has not come yet: what will be known then can still change.

    Attributes:
        in_s: seconds until it comes, by the database's clock.
    """

    def __init__(self, message: str, in_s: float) -> None:
        super().__init__(message)
        self.in_s = in_s
