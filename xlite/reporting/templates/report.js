"use strict";
// Sorts a table by the column whose heading is pressed; what is no number stays at the end.
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function keyOf(row, column) {
  const cell = row.cells[column];
  if (!("value" in cell.dataset)) return cell.textContent.trim();
  return cell.dataset.value === "" ? null : Number(cell.dataset.value);
}

function compare(a, b, direction) {
  if (a === null || b === null) return (a === null) - (b === null);
  return direction * (typeof a === "number" ? a - b : collator.compare(a, b));
}

function sortBy(heading) {
  const column = heading.cellIndex;
  const table = heading.closest("table");
  const isAscending = heading.getAttribute("aria-sort") === "ascending";
  // Scores are mostly wanted from the best, names from A.
  const isFirst = heading.getAttribute("aria-sort") === "none";
  const next = isFirst && heading.classList.contains("number") ? "descending"
    : isFirst || !isAscending ? "ascending" : "descending";
  for (const other of heading.parentElement.cells) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", next);
  const direction = next === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => [keyOf(row, column), row]);
  rows.sort(([a], [b]) => compare(a, b, direction));
  body.append(...rows.map(([, row]) => row));
}

for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}
