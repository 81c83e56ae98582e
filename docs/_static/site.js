// Names the cells of tables with many columns: on a phone, each row of them is a list.
for (const table of document.querySelectorAll("article table.docutils")) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent);
  if (names.length < 4) continue;
  table.classList.add("many");
  for (const row of table.querySelectorAll("tbody tr"))
    for (const [index, cell] of [...row.cells].entries()) if (index && names[index]) cell.dataset.label = names[index];
}
