"""The numbers in a corruption's name: their bounds and how they are written."""


def check_amount(what: str, value: float, low: float, high: float) -> None:
    """Raises ValueError, naming ``what`` the number is, unless it lies in ``low`` to ``high``."""
    if not low <= value <= high:  # Also catches what is not a number.
        raise ValueError(f"{what} must be from {amount_text(low)} to {amount_text(high)}, got {amount_text(value)}")


def amount_text(value: float) -> str:
    """Writes a number as short as it can be read back exactly: ``"25"``, ``"0.05"``."""
    return repr(float(value)).removesuffix(".0")
