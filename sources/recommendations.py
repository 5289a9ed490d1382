"""A dump of recommendations as the US Preventive Services Task Force publishes it: JSON, with HTML inside its strings.

    {"specificRecommendations": [{"id": 426, "title": "Cervical Cancer: …", "grade": "A", "gradeVer": 1, "text": "…<br>…",
      "sex": "female", "ageRange": [21, 30], "riskText": "<p>…", "servFreq": "…", "general": "389", "tool": ["189"]}, …],
     "generalRecommendations": {"389": {"title": …, "clinical": "<p>…"}}, "grades": {"A": ["…", "…"]}, "tools": {"189": …},
     "risks": {"38": {"name": "Age"}}, "categories": {"3": {"name": …}}}

    ->  Document(id="uspstf-426", …): what is recommended, its grade and what the grade means, for whom, how often, tools
        Document(id="uspstf-general-389", …): rationale, clinical considerations, discussion; once, however many share it

A section may be a list of objects with an id or an object keyed by id; one that is missing leaves references that are counted
in the `dropped` of the document that holds them, as are keys that are not read. Ids are the publisher's, so they do not
depend on the file's name. The format is described in the task force's "Prevention TaskForce API" instructions.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from probatum.errors import Rejected
from probatum.records import Document, SourceRelease
from probatum.safeio import ASK_AGAIN
from sources.elements.listed import Listed
from sources.json_pages import Page, Record, entries, plain

PREFIX = "uspstf"  # of ids, where `release.toml` or a sidecar gives no other
_SPECIFIC, _GENERAL = "specificRecommendations", "generalRecommendations"
_WEIGHT = {  # as the publisher explains its codes
    "UW": "underweight: body mass index below 18.5",
    "N": "normal weight: body mass index 18.5 to 24.9",
    "O": "overweight: body mass index 25 to 29.9",
    "OB": "obese: body mass index 30 or more",
}
_OF_A_TOPIC = (
    ("Pathway to benefit", "pathwayToBenefit"),
    ("Rationale", "rationale"),
    ("Clinical considerations", "clinical"),
    ("Discussion", "discussion"),
    ("Other considerations", "other"),
)


def fits(raw: object) -> bool:
    """Whether this is such a dump, by its shape."""
    return isinstance(raw, dict) and isinstance(raw.get(_SPECIFIC), list | dict)


def means_to_fit(raw: object) -> bool:
    """Whether this has the key of such a dump, whatever stands under it."""
    return isinstance(raw, dict) and _SPECIFIC in raw


def documents(raw: dict, path: Path, listed: Listed, release: SourceRelease) -> Iterator[Document]:
    """First the recommendations, then what several of them share. Raises Rejected for entries without an id or words."""
    dump = _Dump(raw, listed.file)
    found = [dump.recommendation(id, entry) for id, entry in dump.specific.items()]
    found += [topic for id, entry in dump.general.items() if (topic := dump.topic(id, entry))]
    if found:
        found[0][0].dropped.update(dump.left_out())
    prefix = listed.id or PREFIX
    for page, name, effective, meta in found:
        yield page.document(f"{prefix}-{name}", path, listed, release, effective=effective, meta=meta)


class _Dump:
    def __init__(self, raw: dict, what: str):
        top = Record(raw)
        self._what = what

        def section(name: str) -> dict[str, dict]:
            return entries(_named(top.take(name)), f"{what}, {name}")

        self.specific, self.general = section(_SPECIFIC), section(_GENERAL)
        self._tools, self._risks, self._categories = section("tools"), section("risks"), section("categories")
        grades = top.take("grades")
        self._grades = grades if isinstance(grades, dict) else {}
        self._updated = top.text("lastUpdatedText") or top.text("lastUpdated")
        top.text("lastUpdated")
        self._unread = top.unread()
        self._used_tools: set[str] = set()

    def recommendation(self, id: str, entry: dict):
        record = Record(entry)
        page = self._page(record, f"recommendation {id}")
        topic = Record(self.general.get(record.text("general"), {}))
        page.html("Recommendation", record.take("text"))
        if not page.says_something:
            raise Rejected(f"{self._what}: recommendation {id} says nothing.", next=ASK_AGAIN)
        page.html("Grade", self._grade(record, page))
        page.items("Population", self._population(record, page))
        page.html("Risk", record.take("riskText"))
        page.html("Frequency of service", record.take("servFreq"))
        page.items("Services", self._services(record, page))
        page.html("Rationale", record.take("rationale"))
        page.items("Topic", self._topic_lines(topic))
        self._add_tools(page, [name for name in record.texts("tool") if name not in topic.texts("tool")])
        general = record.text("general")
        page.dropped["topics that are not in the file"] += bool(general) and general not in self.general
        page.dropped.update(record.unread() - Counter({"key id": 1}))
        meta = {"grade": record.text("grade"), "sex": record.text("sex", "gender"), "topic": general}
        return page, id, topic.day("pubDate"), meta | self._published(topic)

    def topic(self, id: str, entry: dict):
        """What the recommendations of a topic share; None where they say all there is."""
        record = Record(entry)
        page = self._page(record, f"topic {id}")
        for heading, key in _OF_A_TOPIC:
            page.html(heading, record.take(key))
        of_it = [(name, Record(one)) for name, one in self.specific.items() if Record(one).text("general") == id]
        if not page.says_something and of_it:
            return None
        page.items("Topic", self._topic_lines(record))
        page.items("Recommendations", [_short(one, self._what) for _, one in of_it])
        self._add_tools(page, record.texts("tool"))
        record.take("specific")  # the other direction of `general`
        meta = {"recommendations": [name for name, _ in of_it]} | self._published(record)
        effective = record.day("pubDate")
        page.dropped.update(record.unread() - Counter({"key id": 1}))
        return page, f"general-{id}", effective, meta

    def left_out(self) -> Counter:
        unused = len(self._tools.keys() - self._used_tools)
        return self._unread + Counter({"tools that no recommendation names": unused})

    def _page(self, record: Record, what: str) -> Page:
        name = plain(record.text("title"), self._what)
        if not name:
            raise Rejected(f"{self._what}: {what} has no title.", next=ASK_AGAIN)
        return Page(name, self._what)

    def _grade(self, record: Record, page: Page) -> str:
        """The letter, and what the publisher's table says it means in its version."""
        letter, version = record.text("grade"), record.text("gradeVer")
        meanings = self._grades.get(letter)
        if not letter:
            return ""
        if isinstance(meanings, list) and version.isdigit() and int(version) < len(meanings):
            return f"Grade {letter}. {meanings[int(version)]}"
        page.dropped["grades whose meaning is not in the file"] += 1
        return f"Grade {letter}."

    def _population(self, record: Record, page: Page) -> Iterator[str]:
        sex, gender = record.text("sex"), record.text("gender")
        yield f"Sex: {sex}" if sex else ""
        yield f"Gender: {gender}" if gender and gender != sex else ""
        ages = record.texts("ageRange")
        yield f"Age: {' to '.join(ages)} years" if ages else ""
        named = [plain(record.text("riskName"), self._what)]
        for risk in record.texts("risk"):
            name = Record(self._risks.get(risk, {})).text("name")
            page.dropped["risks whose name is not in the file"] += not name
            named.append(plain(name, self._what))
        yield f"Risk: {'; '.join(dict.fromkeys(filter(None, named)))}" if any(named) else ""
        weight = record.text("bmi")
        yield f"Weight: {weight} ({_WEIGHT[weight]})" if weight in _WEIGHT else f"Weight: {weight}" if weight else ""

    def _services(self, record: Record, page: Page) -> Iterator[str]:
        offered = record.take("serviceOptions")
        for one in offered if isinstance(offered, list) else []:
            service = Record(one if isinstance(one, dict) else {})
            name, months = plain(service.text("serviceName"), self._what), service.text("servFrequencyMonths")
            yield f"{name}: every {months} months" if name and months else name
            page.dropped.update(service.unread())

    def _topic_lines(self, topic: Record) -> list[str]:
        name, kind = plain(topic.text("title"), self._what), topic.text("topicType")
        year, subject = topic.text("topicYear"), plain(topic.text("topic"), self._what)
        categories = [Record(self._categories.get(one, {})).text("name") for one in topic.texts("categories")]
        return [
            ", ".join(filter(None, (name, kind, year))),
            f"Subject: {subject}" if subject and subject != name else "",
            f"Categories: {', '.join(filter(None, categories))}" if any(categories) else "",
            f"Keywords: {', '.join(filter(None, topic.text('keywords').split('|')))}" if topic.text("keywords") else "",
        ]

    def _add_tools(self, page: Page, ids: list[str]) -> None:
        said = []
        for id in ids:
            tool = Record(self._tools.get(id, {}))
            self._used_tools.add(id)
            page.dropped["tools that are not in the file"] += id not in self._tools
            name, text = plain(tool.text("title"), self._what), plain(tool.text("text"), self._what)
            said.append(": ".join(filter(None, (name, text))) + (f" ({tool.text('url')})" if tool.text("url") else ""))
            tool.take("keywords"), tool.take("id")
            page.dropped.update(tool.unread())
        page.items("Tools", said)

    def _published(self, topic: Record) -> dict:
        return {"alias": topic.text("uspstfAlias"), "year": topic.text("topicYear"), "updated": self._updated}


def _named(section: object) -> object:
    """A table may give a name alone, {"38": "Age"}, where others give an object, {"38": {"name": "Age"}}."""
    if not isinstance(section, dict):
        return section
    return {key: {"name": value} if isinstance(value, str) else value for key, value in section.items()}


def _short(record: Record, what: str) -> str:
    grade = record.text("grade")
    return plain(record.text("title"), what) + (f" (grade {grade})" if grade else "")
