// Keeps this page's last result in the browser's tab, and shows it after a reload or a visit to another page.
const RESULTS = ".block.result, #take-along, #what-if-result";
const CONTROLS = "audio, button, input, label, .player, a:not([href^='data:'])"; // what works only while the songs are on the server
const PAUSE_MS = 300;
const key = `last result, ${document.documentElement.lang}, ${location.pathname}`;
const page = element.closest(".gradio-container");
const [note, kept] = element.querySelectorAll("p, div");

function onPage() {
  return [...page.querySelectorAll(RESULTS)].filter((part) => part.querySelector(".card, .verdict, td, .download"));
}

// What is left of a control: the time of a button that plays a part, and a column's name.
function said(control) {
  if (control.dataset.from) return control.textContent.replace("▶ ", "");
  return control.closest("th") ? control.innerText : "";
}

function copied(parts) {
  const copy = document.createElement("div");
  copy.innerHTML = parts.map((part) => part.innerHTML).join("");
  for (const control of copy.querySelectorAll(CONTROLS)) control.replaceWith(said(control));
  for (const named of copy.querySelectorAll("[id]")) named.removeAttribute("id");
  return copy.innerHTML;
}

function show(html) {
  element.hidden = !html;
  kept.innerHTML = html;
}

function keep() {
  const parts = onPage();
  if (!parts.length) return;
  show("");
  try {
    sessionStorage.setItem(key, copied(parts));
  } catch {
    sessionStorage.removeItem(key); // it is too long: an older one would be taken for it
  }
}

function forget() {
  sessionStorage.removeItem(key);
  show("");
  page.querySelector("#song, #songs, #pair").querySelector("button").focus(); // the focus was on a button that is gone
}

let soon = 0;
function changed(records) {
  if (records.some(({ target }) => target.parentElement?.closest(RESULTS))) soon ||= setTimeout(() => ((soon = 0), keep()), PAUSE_MS);
}

try {
  if (element.closest("gradio-app[src]")) throw new Error("The browser's storage is that of the page around this one.");
  show(sessionStorage.getItem(key) ?? "");
  note.querySelector("button").onclick = forget;
  new MutationObserver(changed).observe(page, { childList: true, subtree: true });
} catch {
  show(""); // nothing is kept for this page, such as one on a foreign page
}
