// Tables sort by the column whose heading is clicked; rows without a value stay last.
for (const table of document.querySelectorAll("table.sorts")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = row => row.cells[column].dataset.key;
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      const found = isNaN(x) || isNaN(y) ? x.localeCompare(y, "en", {numeric: true}) : x - y;
      return down ? -found : found;
    };
    [...body.rows].sort(order).forEach(row => body.append(row));
  }));
}
// Controls would cover the faces: they show under the pointer. Videos start silent, as browsers ask; one at a time gets
// its sound.
const films = [...document.querySelectorAll(".examples video")];
for (const film of films) {
  film.controls = false;
  film.addEventListener("pointerenter", () => { film.controls = true; });
  film.addEventListener("pointerleave", () => { film.controls = false; });
}
for (const button of document.querySelectorAll(".sound")) {
  const film = button.closest("figure").querySelector("video");
  button.addEventListener("click", () => {
    const on = film.muted;
    films.forEach(other => { other.muted = true; });
    film.muted = !on;
    if (on) { film.currentTime = 0; film.play(); }
  });
  film.addEventListener("volumechange", () => { button.textContent = film.muted ? "sound on" : "sound off"; });
}
