"""A clinical drug's name taken apart into the drug, its strength and form, and the brand in brackets.

    parts("acetaminophen 325 MG / oxycodone hydrochloride 5 MG Oral Tablet [Percocet]")
    -> Parts("acetaminophen / oxycodone hydrochloride", "325 MG / 5 MG Oral Tablet", "Percocet")

Read are the ways of RxNorm, of the Canadian data set ("a 5 mg and b 10 mg oral tablet") and of dm+d ("a 5mg/2ml …").
A name without an amount is the drug as a whole.
"""

import re
from dataclasses import dataclass

from sources.drug_lists.model import distinct

_BRAND = re.compile(r"\s*\[([^\[\]]+)\]\s*$")
_LASTING = re.compile(r"^\d[\d.]* (?:HR|ML|ACTUAT|MIN|WK)\s+", re.I)  # "12 HR", "0.4 ML" before the name
_PACK = re.compile(r"\(([^()]*)\)")
_BETWEEN = re.compile(r"\s+(?:/|\+|and)\s+", re.I)
_AMOUNT = re.compile(r"\s+(?=\d[\d.,]*\s?(?:%|[a-zA-Zµμ]))")
_INERT = "inert ingredients"


@dataclass(frozen=True)
class Parts:
    drug: str
    strength: str = ""
    brand: str = ""


def parts(name: str) -> Parts:
    brand = match[1].strip() if (match := _BRAND.search(name)) else ""
    plain = _BRAND.sub("", name).strip()
    inside = [piece for pack in _PACK.findall(plain) for piece in _BETWEEN.split(pack)] if plain[:1] == "{" else []
    drugs, amounts = [], []
    for piece in inside or _BETWEEN.split(_LASTING.sub("", plain)):
        drug, _, amount = _AMOUNT.sub("\0", _LASTING.sub("", piece), count=1).partition("\0")
        if drug.casefold() == _INERT or (amounts and not amount and not inside):
            amounts[-1:] = [f"{amounts[-1]} and {drug}"] if amounts and drug.casefold() != _INERT else amounts[-1:]
            continue
        drugs.append(drug)
        amounts += [amount] if amount else []
    return Parts(" / ".join(distinct(drugs)) or plain or brand or name, " / ".join(distinct(amounts)), brand)
