"""A release's date is read from the names its publisher gave its files, and guessed from nothing else."""

import os
from datetime import UTC, date, datetime

import pytest

from probatum.errors import Misconfigured
from sources.locate import files_at, left_at, to_be_told, valid_from_name


def told(*names):
    return valid_from_name(["/data/drop", *names])[1].isoformat()


@pytest.mark.parametrize(
    ("names", "day"),
    [
        (["icd10cm-CodesDescriptions-2024.zip", "icd10cm-addendum-2024.zip"], "2023-10-01"),
        (["ICD10-CM Code Descriptions 2025.zip", "ICD10cm-addendum-2025.zip"], "2024-10-01"),
        (["Code-desciptions-April-2025.zip", "icd10cm-addendum-April-2025.zip"], "2025-04-01"),
        (["ICD10CM_FY2016_ Full_ XML.ZIP"], "2015-10-01"),
        (["icd10cm_order_FY16.txt"], "2015-10-01"),
        (["icd10c-tabular-April-1-2026.xml"], "2026-04-01"),
        (["april_1_2026_code_tables.zip"], "2026-04-01"),
    ],
)
def test_cdc_names_tell_the_fiscal_year_or_the_april_update(names, day):
    assert told(*names) == day


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("2026-07.csv", "2026-07-01"),
        ("formulary-2026-07-15.xlsx", "2026-07-15"),
        ("March-2026.zip", "2026-03-01"),
        ("list, Sep 2026.csv", "2026-09-01"),
        ("October 15, 2024.pdf", "2024-10-15"),
        ("jan 15 2024.pdf", "2024-01-15"),
    ],
)
def test_a_date_in_a_name_is_that_date(name, day):
    assert told(name) == day


def test_a_month_of_a_fiscal_year_lies_in_the_calendar_year_that_it_does():
    assert told("Guidelines-October 1 FY2024.pdf") == "2023-10-01"
    assert told("Guidelines-April-1-FY25.pdf") == "2025-04-01"


@pytest.mark.parametrize(
    ("names", "day"),
    [
        (["Jan 1, 2031.csv"], "2031-01-01"),
        (["1-apr-2031.zip"], "2031-04-01"),
        (["15 January 2031.zip"], "2031-01-15"),
        (["April 1st, 2031.zip"], "2031-04-01"),
        (["order-2031-January.txt"], "2031-01-01"),
        (["FY 2031 April 1.zip"], "2031-04-01"),
        (["FY2031 October.zip"], "2030-10-01"),
        (["sept-2031.zip"], "2031-09-01"),
        (["20311001.zip"], "2031-10-01"),
        (["ICD-10 April 2031.zip"], "2031-04-01"),
        (["ICD10 April 2031.zip"], "2031-04-01"),
    ],
)
def test_the_parts_of_a_date_may_stand_in_any_order(names, day):
    assert told(*names) == day


@pytest.mark.parametrize(
    ("names", "day"),
    [
        (["/drop/2031-update", "Code Descriptions.ZIP"], "2031-04-01"),
        (["/drop/2031-Update", "codes-2031.zip", "addendum 2031.zip"], "2031-04-01"),
        (["/drop/2031_update/unpacked", "order.txt"], "2031-04-01"),
        (["/drop", "codes 2031 (updated 7-1-2030).zip"], "2030-07-01"),
        (["/drop/x", "order 2031, updated.txt"], "2030-10-01"),
        (["/drop", "effective 10-1-2030.zip"], "2030-10-01"),
        (["/drop", "april-1-2031-code-tables.zip"], "2031-04-01"),
        (["/drop", "2031 Code Descriptions in Tabular Order.zip"], "2030-10-01"),
        (["/drop", "icd10cm_order_2031.txt"], "2030-10-01"),
        (["https://example.org/ICD10CM/2031-update/codes.zip", "codes.zip"], "2031-04-01"),
    ],
)
def test_names_of_a_us_agency_have_the_month_first_and_an_update_in_april(names, day):
    assert valid_from_name(names, of_us_agency=True)[1].isoformat() == day


def test_an_update_of_another_publisher_is_no_date():
    assert valid_from_name(["/drop", "sepsis-2031-update.pdf"])[1] == date(2030, 10, 1)


def test_a_full_date_counts_before_a_bare_year_wherever_it_stands():
    assert told("codes-2025.zip", "update-April-2025.zip") == "2025-04-01"


def test_files_count_before_the_folder_and_the_folder_before_nothing():
    assert valid_from_name(["/data/2019", "order-2025.txt"])[1] == date(2024, 10, 1)
    assert valid_from_name(["/data/FY2019/drop", "order.txt"])[1] == date(2018, 10, 1)
    assert valid_from_name(["https://example.org/2025/codes-2024.zip"])[1] == date(2023, 10, 1)


def test_numbers_that_are_no_year_and_days_that_do_not_exist_tell_nothing(tmp_path):
    plain = tmp_path / "icd10cm-12025.txt"
    plain.write_text("x")
    written = datetime(2021, 5, 6, tzinfo=UTC).timestamp()
    os.utime(plain, (written, written))
    assert valid_from_name([str(plain), plain.name])[1] == date(2021, 5, 6)
    assert valid_from_name([str(plain), "June 31, 2024.txt"])[1] == date(2023, 10, 1)  # as a bare year then


def test_where_no_name_tells_it_is_the_day_the_newest_file_was_written(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    for name, day in (("a.csv", 3), ("b.csv", 9)):
        (drop / name).write_text("x")
        written = datetime(2026, 2, day, tzinfo=UTC).timestamp()
        os.utime(drop / name, (written, written))
    assert valid_from_name([str(drop), "a.csv", "b.csv"]) == ("2026-02-09", date(2026, 2, 9))


def test_hidden_files_links_and_other_formats_are_left_alone(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / ".cache").mkdir()
    for name in ("b.ZIP", "deep/a.txt", ".cache/c.txt", "~$d.txt", "e.pdf"):
        (tmp_path / name).write_text("x")
    (tmp_path / "link.txt").symlink_to(tmp_path / "deep" / "a.txt")
    assert [file.name for file in files_at(str(tmp_path), suffixes=(".zip", ".txt"))] == ["b.ZIP", "deep/a.txt"]


def test_what_is_not_offered_can_be_told(tmp_path):
    for name in ("a.zip", "b.PDF", "c.xlsx", ".hidden.pdf"):
        (tmp_path / name).write_text("x")
    assert left_at(str(tmp_path), suffixes=(".zip",)) == ["b.PDF", "c.xlsx"]
    assert left_at(str(tmp_path / "b.PDF"), suffixes=(".zip",)) == []
    assert left_at("https://example.org/a.pdf", suffixes=(".zip",)) == []


def test_a_place_with_nothing_to_read_is_refused_with_advice(tmp_path):
    """P51: what happened and what to do next."""
    with pytest.raises(Misconfigured, match=r"holds no file ending in \.zip") as refused:
        files_at(str(tmp_path), suffixes=(".zip",))
    assert "--from" in refused.value.next
    with pytest.raises(Misconfigured, match="nothing at"):
        files_at(str(tmp_path / "absent"), suffixes=(".zip",))


@pytest.mark.parametrize("address", ["https://user:secret@example.org/list.csv", "https://token@example.org/list.csv"])
def test_an_address_with_a_password_is_refused_without_repeating_it(address):
    """P24: what a release tells of its origin is read by everybody."""
    with pytest.raises(Misconfigured) as refused:
        files_at(address, suffixes=(".csv",))
    assert "secret" not in str(refused.value) and "token@" not in str(refused.value)


def test_a_signed_address_is_told_without_its_signature():
    assert to_be_told("https://example.org/2026-10.csv?sig=abc#x") == "https://example.org/2026-10.csv"
    assert to_be_told("/srv/drops/what?.csv") == "/srv/drops/what?.csv"
