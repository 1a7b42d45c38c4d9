// Lets the visitor hear songs two at a time without names, and shows the visitor's order beside the judge's. Nothing is
// sent. A song is a number here: its place in props.value, where the songs are in the judge's order.
const one = (selector) => element.querySelector(selector);
const all = (selector) => [...element.querySelectorAll(selector)];
const view = element.closest("gradio-app[src]"); // set on a foreign page, whose address is not the server's
const site = view ? view.getAttribute("src").split("/embed/")[0] + "/" : document.baseURI;
const texts = props.texts;
const players = all("audio");
const songs = () => props.value ?? [];
let answers = []; // of all comparisons so far, as sorted() takes them
let swapped = false; // whether the pair's first song is B

// Sorts by binary insertion, as far as the answers go: 1 if the first song of a pair is better, 0 if both are alike, and
// -1 if it is worse. Alike songs stay in the judge's order. Returns the songs that have a place, the best first, the
// next pair, and how many comparisons there will be. `alike` means that a song is alike to the one before it.
function sorted(count, answers) {
  const order = [];
  let asked = 0;
  for (let song = 0; song < count; song++) {
    let [low, high, alike] = [0, order.length, false];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (asked === answers.length) return { order, pair: [song, order[middle].song], ...expected(high - low) };
      const answer = answers[asked++];
      if (answer > 0) high = middle;
      else [low, alike] = [middle + 1, answer === 0];
    }
    order.splice(low, 0, { song, alike });
    if (low + 1 < order.length) order[low + 1].alike = false; // the new song is better
  }
  return { order };

  // A comparison halves the places that are left: `width` + 1 for this song, and one more for each song after it.
  function expected(width) {
    const after = Array.from({ length: count - 1 - order.length }, (_, i) => Math.log2(order.length + 2 + i));
    const total = after.reduce((sum, each) => sum + each, asked + Math.log2(width + 1));
    return { total: Math.round(total), exact: width === 1 && !after.length };
  }
}

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function show(state, text) {
  for (const part of all("[data-while]")) part.hidden = !part.dataset.while.split(" ").includes(state);
  for (const player of players) player.pause();
  one(".problem").hidden = true;
  one(".status").textContent = text;
}

function reset() {
  element.hidden = !songs().length;
  show("closed", "");
  one("tbody").replaceChildren();
}

function start() {
  answers = [];
  ask();
}

function ask() {
  const { order, pair, total, exact } = sorted(songs().length, answers);
  if (!pair) return reveal(order);
  swapped = Math.random() < 0.5;
  show("asking", filled(exact ? texts.comparison : texts.about, { n: answers.length + 1, total }));
  const [a, b] = swapped ? [pair[1], pair[0]] : pair;
  [a, b].forEach((song, side) => (players[side].src = new URL(songs()[song].source, site).href));
  const equal = factors([a, b].map((song) => songs()[song].loudness));
  if (!view) players.forEach((player, side) => level(player, equal[side]));
  players[0].focus();
}

function answer(better) {
  answers.push(swapped ? -better : better);
  ask();
}

function stop() {
  const { order } = sorted(songs().length, answers);
  if (order.length > 1) return reveal(order);
  reset();
  one(".open").focus();
}

function reveal(order) {
  const places = [];
  for (const { alike } of order) places.push(alike ? places.at(-1) : places.length + 1);
  const placed = order.map(({ song }, i) => ({ ...songs()[song], place: places[i] }));
  const others = songs().slice(order.length).map((song) => ({ ...song, place: "–" }));
  show("done", agreement(placed));
  one("tbody").replaceChildren(...[...placed, ...others].map(line));
  one(".scroll").focus();
}

function line({ name, place, rank }) {
  const row = document.createElement("tr");
  row.innerHTML = '<th scope="row"></th><td></td><td></td>';
  [name, place, rank].forEach((text, i) => (row.cells[i].textContent = text));
  return row;
}

function agreement(placed) {
  const pairs = placed.flatMap((first, i) => placed.slice(i + 1).map((second) => [first, second]));
  const decided = pairs.filter(([a, b]) => a.place !== b.place && a.rank !== b.rank);
  const same = decided.filter(([a, b]) => a.rank < b.rank).length;
  const left = pairs.length - decided.length;
  if (!decided.length) return texts.none;
  if (pairs.length === 1) return same ? texts.same : texts.other;
  const said = filled(texts.agreement, { same, total: decided.length });
  return left ? `${said} ${filled(texts.left, { n: left })}` : said;
}

// Only one player of the page plays at a time.
function alone({ target }) {
  if (!element.isConnected) return document.removeEventListener("play", alone, true);
  const page = element.closest(".gradio-container");
  if (!page.contains(target)) return; // of a page around this one
  for (const player of page.querySelectorAll("audio")) if (player !== target) player.pause();
}

if (view) one(".equal").remove(); // a player whose song comes from another site would be silent
for (const player of players) {
  player.onerror = () => {
    one(".problem").textContent = texts.broken;
    one(".problem").hidden = false;
  };
}
for (const button of all("[data-better]")) button.onclick = () => answer(Number(button.dataset.better));
one(".open").onclick = one(".again").onclick = start;
one(".stop").onclick = stop;
document.addEventListener("play", alone, true);
watch("value", reset);
reset();
