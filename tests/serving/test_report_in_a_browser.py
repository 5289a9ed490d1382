"""Do people see the report as it is meant, in a real browser: whole, readable wide and narrow, light, dark and on paper?

Skipped where there is no `chromium`.
"""

import re

import pytest
from browser import CHROMIUM, browser
from PIL import Image

from probatum.report_files import data_docs_of, report_of

pytestmark = [
    pytest.mark.xdist_group("reports"),
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="there is no chromium on PATH"),
]
VIEWS = {"wide": {}, "narrow": {"width": 390}, "dark": {"dark": True}, "narrow and dark": {"width": 390, "dark": True}, "paper": {"width": 794, "paper": True}}  # fmt: skip
CONTRAST = """
(() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (c !== 'rgba(0, 0, 0, 0)') return c; } return 'rgb(255, 255, 255)'; };
  const worst = [...document.querySelectorAll('main *, header *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) && !e.closest('svg'))
    .map(e => { const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x); return [(a + .05) / (b + .05), e.className, e.textContent.trim().slice(0, 20)]; });
  return worst.sort((x, y) => x[0] - y[0])[0];
})()
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


def test_what_a_page_asks_for_is_noticed(chromium, tmp_path):
    """Else the tests below could not fail."""
    page = tmp_path / "asks.html"
    page.write_text("<link rel=stylesheet href='http://127.0.0.1:9/a.css'><img src='x.png'><script>nothing()</script>")
    visit = chromium.visit(page)
    assert {address.rpartition("/")[2] for address in visit.requests} == {"a.css", "x.png"}
    assert any("ReferenceError" in said for said in visit.complaints)


def test_a_style_or_script_that_got_in_would_be_refused_by_the_policy(chromium, history, tmp_path):
    """P33: should markup get through after all, the page's policy stops it."""
    page = tmp_path / "injected.html"
    text = report_of(history.home, history.refused.digest()).read_text("utf-8")
    into = "<script>document.title = 'taken'</script><style>body { color: red }</style><img src='http://127.0.0.1:9/x.png'>"
    page.write_text(text.replace("<main>", f"<main>{into}"), "utf-8")
    visit = chromium.visit(page)
    assert visit.ask("document.title").startswith("Candidate ")
    assert visit.ask("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
    assert len([said for said in visit.complaints if "Content Security Policy" in said]) >= 3


@pytest.mark.parametrize("view", VIEWS)
def test_the_report_is_whole_and_asks_for_nothing(chromium, history, tmp_path, view):
    """P33: hostile titles are on this page, and nothing happens."""
    visit = chromium.visit(report_of(history.home, history.refused.digest()), **VIEWS[view])
    assert (visit.requests, visit.complaints) == ([], [])
    assert visit.ask("[...document.querySelectorAll('h2')].map(e => e.textContent)") == ["formulary", "guidelines", "How it was made"]  # fmt: skip
    assert visit.ask("document.querySelector('.verdict').innerText").startswith("Refused, because")
    assert visit.ask("document.documentElement.scrollWidth") <= visit.ask("innerWidth")  # nothing sticks out sideways
    sizes = visit.ask(
        "[...document.querySelectorAll('figure svg')].map(e => [e.getBoundingClientRect().width, e.getBoundingClientRect().height])"
    )
    assert len(sizes) == 2 and all(width > 300 and height > 120 for width, height in sizes)
    assert visit.ask("document.querySelectorAll('figure circle').length") == 6
    picture = Image.open(visit.screenshot(tmp_path / "page.png")).convert("L")
    assert len(picture.getcolors(256)) > 50, "the picture shows next to nothing"


@pytest.mark.parametrize("view", VIEWS)
def test_every_word_can_be_read_against_its_ground(chromium, history, view):
    """4.5 to 1 is what the accessibility guidelines ask of text."""
    ratio, *where = chromium.visit(report_of(history.home, history.refused.digest()), **VIEWS[view]).ask(CONTRAST)
    assert ratio >= 4.5, where


def test_dark_is_dark_and_paper_is_white(chromium, history):
    page = report_of(history.home, history.second.candidate)

    def ground(**view):
        colour = chromium.visit(page, **view).ask("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3

    assert ground() > 240 and ground(dark=True) < 60 and ground(dark=True, paper=True) == 255


def test_on_paper_everything_is_unfolded(chromium, history):
    page = report_of(history.home, history.second.candidate)
    hidden = "[...document.querySelectorAll('details:not([open]) table')].filter(e => !e.checkVisibility({contentVisibilityAuto: true})).length"
    assert chromium.visit(page).ask(hidden) > 0
    assert chromium.visit(page, paper=True).ask(hidden) == 0


def test_the_data_docs_are_whole_and_ask_for_nothing(chromium, history):
    folder = data_docs_of(history.home, history.refused.digest())
    pages = sorted(folder.rglob("*.html"))
    assert len(pages) == 10
    for path in pages:
        visit = chromium.visit(path, width=390)
        assert (visit.requests, visit.complaints) == ([], []), path
        assert visit.ask("document.documentElement.scrollWidth") <= visit.ask("innerWidth"), path
        assert visit.ask("document.querySelectorAll('h2').length") >= 2
