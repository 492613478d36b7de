// Tables: a click on a heading sorts by it, the other way at the second click; a filter keeps the
// rows that hold all its words.
"use strict";

(() => {
  const valueOf = (cell) =>
    "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent.trim();

  // Numbers before texts; empty cells last, whichever way.
  const compare = (one, other, sign) => {
    if (one === "" || other === "") return (one === "") - (other === "");
    if (typeof one === "number" && typeof other === "number") return sign * (one - other);
    if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
    return sign * one.localeCompare(other, undefined, { numeric: true });
  };

  const sort = (table, column) => {
    const heads = [...table.tHead.rows[0].cells];
    const before = heads[column].getAttribute("aria-sort");
    // What is worst is what one looks for first: texts and numbers both rise at the first click.
    const way = before === "ascending" ? "descending" : "ascending";
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", way);
    const sign = way === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [valueOf(row.cells[column]), row]);
    rows.sort((one, other) => compare(one[0], other[0], sign));
    body.append(...rows.map(([, row]) => row));
  };

  const filter = (table, text, count) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let kept = 0;
    for (const row of table.tBodies[0].rows) {
      const cells = [...row.cells].map((cell) => cell.textContent.trim().toLowerCase());
      row.hidden = !words.every((word) => cells.some((cell) => cell.includes(word)));
      kept += !row.hidden;
    }
    const all = table.tBodies[0].rows.length;
    const rows = all === 1 ? "row" : "rows";
    count.value = kept === all ? `${all} ${rows}` : `${kept} of ${all} ${rows}`;
  };

  for (const box of document.querySelectorAll(".table")) {
    const table = box.querySelector("table");
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      head.querySelector("button")?.addEventListener("click", () => sort(table, column));
    });
    const field = box.querySelector(".filter");
    field.addEventListener("input", () => filter(table, field.value, box.querySelector(".count")));
  }
})();
