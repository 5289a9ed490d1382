"""Is dm+d read as drugs a hospital searches for, its codes as words, its products with the drug they are of?"""

from datetime import date

import pytest

from probatum.errors import Rejected
from probatum.records import SourceRelease
from sources.formulary import Formulary

RELEASE = SourceRelease("formulary", "2026-07", date(2026, 7, 1), "test", "test")
VTM = "<VIRTUAL_THERAPEUTIC_MOIETIES><VTM><VTMID>111</VTMID><NM>Adenosine</NM><VTMIDPREV>99</VTMIDPREV></VTM>{}</VIRTUAL_THERAPEUTIC_MOIETIES>"
VMP = """<VIRTUAL_MED_PRODUCTS><VMPS>
<VMP><VPID>222</VPID><VTMID>111</VTMID><NM>Adenosine 6mg/2ml solution for injection vials</NM><PRES_STATCD>0001</PRES_STATCD>
<GLU_F>0001</GLU_F><UDFS>2</UDFS><UDFS_UOMCD>555</UDFS_UOMCD><BASISCD>0002</BASISCD></VMP></VMPS>
<VIRTUAL_PRODUCT_INGREDIENT><VPI><VPID>222</VPID><ISID>666</ISID><STRNT_NMRTR_VAL>3</STRNT_NMRTR_VAL>
<STRNT_NMRTR_UOMCD>777</STRNT_NMRTR_UOMCD><STRNT_DNMTR_VAL>1</STRNT_DNMTR_VAL><STRNT_DNMTR_UOMCD>555</STRNT_DNMTR_UOMCD></VPI>
</VIRTUAL_PRODUCT_INGREDIENT><DRUG_FORM><DFORM><VPID>222</VPID><FORMCD>31</FORMCD></DFORM></DRUG_FORM>
<DRUG_ROUTE><DROUTE><VPID>222</VPID><ROUTECD>32</ROUTECD></DROUTE></DRUG_ROUTE>
<CONTROL_DRUG_INFO><CONTROL_INFO><VPID>222</VPID><CATCD>0002</CATCD></CONTROL_INFO></CONTROL_DRUG_INFO></VIRTUAL_MED_PRODUCTS>"""
AMP = """<ACTUAL_MEDICINAL_PRODUCTS><AMPS><AMP><APID>333</APID><VPID>222</VPID><NM>Adenocor 6mg/2ml solution for injection vials</NM>
<DESC>Adenocor 6mg/2ml solution for injection vials (Hillside)</DESC><SUPPCD>41</SUPPCD><AVAIL_RESTRICTCD>0008</AVAIL_RESTRICTCD></AMP>
<AMP><APID>334</APID><VPID>222</VPID><NM>Adenosine 6mg/2ml solution for injection vials</NM><DESC>Adenosine (Ridge)</DESC>
<SUPPCD>42</SUPPCD><AVAIL_RESTRICTCD>0001</AVAIL_RESTRICTCD></AMP>
<AMP><APID>335</APID><VPID>888</VPID><NM>Lonely 5mg tablets</NM><DESC>Lonely 5mg tablets (Ridge)</DESC><SUPPCD>42</SUPPCD></AMP></AMPS></ACTUAL_MEDICINAL_PRODUCTS>"""
VMPP = "<VIRTUAL_MED_PRODUCT_PACK><VMPPS><VMPP><VPPID>1</VPPID><VPID>222</VPID><QTYVAL>6</QTYVAL><QTY_UOMCD>778</QTY_UOMCD></VMPP></VMPPS></VIRTUAL_MED_PRODUCT_PACK>"
AMPP = """<ACTUAL_MEDICINAL_PROD_PACKS><AMPPS><AMPP><APPID>9</APPID><APID>333</APID><LEGAL_CATCD>0003</LEGAL_CATCD></AMPP></AMPPS>
<MEDICINAL_PRODUCT_PRICE><PRICE_INFO><APPID>9</APPID><PRICE>120</PRICE></PRICE_INFO></MEDICINAL_PRODUCT_PRICE></ACTUAL_MEDICINAL_PROD_PACKS>"""
GTIN = "<GTIN_DETAILS><AMPPS><AMPP><AMPPID>9</AMPPID><GTINDATA><GTIN>0501</GTIN></GTINDATA><GTINDATA><GTIN>0502</GTIN></GTINDATA></AMPP></AMPPS></GTIN_DETAILS>"
ING = "<INGREDIENT_SUBSTANCES><ING><ISID>667</ISID><ISIDPREV>666</ISIDPREV><NM>Adenosine substance</NM></ING></INGREDIENT_SUBSTANCES>"


def info(table, *pairs):
    return f"<{table}>{''.join(f'<INFO><CD>{code}</CD><DESC>{words}</DESC></INFO>' for code, words in pairs)}</{table}>"


LOOKUP = f"""<LOOKUP>{info("UNIT_OF_MEASURE", (555, "ml"), (777, "mg"), (778, "vial"))}{info("FORM", (31, "Solution for injection"))}
{info("ROUTE", (32, "Intravenous"))}{info("CONTROL_DRUG_CATEGORY", ("0002", "Schedule 2 (CD)"))}{info("LEGAL_CATEGORY", ("3", "POM"))}
{info("VIRTUAL_PRODUCT_PRES_STATUS", ("0001", "Valid as a prescribable product"))}{info("SUPPLIER", (41, "Hillside"))}
{info("AVAILABILITY_RESTRICTION", ("0001", "None"), ("0008", "Hospital Only"))}</LOOKUP>"""
ALL = {
    "vtm": VTM.format(""),
    "vmp": VMP,
    "amp": AMP,
    "vmpp": VMPP,
    "ampp": AMPP,
    "gtin": GTIN,
    "ingredient": ING,
    "lookup": LOOKUP,
}


def parse(tmp_path, **files):
    source, paths = Formulary(), {}
    for name, text in files.items():
        paths[f"f_{name}.xml"] = tmp_path / name
        paths[f"f_{name}.xml"].write_text(text, "utf-8")
    return source, {document.id: document for document in source.parse(paths, RELEASE)}


@pytest.fixture
def read(tmp_path):
    return parse(tmp_path, **ALL)


def test_the_drug_and_its_strength_are_documents_of_one_family(read):
    _, documents = read
    assert [(i, d.title, d.family) for i, d in documents.items()][:2] == [
        ("111", "Adenosine", "adenosine"),
        ("222", "Adenosine 6mg/2ml solution for injection vials", "adenosine"),
    ]


def test_a_product_carries_the_brands_of_its_suppliers_and_the_packs(read):
    _, documents = read
    product = documents["222"]
    assert product.meta["brands"] == ["Adenocor 6mg/2ml solution for injection vials"]
    assert product.meta["codes"] == {"snomed": ["222"], "amp": ["333", "334"], "gtin": ["0501", "0502"]}
    for line in (
        "Ingredient: Adenosine substance 3 mg per 1 ml",
        "Form: Solution for injection",
        "Route: Intravenous",
        "Unit dose: 2 ml",
        "Properties: gluten free",
        "Packs: 6 vial",
        "Legal category: POM",
        "Products: Adenocor 6mg/2ml solution for injection vials (Hillside), Hospital Only; Adenosine (Ridge)",
        "Restriction of Adenosine: Schedule 2 (CD)",
    ):
        assert line in product.text.splitlines()


def test_a_strength_is_below_its_drug(read):
    _, documents = read
    assert documents["222"].meta["parent"] == "111" and "parent" not in documents["111"].meta


def test_classes_go_to_the_product_and_history_is_counted(tmp_path):
    classes = "<BNF_DETAILS><VMPS><VMP><VPID>222</VPID><BNF>02030200</BNF><ATC>C01EB10</ATC><DDD>1</DDD></VMP></VMPS></BNF_DETAILS>"
    past = "<HISTORY><VTMS><VTM><IDCURRENT>111</IDCURRENT><IDPREVIOUS>99</IDPREVIOUS></VTM></VTMS></HISTORY>"
    source, documents = parse(tmp_path, **ALL, bnf=classes, history=past)
    assert documents["222"].meta["codes"]["atc"] == ["C01EB10"] and documents["222"].meta["codes"]["bnf"] == [
        "02030200"
    ]
    assert source.dropped["history.VTM.IDCURRENT"] == 1 and source.dropped["bnf.VMP.DDD"] == 1


def test_prices_and_the_basis_of_names_are_counted(read):
    source, _ = read
    assert source.dropped["PRICE_INFO.PRICE"] == 1 and source.dropped["VMP.BASISCD"] == 1


def test_a_product_whose_drug_is_not_there_stands_for_itself(read):
    _, documents = read
    assert documents["335"].title == "Lonely 5mg tablets" and documents["335"].family == "lonely"


def test_a_code_without_words_stays_a_code_and_is_counted(tmp_path):
    source, documents = parse(tmp_path, vmp=VMP)
    assert "Route: 32" in documents["222"].text
    assert source.dropped["codes without words: ROUTE"] == 1


def test_what_is_marked_invalid_stays_and_says_so(tmp_path):
    gone = "<VTM><VTMID>112</VTMID><INVALID>1</INVALID><NM>Oldosine</NM></VTM>"
    _, documents = parse(tmp_path, vtm=VTM.format(gone))
    assert documents["112"].meta["status"] == "invalid" and "Status: invalid" in documents["112"].text
    assert documents["111"].meta["status"] == "current"


def test_the_names_of_the_files_say_the_day(tmp_path):
    for name, text in (("f_vtm2_3010724.xml", VTM.format("")), ("f_vmp2_3080724.xml", VMP)):
        (tmp_path / name).write_text(text)
    assert Formulary().find(str(tmp_path)).release.valid_from == date(2024, 7, 8)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (VTM.format("<VTM><VTMID>112</VTMID></VTM>"), r"f_vtm.xml has a VTM without VTMID or NM"),
        (VTM.format("<VTM><VTMID>112</VTMID><NM>a</NM><NM>b</NM></VTM>"), r"f_vtm.xml has a VTM with two NM"),
        (VTM.format("<VTM><VTMID>112"), r"f_vtm.xml is not well-formed XML"),
    ],
)
def test_a_broken_record_is_refused(tmp_path, text, said):
    with pytest.raises(Rejected, match=said):
        parse(tmp_path, vtm=text)


def test_a_lookup_alone_is_no_list(tmp_path):
    with pytest.raises(Rejected, match=r"No drug is in f_lookup.xml"):
        parse(tmp_path, lookup=LOOKUP)
