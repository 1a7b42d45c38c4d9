// Shows the songs of a ranking as a table that can be sorted by any column and searched, with one song in the player.
const one = (selector, within = element) => within.querySelector(selector);
const view = element.closest("gradio-app[src]"); // set on a foreign page, whose address is not the server's
const site = view ? view.getAttribute("src").split("/embed/")[0] + "/" : document.baseURI;
const href = (address) => new URL(address, site).href;
const texts = props.texts;
const order = { by: "", descending: false }; // by the key of a column, which another ranking may have elsewhere or lack
let chosen = ""; // the address of the song in the player

function make(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function sorted(rows, columns) {
  const column = sortedBy(columns);
  const key = (row) => row.cells[column][1];
  const sign = order.descending && columns[column].key === order.by ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (typeof x === "number" ? x - y : String(x).localeCompare(y));
  });
}

function sortedBy(columns) {
  return Math.max(0, columns.findIndex(({ key }) => key === order.by));
}

function found(row) {
  const text = row.cells.map(([shown]) => shown).join(" ").toLowerCase();
  return one("input").value.toLowerCase().split(" ").every((word) => text.includes(word));
}

function draw() {
  const { caption, columns, rows, kept } = props.value ?? {};
  element.hidden = !rows?.length;
  if (element.hidden) return one("audio").pause();
  const shown = sorted(rows.filter(found), columns);
  one("caption").textContent = caption;
  one(".ranked").ariaLabel = caption;
  const count = texts.found.replace("{done}", shown.length).replace("{total}", rows.length);
  one(".count").textContent = shown.length < rows.length ? count : "";
  heads(columns);
  const focused = place(document.activeElement);
  one("tbody").replaceChildren(...shown.map(line));
  if (focused) button(focused)?.focus({ preventScroll: true });
  one(".legend").hidden = !rows.some(({ undecided }) => undecided);
  one(".downloads").hidden = !kept;
  if (kept) one(".downloads a").href = href(kept);
  if (!rows.some(({ source }) => source && source === chosen)) close();
}

// Where a button of the table is: its song and its column.
function place(focused) {
  const cell = element.contains(focused) && focused.closest("tbody :is(td, th)");
  return cell && { source: cell.parentElement.dataset.source, column: cell.cellIndex };
}

function button({ source, column }) {
  const row = [...one("tbody").children].find(({ dataset }) => dataset.source === source);
  return row?.children[column]?.querySelector("button");
}

function heads(columns) {
  const row = one("thead tr");
  if (row.children.length !== columns.length || columns.some(({ label }, i) => row.children[i].textContent !== label)) {
    row.replaceChildren(...columns.map(head)); // equal heads are not replaced, so they keep the focus
  }
  const column = sortedBy(columns);
  [...row.children].forEach((cell, i) => {
    if (i !== column) return cell.removeAttribute("aria-sort");
    cell.ariaSort = order.descending && columns[i].key === order.by ? "descending" : "ascending";
  });
}

function head({ key, label }, column) {
  const cell = make("th", "", { scope: "col" });
  const button = make("button", label, { type: "button" });
  button.onclick = () => {
    const again = cell.ariaSort !== null;
    order.descending = again ? cell.ariaSort === "ascending" : column > 1;
    order.by = key;
    draw();
  };
  cell.append(button);
  return cell;
}

function line(row) {
  const made = make("tr", "", { "data-source": row.source ?? "" });
  made.classList.toggle("kept", row.kept && !row.undecided);
  made.classList.toggle("undecided", row.undecided);
  made.append(...row.cells.map(([text, , part], i) => (i === 1 ? title(row, text) : passage(row, text, part))));
  return made;
}

function passage(row, text, part) {
  const cell = make("td", part ? "" : text);
  if (part) {
    const button = make("button", `▶ ${text}`, { type: "button", "aria-label": texts.hear.replace("{time}", text) });
    button.onclick = () => play(row, part);
    cell.append(button);
  }
  return cell;
}

function title(row, text) {
  const cell = make("th", row.source ? "" : text, { scope: "row" });
  if (row.source) {
    const button = make("button", text, { type: "button", "aria-pressed": row.source === chosen, title: texts.listen });
    button.onclick = () => play(row);
    cell.append(button);
  }
  return cell;
}

function play({ source, name }, part) {
  chosen = source;
  const audio = one("audio");
  one(".player").hidden = false;
  one(".playing").textContent = name;
  audio.ariaLabel = texts.player.replace("{song}", () => name);
  audio.src = href(source) + (part ? `#t=${part}` : ""); // from and to, in seconds
  audio.play().catch(() => {}); // the player itself shows that it cannot play
  const buttons = [...element.querySelectorAll("tbody th button")];
  for (const button of buttons) button.ariaPressed = button.textContent === name;
}

function close() {
  chosen = "";
  one("audio").pause();
  one("audio").removeAttribute("src");
  one(".player").hidden = true;
}

one("input").oninput = draw;
watch("value", draw);
draw();
