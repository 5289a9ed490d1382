"""ICD-10-CM's order file, tabular list and index, each in small, say what the publisher means by them."""

import zipfile
from datetime import date

import pytest

from probatum.errors import Rejected
from probatum.records import SourceRelease
from sources.icd10 import Icd10

RELEASE = SourceRelease("icd10", "2026-04-01", date(2026, 4, 1), "test", "test")
INITIAL = '<sevenChrDef><extension char="A">initial encounter</extension></sevenChrDef>'
FRACTURE = [
    ("S52", 0, "Fracture of forearm"),
    ("S525", 0, "Fracture of lower end of radius"),
    ("S525X", 0, "Fracture of lower end of radius, unspecified"),
    ("S525XXA", 1, "Fracture of lower end of radius, unspecified, initial encounter"),
]


def order(*rows):
    """(undotted code, flag, title) as lines of an order file."""
    return "\r\n".join(
        f"{i:05} {code:<7} {flag} {title[:60]:<60} {title}" for i, (code, flag, title) in enumerate(rows)
    )


def tabular(*diags):
    return (
        "<?xml version='1.0' encoding='utf-8'?><ICD10CM.tabular><version>2026</version><chapter><name>1</name>"
        "<desc>All of medicine (A00-Z99)</desc><section id='A00-Z99'><desc>Every part of it (A00-Z99)</desc>"
        f"{''.join(diags)}</section></chapter></ICD10CM.tabular>"
    )


def diag(code, desc, inside=""):
    return f"<diag><name>{code}</name><desc>{desc}</desc>{inside}</diag>"


def index(*mains, heads=""):
    return f"<ICD10CM.index><version>2026</version>{heads}<letter>{''.join(mains)}</letter></ICD10CM.index>"


def term(title, inside="", tag="term"):
    return f"<{tag}><title>{title}</title>{inside}</{tag}>"


def main(title, *inside):
    return term(title, "".join(inside), "mainTerm")


def code(value):
    return f"<code>{value}</code>"


def see(value):
    return f"<see>{value}</see>"


@pytest.fixture
def parse(tmp_path):
    """Texts or bytes by file name -> documents by code; the source that read them is `parse.source`."""

    def read(files):
        paths = {}
        for name, content in files.items():
            paths[name] = tmp_path / name
            paths[name].write_bytes(content if isinstance(content, bytes) else content.encode())
        return {document.id: document for document in read.source.parse(paths, RELEASE)}

    read.source = Icd10()
    return read


def said(document, kind):
    return [document.text[b.start : b.end] for b in document.blocks if b.kind == kind]


def official(document):
    """The official further names of a code: what the lexicon adds is of another kind."""
    return said(document, "synonym")


class TestOrderFile:
    """What codes are there, and which can be billed?"""

    def test_codes_are_dotted_titles_whole_and_flags_kept(self, parse):
        long = "Fracture of a very long description that goes on " * 3
        found = parse({"order.txt": order(("S52", 0, "Fracture of forearm"), ("S521", 1, long.strip()))})
        assert list(found) == ["S52", "S52.1"]
        assert found["S52.1"].title == long.strip()
        assert {c: d.meta["billable"] for c, d in found.items()} == {"S52": False, "S52.1": True}

    def test_a_flag_and_not_the_length_makes_a_header(self, parse):
        found = parse({"order.txt": order(("I10", 1, "Hypertension"), ("S52", 0, "x"), ("S52501", 0, "y"))})
        assert [c for c, d in found.items() if d.meta["billable"]] == ["I10"]

    def test_the_parent_of_a_code_with_placeholders_is_the_nearest_that_exists(self, parse):
        found = parse({"order.txt": order(*FRACTURE, ("T360", 0, "x"), ("T36", 0, "x"), ("T360XXA", 1, "x, y"))})
        assert found["S52.5XXA"].meta["parent"] == "S52.5X"
        assert found["T36.0XXA"].meta["parent"] == "T36.0"
        assert found["T36.0"].meta["parent"] == "T36"
        assert found["T36"].meta["parent"] == ""

    def test_letters_may_stand_second_and_third(self, parse):
        found = parse({"order.txt": order(("C7A", 0, "x"), ("C7A00", 1, "y"), ("QA0", 0, "z"), ("QA01", 1, "w"))})
        assert list(found) == ["C7A", "C7A.00", "QA0", "QA0.1"]

    def test_a_line_out_of_its_columns_is_refused_with_its_number(self, parse):
        """P7: a restructured file never reaches readers."""
        with pytest.raises(Rejected, match="line 3"):
            parse({"order.txt": order(("A00", 0, "x"), ("A000", 1, "y")) + "\r\nA001,1,cholera"})

    def test_one_code_with_two_meanings_is_refused(self, parse):
        with pytest.raises(Rejected, match=r"A00\.0 is there twice"):
            parse({"order.txt": order(("A000", 1, "x"), ("A000", 1, "y"))})

    def test_procedure_codes_are_refused(self, parse):
        with pytest.raises(Rejected, match="no ICD-10-CM code") as refused:
            parse({"order.txt": order(("001", 0, "Central nervous system, bypass"), ("0016070", 1, "Bypass"))})
        assert "PCS" in refused.value.next

    def test_every_code_is_read_where_two_files_repeat_it_alike(self, parse):
        assert len(parse({"a.txt": order(*FRACTURE), "b.txt": order(*FRACTURE)})) == len(FRACTURE)


class TestFilesOfARelease:
    """Which file is what, whatever it is called?"""

    @pytest.mark.parametrize(
        "name", ["icd10cm-order-2026.txt", "icd10cm_order_2026.txt", "Orders (addenda in).TXT", "x"]
    )
    def test_an_order_file_is_known_by_its_columns(self, parse, name):
        assert len(parse({name: order(*FRACTURE)})) == len(FRACTURE)

    @pytest.mark.parametrize("member", ["Code-desciptions/icd10cm order 2026.txt", "ORDER.TXT", "b/c/Order_File.Txt"])
    def test_members_of_a_zip_are_read_whatever_they_are_called(self, parse, tmp_path, member):
        with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
            archive.writestr("readme.pdf", b"%PDF-1.4")
            archive.writestr(member, order(*FRACTURE))
        found = parse({"Codes and addenda.ZIP": (tmp_path / "made.zip").read_bytes()})
        assert len(found) == len(FRACTURE)
        assert {d.file for d in found.values()} == {"Codes and addenda.ZIP"}

    @pytest.mark.parametrize("name", ["icd10cm-order-addenda-2026.txt", "changes.txt"])
    def test_addenda_are_not_read_as_codes(self, parse, name):
        addenda = (
            "Add:         1 S525XXB Fracture, again\r\nDelete:      1 S525XXA Fracture\r\n\r\nCodes\r\n  4 codes in it"
        )
        assert len(parse({name: addenda, "order.txt": order(*FRACTURE)})) == len(FRACTURE)
        nothing = "\r\nHeaders\r\n  4 headers in it\r\n      0 additions"
        assert len(parse({name: nothing, "order.txt": order(*FRACTURE)})) == len(FRACTURE)

    def test_a_note_to_the_reader_confirms_no_codes(self, parse):
        readme = "ICD-10-CM files\nT36 and others are explained below\nICD codes are public\nand free"
        files = {"readme.txt": readme, "tabular.xml": tabular(diag("T36.0X1", "Poisoning", INITIAL))}
        assert "T36.0X1A" in parse(files)

    def test_a_part_given_twice_alike_is_read_once(self, parse):
        listed, terms = tabular(diag("A00", "x"), diag("A01", "y")), index(main("Ex", code("A00")))
        found = parse({"a.xml": listed, "b.xml": listed + "\n", "c.xml": terms, "d.xml": terms})
        assert list(found) == ["A00", "A01"]
        assert official(found["A00"]) == ["Ex"]

    def test_a_part_given_twice_otherwise_is_two_releases_and_refused(self, parse):
        """P7: October's files beside April's are never read as one."""
        with pytest.raises(Rejected, match=r"a\.xml and b\.xml are each the tabular list .* differ") as refused:
            parse({"a.xml": tabular(diag("A00", "x")), "b.xml": tabular(diag("A00", "y"))})
        assert "folder of its own" in refused.value.next
        terms = [main(f"Word {n}", code("A00")) for n in range(9)]
        files = {"order.txt": order(("A00", 1, "x")), "a.xml": index(*terms), "b.xml": index(*terms[:-1])}
        with pytest.raises(Rejected, match=r"are each the index"):
            parse(files)
        with pytest.raises(Rejected, match=r"are each the order addenda"):
            parse({"order.txt": order(("A00", 1, "x")), **{f"{n}.txt": f"Add:         1 A0{n}     {'x':<60} x" for n in (1, 2)}})  # fmt: skip

    def test_two_different_index_files_are_two_parts(self, parse):
        found = parse({"order.txt": order(("A00", 1, "x")), "a.xml": index(main("One", code("A00"))), "b.xml": index(main("Two", code("A00")))})  # fmt: skip
        assert official(found["A00"]) == ["One", "Two"]

    def test_two_code_lists_that_differ_are_refused_where_they_decide(self, parse):
        files = {"a.txt": "T360X1A Poisoning\n", "b.txt": "T360X1D Poisoning\n"}
        with pytest.raises(Rejected, match="are each the code list"):
            parse(files | {"tabular.xml": tabular(diag("T36.0X1", "Poisoning", INITIAL))})
        assert parse(files | {"order.txt": order(("T36", 1, "Poisoning"))})

    def test_a_mapping_to_another_code_system_confirms_no_codes(self, parse):
        files = {"map.txt": "T360X1A 9600 10000\n", "tabular.xml": tabular(diag("T36.0X1", "Poisoning", INITIAL))}
        assert "T36.0X1A" in parse(files)
        assert parse.source.dropped["files left aside: text"] == 1

    def test_what_is_left_aside_is_counted_by_kind(self, parse, tmp_path):
        with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
            for name in ("a.pdf", "B.PDF", "table.xlsx", "icd10cm-drug-2026.csv", "__MACOSX/._a.txt", "inner.zip"):
                archive.writestr(name, b"\0")
            archive.writestr("order.txt", order(*FRACTURE))
        procedures = order(("001", 0, "Bypass"), ("0016070", 1, "Bypass"))
        parse({"x.ZIP": (tmp_path / "made.zip").read_bytes(), "pcs.txt": procedures, "p.xml": "<ICD10PCS.index/>"})
        assert parse.source.dropped == {
            "index terms whose code is not in the release": 0,
            "files left aside: PDF": 2,
            "files left aside: spreadsheet": 1,
            "files left aside: CSV table": 1,
            "files left aside: other": 1,
            "files left aside: zip inside a zip": 1,
            "files left aside: procedure codes (PCS)": 2,
        }

    def test_codes_of_the_tabular_list_that_the_order_file_does_not_have_are_counted(self, parse):
        parse({"tabular.xml": tabular(diag("A00", "x"), diag("A01", "y")), "order.txt": order(("A00", 1, "x"))})
        assert parse.source.dropped["codes of the tabular list that the order file does not have"] == 1

    def test_the_addenda_are_told_beside_the_documents(self, parse):
        line = f"Add:         1 S525XXB {'Fracture, again':<60} Fracture, again"
        parse({"changes.txt": line, "order.txt": order(*FRACTURE)})
        told = parse.source.said["addenda"]
        assert told["order"]["additions"] == ({"code": "S52.5XXB", "title": "Fracture, again", "billable": True},)
        parse({"order.txt": order(*FRACTURE)})
        assert parse.source.said == {}

    @pytest.mark.parametrize(
        ("name", "agrees"),
        [
            ("icd10cm-order-April-2026.txt", True),
            ("ICD10CM_FY26.txt", True),
            ("order 2026, made in July 2025.txt", True),
            ("October 1 2025 order.txt", True),
            ("2025-10-01.txt", True),
            ("order-20251001.txt", True),
            ("icd10cm_order_2025.txt", False),
            ("order FY27.txt", False),
            ("October 1 2026.txt", True),  # may be of 2026
        ],
    )
    def test_a_name_that_says_another_year_is_refused(self, parse, name, agrees):
        """P7: last year's file under this year's name never reaches readers."""
        if agrees:
            assert parse({name: order(*FRACTURE)})
        else:
            with pytest.raises(Rejected, match=r"in force from 2026-04-01, which is in fiscal 2026"):
                parse({name: order(*FRACTURE)})

    def test_a_release_without_codes_is_refused(self, parse):
        with pytest.raises(Rejected, match="No order file and no tabular list"):
            parse({"index.xml": index(main("Cough", code("R05")))})

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b" \r\n", "empty"),
            (b"<!DOCTYPE html><html>Service unavailable</html>", "web page"),
            (b"<ICD10PCS.tabular/>", "neither a tabular list nor an index"),
            (b"<ICD10CM.tabular><chapter>", "not well-formed"),
            (b"PK\x03\x04 cut off", "not a whole zip"),
        ],
    )
    def test_what_is_no_release_is_refused_with_the_reason(self, parse, content, reason):
        """P7: an empty, broken or mislabelled file never reaches readers."""
        with pytest.raises(Rejected, match=reason):
            parse({"order.txt": content})


class TestTabularList:
    """What does the tabular list say of each code?"""

    def test_nested_codes_their_notes_and_their_place_are_read(self, parse):
        inside = (
            "<includes><note>painful knees</note><note>stiff knees</note></includes>"
            "<excludes1><note>hips (M16.-)</note></excludes1><excludes2><note>toes (M20.-)</note></excludes2>"
            "<codeFirst><note>the cause</note></codeFirst><useAdditionalCode><note>the side</note></useAdditionalCode>"
        )
        below = diag("M17.0", "Both knees", "<inclusionTerm><note>two bad knees</note></inclusionTerm>")
        found = parse({"tabular.xml": tabular(diag("M17", "Knees", inside + below))})
        knees, both = found["M17"], found["M17.0"]
        assert knees.text.split("\n") == [
            "M17 Knees",
            "Status: header, not billable",
            "Part of: Every part of it (A00-Z99); All of medicine (A00-Z99)",
            "Includes: painful knees; stiff knees",
            "Excludes1: hips (M16.-)",
            "Excludes2: toes (M20.-)",
            "Code first: the cause",
            "Use additional code: the side",
            *knees.text.split("\n")[8:],  # our lexicon's
        ]
        assert official(knees) == ["painful knees", "stiff knees"]
        assert "Excludes1" not in both.text
        assert official(both) == ["two bad knees"]
        assert "Part of: M17 Knees; Every part" in both.text
        assert (knees.meta["billable"], both.meta["billable"]) == (False, True)

    def test_a_seventh_character_is_set_in_the_seventh_place(self, parse):
        found = parse(
            {
                "tabular.xml": tabular(
                    diag("T07", "Injuries", INITIAL),
                    diag("T15.0", "Grit", INITIAL),
                    diag("T36.0X1", "Poisoning", INITIAL),
                    diag("S52.52", "Torus fracture", INITIAL),
                )
            }
        )
        assert {c for c, d in found.items() if d.meta["billable"]} == {"T07.XXXA", "T15.0XXA", "T36.0X1A", "S52.52XA"}
        assert found["T15.0XXA"].title == "Grit, initial encounter"
        assert found["T15.0XXA"].meta["parent"] == "T15.0"
        assert said(found["T15.0XXA"], "stem") == ["Grit"]

    def test_the_nearest_definition_above_a_code_applies_and_only_to_codes_without_others_below(self, parse):
        near = '<sevenChrDef><extension char="1">mild stage</extension></sevenChrDef>'
        below = diag("H35.31", "Dry", near + diag("H35.311", "Dry, right")) + diag("H35.321", "Wet, right")
        found = parse({"tabular.xml": tabular(diag("H35", "Macula", INITIAL + below))})
        assert set(found) == {"H35", "H35.31", "H35.311", "H35.3111", "H35.321", "H35.321A"}
        assert found["H35.3111"].title == "Dry, right, mild stage"

    def test_a_note_after_a_seventh_character_belongs_to_it(self, parse):
        stages = (
            '<sevenChrDef><note>loose</note><extension char="3">advanced</extension><note>\tdry stage</note>'
            '<extension char="4">last</extension></sevenChrDef>'
        )
        found = parse({"tabular.xml": tabular(diag("H35.311", "Dry, right", stages))})
        assert found["H35.3113"].title == "Dry, right, advanced/dry stage"
        assert found["H35.3114"].title == "Dry, right, last"

    def test_a_code_list_confirms_which_codes_with_a_seventh_character_exist(self, parse):
        both = INITIAL.replace("</sevenChrDef>", '<extension char="D">later</extension></sevenChrDef>')
        files = {"tabular.xml": tabular(diag("T36.0X1", "Poisoning", both))}
        assert set(parse(files)) == {"T36.0X1", "T36.0X1A", "T36.0X1D"}
        found = parse(files | {"codes.txt": "T360X1\nT360X1A Poisoning, initial encounter\n"})
        assert set(found) == {"T36.0X1", "T36.0X1A"}

    def test_the_order_file_decides_what_exists_what_it_is_called_and_what_is_billable(self, parse):
        notes = "<inclusionTerm><note>broken wrist</note></inclusionTerm>"
        old = diag("S52.5", "Old title", notes + INITIAL) + diag("S52.9", "Withdrawn")
        found = parse({"tabular.xml": tabular(diag("S52", "Forearm", old)), "order.txt": order(*FRACTURE)})
        assert list(found) == ["S52", "S52.5", "S52.5X", "S52.5XXA"]
        assert found["S52.5"].title == "Fracture of lower end of radius"
        assert not found["S52.5"].meta["billable"]
        assert official(found["S52.5"]) == ["broken wrist"]
        assert said(found["S52.5XXA"], "stem") == ["Fracture of lower end of radius, unspecified"]

    def test_a_code_that_is_none_or_is_there_twice_is_refused(self, parse):
        with pytest.raises(Rejected, match="as a code"):
            parse({"tabular.xml": tabular(diag("0016070", "Bypass"))})
        with pytest.raises(Rejected, match=r"A00\.1 twice"):
            parse({"tabular.xml": tabular(diag("A00.1", "x"), diag("A00.1", "y"))})


CODES = order(
    ("R05", 0, "Cough"), ("R051", 1, "Acute cough"), ("R10", 0, "Pain"), ("R100", 1, "Acute pain of the belly"),
    ("R109", 1, "Pain of the belly"), ("T39", 0, "Poisoning"), ("T390X1", 0, "By accident"), ("T390X5", 0, "Side effect"),
    ("C80", 0, "Cancer"), ("C801", 1, "Cancer somewhere"), ("D36", 0, "Growth"), ("D369", 1, "Growth somewhere"),
    ("C44", 1, "Skin cancer"), ("D23", 1, "Skin growth"), ("M84", 1, "Broken by disease"), ("S32", 1, "Broken spine"),
)  # fmt: skip


class TestIndex:
    """Which words of the index lead to which code?"""

    def names(self, parse, *mains, heads="", codes=CODES):
        found = parse({"order.txt": codes, "index.xml": index(*mains, heads=heads)})
        return {code: names for code, document in found.items() if (names := official(document))}

    def test_terms_are_names_of_their_code_in_the_order_they_are_said(self, parse):
        belly = main(
            "Abdomen, abdominal",
            code("R10.9"),
            term("acute", code("R10.0")),
            term("with", term("cough", code("R05.1"))),
        )
        assert self.names(parse, belly) == {
            "R10.9": ["Abdomen, abdominal"],
            "R10.0": ["acute Abdomen"],
            "R05.1": ["Abdomen with cough"],
        }

    def test_modifiers_in_brackets_and_nec_are_left_out(self, parse):
        cough = main(
            "Cough <nemod>(dry)</nemod> <nemod>(wet)</nemod>", code("R05.1"), term("chronic NEC", code("R05.1"))
        )
        assert self.names(parse, cough) == {"R05.1": ["Cough", "chronic Cough"]}

    def test_a_code_with_a_dash_stands_for_the_header(self, parse):
        names = self.names(parse, main("Cough", code("R05.-")), main("Belly-ache", code("R10-")))
        assert names == {"R05": ["Cough"], "R10": ["Belly-ache"]}

    def test_a_see_leads_to_the_code_of_the_term_it_names(self, parse):
        names = self.names(
            parse,
            main("Abdominalgia", see("Pain, abdominal")),
            main("Pain <nemod>(chronic)</nemod>", code("R10.9"), term("abdominal", code("R10.0"))),
        )
        assert names["R10.0"] == ["Abdominalgia", "abdominal Pain"]

    def test_a_see_is_followed_through_several_steps_but_not_in_circles(self, parse):
        names = self.names(
            parse,
            main("Bellyache", see("Stomach-ache")),
            main("Stomach-ache", see("Colic")),
            main("Colic", see("Pain")),
            main("Pain", code("R10.9")),
            main("Hither", see("Thither")),
            main("Thither", see("Hither")),
        )
        assert names == {"R10.9": ["Bellyache", "Stomach-ache", "Colic", "Pain"]}
        assert list(parse.source.dropped.values()) == [2]

    def test_a_see_may_name_several_terms_plurals_and_words_in_brackets(self, parse):
        names = self.names(
            parse,
            main("Trouble", see("Coughs, dry") + see("Pain(s), belly")),
            main("Cough <nemod>(dry)</nemod>", code("R05.1")),
            main("Pain", term("belly", code("R10.9"))),
        )
        assert names["R05.1"] == ["Trouble", "Cough"]
        assert names["R10.9"] == ["Trouble", "belly Pain"]

    def test_a_see_prefers_the_main_term_it_stands_under(self, parse):
        names = self.names(
            parse,
            main("Fracture, pathological", term("vertebra", code("M84"))),
            main("Fracture, traumatic", term("spine", see("Fracture, vertebra")), term("vertebra, back", code("S32"))),
        )
        assert names == {"M84": ["vertebra Fracture"], "S32": ["spine Fracture", "vertebra, back Fracture"]}

    @pytest.mark.parametrize("asked", ["Fracture, spine", "Fracture, spine, pathological"])
    def test_a_see_never_leads_to_a_special_kind_that_it_does_not_name(self, parse, asked):
        names = self.names(
            parse,
            main("Fracture, pathological", term("spine", code("M84"))),
            main("Fracture, traumatic NEC and others", term("spine, back, column", code("S32"))),
            main("Injury", term("spine", see(asked))),
        )
        assert "spine Injury" in names["M84" if "pathological" in asked else "S32"]
        assert sum("spine Injury" in said for said in names.values()) == 1

    def test_a_see_to_words_in_another_order_does_not_lead_back_to_itself(self, parse):
        names = self.names(
            parse,
            main("Injury", term("skin", term("nerve", see("Injury, nerve, skin"))), term("nerve", term("skin", code("D23")))),
        )  # fmt: skip
        assert names == {"D23": ["Injury skin nerve", "Injury nerve skin"]}
        assert list(parse.source.dropped.values()) == [0]

    def test_a_see_never_leads_to_something_narrower_than_it_names(self, parse):
        names = self.names(
            parse,
            main("Manual", see("condition")),
            main("Effects", term("condition", code("R10.9"))),
            main("Skew", see("Distortion")),
            main("Distortion", term("skin", code("D23"))),
        )
        assert names == {"R10.9": ["condition Effects"], "D23": ["skin Distortion"]}
        assert list(parse.source.dropped.values()) == [2]

    def test_terms_that_lead_nowhere_are_counted(self, parse):
        names = self.names(
            parse, main("Cough", code("R05.1")), main("Old", code("Z99.9")), main("Lost", see("Nothing, at all"))
        )
        assert names == {"R05.1": ["Cough"]}
        assert parse.source.dropped == {"index terms whose code is not in the release": 2}

    def test_a_see_also_names_no_code(self, parse):
        assert self.names(parse, main("Ache", "<seeAlso>Pain</seeAlso>"), main("Pain", code("R10.9"))) == {
            "R10.9": ["Pain"]
        }


class TestTables:
    """What do the columns of the neoplasm and drug tables mean?"""

    HEADS = (
        '<indexHeading><head col="1">Substance</head><head col="2">Poisoning, Accidental (unintentional)</head>'
        '<head col="6">Adverse effect</head></indexHeading>'
    )
    SITES = (
        '<indexHeading><head col="2">Malignant Primary</head><head col="3">Malignant Secondary</head>'
        '<head col="5">Benign</head></indexHeading>'
    )
    NEOPLASM = main(
        "Neoplasm, neoplastic",
        '<cell col="2">C80.1</cell><cell col="5">D36.9</cell>',
        term("skin", '<cell col="2">C44</cell><cell col="3">--</cell><cell col="5">D23</cell>'),
    )

    def test_each_cell_is_a_name_of_its_code_with_the_heading_of_its_column(self, parse):
        aspirin = main("Aspirin", '<cell col="2">T39.0X1</cell><cell col="6">T39.0X5</cell><cell col="7">--</cell>')
        found = parse({"order.txt": CODES, "drug.xml": index(aspirin, heads=self.HEADS)})
        assert official(found["T39.0X1"]) == ["Aspirin, poisoning, accidental (unintentional)"]
        assert official(found["T39.0X5"]) == ["Aspirin, adverse effect"]
        assert parse.source.dropped == {"index terms whose code is not in the release": 0}

    def test_a_see_into_a_table_takes_the_column_it_names(self, parse):
        mole = main(
            "Mole", term("bad", see("Neoplasm, skin, malignant")), term("harmless", see("Neoplasm, skin, benign"))
        )
        tumour = main("Tumour", see("Neoplasm, benign, by site"))
        files = {"index.xml": index(mole, tumour), "neoplasm.xml": index(self.NEOPLASM, heads=self.SITES)}
        found = parse(files | {"order.txt": CODES})
        assert official(found["C44"]) == ["bad Mole", "skin Neoplasm, malignant primary"]
        assert official(found["D23"]) == ["harmless Mole", "skin Neoplasm, benign"]
        assert official(found["D36.9"])[0] == "Tumour"

    def test_a_see_that_names_no_column_takes_all_with_their_headings(self, parse):
        files = {"neoplasm.xml": index(main("Hide", see("Neoplasm, skin")), self.NEOPLASM, heads=self.SITES)}
        found = parse(files | {"order.txt": CODES})
        assert official(found["C44"])[0] == "Hide, malignant primary"
        assert official(found["D23"])[0] == "Hide, benign"


class TestDisagreements:
    """When are the addenda held against what changed?"""

    line = f"Add:         1 R051    {'Acute cough':<60} Acute cough"

    @pytest.fixture
    def cough(self):
        return {"R05": {"title": "Cough", "billable": False, "valid_from": "2025-10-01", "file": "order.txt"}}

    @pytest.fixture
    def told(self, parse):
        def tell(before, footer="", codes=(("R05", 0, "Cough"), ("R051", 1, "Acute cough"))):
            documents = list(parse({"order.txt": order(*codes), "changes.txt": self.line + footer}).values())
            return parse.source.disagreements(before, documents, parse.source.said)

        return tell

    def test_addenda_that_agree_and_releases_without_any_say_nothing(self, told, cough):
        assert told(cough) == []
        assert Icd10().disagreements(cough, [], {}) == []

    def test_a_code_that_they_do_not_tell_is_named(self, told, cough):
        codes = (("R05", 0, "Cough"), ("R051", 1, "Acute cough"), ("R052", 1, "Old cough"))
        assert told(cough, codes=codes) == ["1 code is new and not added by the addenda: R05.2."]

    def test_where_another_release_served_only_the_new_one_is_looked_at(self, told, cough):
        footer = "\r\nCodes\r\n  0 codes in icd10cm_order_2024.txt\r\n  1 codes in icd10cm_order_2026.txt"
        assert told({"A00": cough["R05"]}, footer) == []
        assert told({}, footer) == []
        assert told({}, footer, codes=(("R05", 1, "Cough"),)) == [
            "1 code is added by the addenda and not there: R05.1."
        ]

    def test_the_same_release_read_again_is_not_held_against_itself(self, told, cough):
        again = {**cough, "R05.1": {"title": "Acute cough", "billable": True}}
        again["R05"] = cough["R05"] | {"valid_from": "2026-04-01"}
        assert told(again) == []

    def test_titles_of_a_tabular_list_are_not_held_against_those_of_an_order_file(self, told, cough):
        other = {"R05": cough["R05"] | {"title": "Coûgh"}}
        assert told(other) == ["1 code is renamed and not revised by the addenda: R05 (header)."]
        assert told({"R05": other["R05"] | {"file": "tabular.XML"}}) == []


def test_a_document_says_where_it_came_from(parse):
    """P10: file and digest of the file the codes were read from, the release's date, and the category it folds into."""
    from probatum import digests

    data = order(*FRACTURE).encode()
    document = parse({"order.txt": data})["S52.5XXA"]
    assert (document.file, document.sha256) == ("order.txt", digests.of_bytes(data))
    assert (document.valid_from, document.family, document.source) == ("2026-04-01", "S52", "icd10")
