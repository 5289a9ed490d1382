"""Finding the ingredients of the lexicon in the name a publisher gives a drug.

    find("AMOXICILLIN/CLAVULANATE POTASSIUM")  -> amoxicillin-clavulanate
    find("acetaminophen (paracetamol)")        -> acetaminophen
    find("abacavir + something-new")            -> abacavir           (the part that is known)
    find("digoxin immune fab")                 -> not digoxin: only a salt, a form, a route or a number may be left over

A wrong drug is worse than none, so nothing is found by resemblance: only equal words count, salts and forms apart.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

# Salts, hydrates and esters that publishers add or leave out. Not here: those that make another drug of it
# (liposomal, disoproxil, alafenamide); a name the lexicon has with its salt is found with it first.
_SALTS = frozenset(
    """
    hydrochloride hcl dihydrochloride sodium disodium trisodium potassium dipotassium calcium magnesium zinc sulfate
    sulphate tartrate bitartrate succinate maleate mesylate mesilate dimesylate besylate besilate tosylate tosilate
    acetate diacetate citrate phosphate diphosphate fumarate hemifumarate hydrobromide bromide chloride nitrate
    carbonate gluconate lactate malate trihydrate monohydrate dihydrate hemihydrate anhydrous hydrate propionate
    dipropionate valerate furoate pamoate embonate palmitate xinafoate tromethamine trometamol meglumine arginine
    erbumine medoxomil axetil proxetil mofetil etexilate cilexetil pivoxil olamine diolamine isethionate esylate
    edisylate napsylate hyclate
    """.split()  # noqa: SIM905
)
_FORMS = frozenset(
    """
    tablet tablets tab tabs capsule capsules cap caps injection inj injectable infusion vial ampoule ampule amp
    syringe prefilled pen cartridge bag bottle btl oral solution soln suspension susp liquid liq syrup elixir drops
    drop powder granules sachet packet cream ointment oint gel lotion foam shampoo paste patch patches transdermal
    topical rectal suppository supp suppositories enema vaginal pessary nasal spray inhaler inhalation inhaled
    nebuliser nebulizer nebules nebule mdi dpi ophthalmic eye ear otic sublingual buccal lozenge chewable chew
    dispersible orodispersible disintegrating odt effervescent enteric coated ec sr er xr xl la cr dr mr ir extended
    modified sustained controlled delayed immediate release premix premixed iv im sc subcutaneous intravenous
    intramuscular po pr concentrate for and of in the with plain paediatric pediatric adult infant neonatal long
    acting orally mg mcg microgram micrograms g gm kg ml l mmol meq unit units iu percent w v dose doses
    """.split()  # noqa: SIM905
)
_APART = re.compile(r"\s*(?:[/+;&]|\band\b|\bwith\b)\s*", re.I)
_MAYBE_APART = re.compile(r"\s*[,-]\s*")  # only where every part is known: "sacubitril-valsartan", not "co-danthramer"
_BRACKETED = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_SHORTEST_LONE_WORD = 3  # "ASA", but not "G" or "B"


@dataclass(frozen=True)
class Drug:
    """One row of the lexicon: what else people call an ingredient (or a fixed combination) and what it is for."""

    ingredient: str
    spellings: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


class DrugLexicon:
    """All rows, and the look-up. A name two ingredients share finds neither."""

    def __init__(self, drugs: Iterable[Drug]):
        self.drugs = _merged(drugs)
        said: dict[str, set[str]] = defaultdict(set)
        saltless: dict[str, set[str]] = defaultdict(set)
        unordered: dict[tuple[str, ...], set[str]] = defaultdict(set)
        branded: dict[str, set[str]] = defaultdict(set)
        for drug in self.drugs.values():
            for name in (drug.ingredient, *drug.spellings):
                words = tuple(_words(name))
                said[" ".join(words)].add(drug.ingredient)
                saltless[" ".join(_without_salts(words))].add(drug.ingredient)
                unordered[tuple(sorted(_without_salts(words)))].add(drug.ingredient)
            for brand in drug.brands:
                branded[" ".join(_words(brand))].add(drug.ingredient)
        ingredients = {" ".join(_words(name)): {name} for name in self.drugs}
        self._exact, self._saltless = _unique(said) | _unique(ingredients), _unique(saltless)
        self._unordered, self._brand = _unique(unordered), _unique(branded)

    def __len__(self) -> int:
        return len(self.drugs)

    def find(self, name: str) -> tuple[Drug, ...]:
        """The ingredients in a name, in its order; one row of the lexicon where it has the whole combination."""
        return tuple(drug for _, drug in self.parts(name) if drug)

    def parts(self, name: str) -> list[tuple[str, Drug | None]]:
        """What a name is made of: (words as normalised, row of the lexicon or None) for each ingredient."""
        plain = _BRACKETED.sub(" ", name)
        inside = [part for found in _BRACKETED.findall(name) for part in found if part]
        for whole in (name, plain, *inside):
            if drug := self._one(whole):
                return [(drug.ingredient, drug)]
        pieces = [part for piece in _APART.split(plain) if _words(piece) for part in self._known_parts(piece)]
        found = [(" ".join(_bare(_words(piece))), self._one(piece)) for piece in pieces]
        return [part for part in found if part[0]] or [(" ".join(_words(name)), None)]

    def _known_parts(self, piece: str) -> list[str]:
        parts = [part for part in _MAYBE_APART.split(piece) if part]
        return parts if len(parts) > 1 and not self._one(piece) and all(map(self._one, parts)) else [piece]

    def is_brand(self, name: str) -> bool:
        return " ".join(_words(name)) in self._brand

    def is_ingredient(self, name: str) -> bool:
        return " ".join(_words(name)) in self._exact

    def _one(self, name: str) -> Drug | None:
        words = tuple(_words(name))
        for candidate in (words, _without_salts(words), _bare(words), _without_salts(_bare(words))):
            if not candidate or (len(candidate) == 1 and len(candidate[0]) < _SHORTEST_LONE_WORD):
                continue
            key = " ".join(candidate)
            ingredient = self._exact.get(key) or self._saltless.get(key)
            if not ingredient and len(candidate) > 1:
                ingredient = self._unordered.get(tuple(sorted(candidate)))
            if ingredient := ingredient or self._brand.get(key):
                return self.drugs[ingredient]
        return None


def normalised(name: str) -> str:
    """A name as a key: lower case, no accents, no punctuation, the parts of a combination in alphabetical order."""
    pieces = [" ".join(_words(piece)) for piece in _APART.split(name)]
    return " + ".join(sorted(piece for piece in pieces if piece))


def _merged(drugs: Iterable[Drug]) -> dict[str, Drug]:
    merged: dict[str, Drug] = {}
    for drug in drugs:
        if before := merged.get(drug.ingredient):
            joined = {
                what: tuple(dict.fromkeys(getattr(before, what) + getattr(drug, what)))
                for what in ("spellings", "brands", "classes", "uses")
            }
            drug = Drug(drug.ingredient, **joined)
        merged[drug.ingredient] = drug
    return merged


def _unique(names: dict) -> dict:
    return {key: next(iter(ingredients)) for key, ingredients in names.items() if key and len(ingredients) == 1}


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return [word for word in re.findall(r"[a-z0-9]+", plain) if word not in ("and", "with")]


def _without_salts(words: Iterable[str]) -> tuple[str, ...]:
    """Without salts, unless nothing but salts is there: potassium chloride is a drug."""
    words = tuple(words)
    return tuple(word for word in words if word not in _SALTS) or words


def _bare(words: Iterable[str]) -> tuple[str, ...]:
    """Without forms, routes, strengths and units, unless nothing else is there."""
    words = tuple(words)
    kept = [
        word
        for i, word in enumerate(words)
        if i == 0 or not (word in _FORMS or re.fullmatch(r"[\d.]+(mg|mcg|g|ml|l|units?|iu)?", word))
    ]
    return tuple(kept) or words
