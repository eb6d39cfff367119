"""What a screenshot shows and no text of a page does: cells that overlap, and what axe-core finds."""

from pathlib import Path

AXE = Path(__file__).parents[2] / "peers/node_modules/axe-core/axe.min.js"
GRAVE = ("serious", "critical")

# Of each row of the people on a phone: three columns wide enough to read, every cell inside its
# row and beside the others, and nothing of a text cut off. A cell that no area of the grid names
# falls into a column or a row of its own, which is the fault that is looked for.
GRID_FAULTS = """() => {
  const faults = [];
  for (const row of document.querySelectorAll("table.people tbody tr, table.people tfoot tr")) {
    const name = row.innerText.split("\\n")[0], outer = row.getBoundingClientRect();
    const columns = getComputedStyle(row).gridTemplateColumns.split(" ").map(parseFloat);
    const whole = [...row.cells].every((cell) => cell.colSpan === 1);
    if (whole && (columns.length !== 3 || Math.min(...columns) < 60))
      faults.push(`${name}: columns ${columns.join(" ")}`);
    const cells = [...row.cells].map((cell) => [cell, cell.getBoundingClientRect()])
      .filter(([cell, box]) => box.width > 0 && cell.innerText.trim());
    for (const [cell, box] of cells) {
      const text = cell.innerText.trim().slice(0, 20);
      if (box.left < outer.left - 1 || box.right > outer.right + 1 || box.bottom > outer.bottom + 1)
        faults.push(`${name}: "${text}" leaves its row`);
      if (cell.scrollWidth > cell.clientWidth + 1) faults.push(`${name}: "${text}" is cut off`);
      for (const [other, that] of cells)
        if (cell !== other && box.left < that.right - 1 && that.left < box.right - 1 &&
            box.top < that.bottom - 1 && that.top < box.bottom - 1)
          faults.push(`${name}: "${text}" lies over "${other.innerText.trim().slice(0, 20)}"`);
    }
  }
  return faults;
}"""


async def axe_findings(page):
    """Serious and critical ones: rule, what it says, and where."""
    assert AXE.is_file(), "run make test once (npm ci)"
    # Evaluated, not added as a script: the pages' own policy lets no foreign script in.
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {node['target']} {node['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
