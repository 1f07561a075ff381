"""JSON for people and programs: letters of all languages stay as they are, what a terminal would obey is escaped."""

import json
import re
from typing import Final

_UNSHOWN: Final = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def json_text(content: object, *, allow_nan: bool = True) -> str:
    """Returns JSON values as indented text that ends with a line break and can be printed and written as UTF-8.

    Names may hold what a terminal would obey, and lone surrogates for bytes that are no valid Unicode.

    Args:
        content: values that ``json`` can hold.
        allow_nan: whether numbers may be NaN or infinite, which JSON lacks; if not, such are a ValueError.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=allow_nan) + "\n"
    return _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
