"""What axe-core and the width of a page say of it."""

from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parents[1] / "vendor" / "axe-4.14.1.min.js"
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def violations(page: Page, where: str = "document") -> list[str]:
    """Of the rules of WCAG 2.2 AA, within a JavaScript expression's element."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(f"rules => axe.run({where}, rules)", RULES)["violations"]
    return [f"{each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}" for each in found]


def troubles(page: Page, address: str, width: int) -> list[str]:
    page.goto(address)
    found = [f"{address}: {each}" for each in violations(page)]
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
        found.append(f"{address}: {wide} pixels wide")
    return found
