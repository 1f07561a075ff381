"""The amounts in a corruption's name: their bounds and their text form."""


def check_amount(what: str, value: float, low: float, high: float) -> None:
    """Raises ValueError, which names the amount as ``what``, unless it lies in [low, high]."""
    if not low <= value <= high:  # Also true for NaN.
        raise ValueError(f"{what} must be from {amount_text(low)} to {amount_text(high)}, got {amount_text(value)}")


def amount_text(value: float) -> str:
    """Returns the shortest text that reads back as exactly this number: ``"25"``, ``"0.05"``."""
    return repr(float(value)).removesuffix(".0")
