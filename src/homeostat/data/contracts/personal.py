"""Values that look like personal data, told by their form and, where they have them, their check digits.

Deterministic: the same column gives the same answer. Only text is looked at, each value as a whole.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import polars as pl

from homeostat.data.contracts.contract import PersonalKind

_CANDIDATES = 1000  # values whose check digits are worked out; that many tell a share
_TRUE_SHARE = 0.5  # a tenth of all numbers of 16 digits pass for cards, nearly all cards do
_NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


class Form(NamedTuple):
    """How a kind of personal data is written, and what its check digits must fulfil."""

    regex: str
    is_sound: Callable[[str], bool] | None = None


def luhn(text: str) -> bool:
    """Whether the last digit is the check digit of a payment card (ISO/IEC 7812-1, annex B)."""
    digits = [int(digit) for digit in text if digit.isdigit()][::-1]
    return sum(digits[::2]) % 10 == -sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) % 10 and any(digits)


def iban(text: str) -> bool:
    """Whether the check digits are those of an account number (ISO 13616: mod 97 is 1)."""
    plain = re.sub(r"\s", "", text).upper()
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def nir(text: str) -> bool:
    """Whether the last two digits are the key of a French social security number."""
    plain = re.sub(r"\D", "", text)
    return 97 - int(plain[:13]) % 97 == int(plain[13:])


def nif(text: str) -> bool:
    """Whether the letter is that of a Spanish identity number."""
    number = text.strip().upper().replace("-", "")
    return _NIF_LETTERS[int(number[:-1].translate(str.maketrans("XYZ", "012"))) % 23] == number[-1]


FORMS: Mapping[PersonalKind, Form] = {
    "email": Form(r"[A-Za-z0-9_.+%-]+@[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.[A-Za-z]{2,24}"),
    "phone": Form(r"\+[0-9]{1,3}[ .\-]?(\([0-9]{1,4}\)[ .\-]?)?([0-9][ .\-]?){6,12}[0-9]|\(?[0-9]{3}\)?[ .\-][0-9]{3}[ .\-][0-9]{4}"),
    "card": Form(r"[0-9]{4}([ \-]?)[0-9]{4}[ \-]?[0-9]{4}[ \-]?[0-9]{1,7}|[0-9]{4}[ \-]?[0-9]{6}[ \-]?[0-9]{5}", luhn),
    "iban": Form(r"[A-Za-z]{2}[0-9]{2}( ?[A-Za-z0-9]{4}){2,7}( ?[A-Za-z0-9]{1,3})?", iban),
    "ip": Form(
        r"((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])|([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
        r"|([0-9A-Fa-f]{1,4}:){1,6}(:[0-9A-Fa-f]{1,4}){1,6}"
    ),
    "us_ssn": Form(r"(00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])-(0[1-9]|[1-9][0-9])-([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"),
    "uk_nino": Form(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"),
    "fr_nir": Form(r"[1-478] ?[0-9]{2} ?(0[1-9]|1[0-2]|[2-9][0-9]) ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", nir),
    "es_nif": Form(r"([0-9]{8}|[XYZ][0-9]{7})-?[A-Z]", nif),
    "it_codice_fiscale": Form(r"[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]"),
}  # fmt: skip


def looks_like(forms: Mapping[str, Form], column: pl.Expr) -> pl.Expr:
    """Whether each text of a column is written as one of these kinds; null where there is none."""
    return column.str.contains(_whole("|".join(f"(?:{form.regex})" for form in forms.values())))


def count_by_kind(forms: Mapping[str, Form], candidates: pl.Series) -> dict[str, int]:
    """How many of the texts that look like any kind are of each, those of unsound check digits aside."""
    counts = {}
    for kind, form in forms.items():
        found = candidates.filter(candidates.str.contains(_whole(form.regex)))
        sound = len(found)
        if form.is_sound is not None and sound:
            checked = found.unique(maintain_order=True).head(_CANDIDATES).to_list()
            share = sum(map(form.is_sound, checked)) / len(checked)
            sound = round(sound * share) if share >= _TRUE_SHARE else 0
        if sound:
            counts[kind] = sound
    return counts


def _whole(regex: str) -> str:
    return rf"\A\s*(?:{regex})\s*\z"
